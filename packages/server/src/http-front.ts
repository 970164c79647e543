/**
 * The plain HTTP side of the server: health, metrics and the files of the app. WebSocket upgrades go elsewhere.
 *
 * `/debug/...` shows operators where the server stands, to the same callers as `/metrics`; `/debug` lists what there is.
 * `/livez` says that the process answers. `/readyz` says whether clients should be sent here: not while draining, not
 * while the store fails. `/health` says both, with the reason, and how well the server does among the voters, for whoever looks there. `/metrics` tells operators everything, so on a port that others reach it answers only callers
 * on this machine that came without a proxy; everybody else is pointed to the admin port. See `operator-access.ts`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type ErrorText, errorCodes, isRejoinError } from '@rejoin/state'
import type { Health } from '@rejoin/sync/partition'
import { debugIndex } from './debug.ts'
import type { ServerMetrics } from './metrics.ts'
import { type Access, type AccessRules, mayLook, mayOperate } from './operator-access.ts'
import { securityHeaders } from './security-headers.ts'
import type { StaticFiles } from './static-files.ts'

/** What the server can say about itself when asked whether clients may come. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly code: string }

/** What the HTTP side serves. On the admin port there are no files, on the public one no health once there is an admin port. */
export interface HttpFront {
  readonly operations:
    | (AccessRules & {
        readonly readiness: () => Readiness
        readonly metrics: ServerMetrics
        /** How well the server does among the voters. */
        readonly health: () => Health
        /** Carries out a request of an operator; undefined where there is none of the name. */
        readonly operate: (name: string, request: unknown) => Promise<object | undefined>
        /** What `/debug/...` answers: plain data, or text; undefined where there is nothing of the name. */
        readonly debug: (name: string) => object | string | undefined
      })
    | undefined
  readonly files: StaticFiles | undefined
  readonly countRequest: (status: number) => void
}

/** Time to send the head of a request, and the whole of it. A body is 64 KiB at most. */
const headersTimeoutMs = 10_000
const requestTimeoutMs = 15_000

/** A server for these routes. Whatever a client sends, the answer is an HTTP status and the process goes on. */
export function createHttpFront(front: HttpFront): Server {
  const server = createServer({
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: 2_000,
    keepAliveTimeout: 5_000,
    maxHeaderSize: 16_384,
  })
  server.maxHeadersCount = 100
  server.on('request', (request, response) => {
    response.on('finish', () => front.countRequest(response.statusCode))
    route(front, request, response).catch(() => {
      if (response.headersSent) response.destroy()
      else sendText(response, 500, 'internal error\n')
    })
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
    front.countRequest(Number(status.slice(0, 3)))
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    else socket.destroy()
  })
  return server
}

async function route(front: HttpFront, request: IncomingMessage, response: ServerResponse): Promise<void> {
  for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value)
  if (
    request.method === 'POST' &&
    front.operations !== undefined &&
    (await operator(front.operations, request, response))
  )
    return
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    // Its body, if any, is not read: the connection ends with the answer.
    response.setHeader('allow', 'GET, HEAD')
    response.setHeader('connection', 'close')
    sendText(response, 405, 'only GET and HEAD\n')
    return
  }
  const pathname = (request.url ?? '/').split(/[?#]/, 1)[0] ?? '/'
  if (front.operations !== undefined && (await operations(front.operations, request, response, pathname))) return
  if (front.files !== undefined && (await front.files(request, response, pathname))) return
  sendText(response, 404, 'not found\n')
}

async function operations(
  served: NonNullable<HttpFront['operations']>,
  request: IncomingMessage,
  response: ServerResponse,
  pathname: string,
): Promise<boolean> {
  const { readiness, metrics, health, debug } = served
  const isDebug = pathname === '/debug' || pathname.startsWith('/debug/')
  const isForOperators = pathname === '/metrics' || isDebug
  if (isForOperators) {
    const access = await mayLook(request, served)
    const reason = 'for callers on this machine only; start the server with --admin-port to read it elsewhere'
    if (access !== 'granted') {
      refuse(response, access, `${pathname} is ${reason}`)
      return true
    }
  }
  if (isDebug) {
    const answer = debug(pathname.slice('/debug/'.length))
    if (answer === undefined) sendText(response, 404, `there is no ${pathname}; there are\n${debugIndex()}`)
    else if (typeof answer === 'string') sendText(response, 200, answer)
    else sendJson(response, 200, answer)
    return true
  }
  switch (pathname) {
    case '/livez':
      sendJson(response, 200, { live: true })
      return true
    case '/health': {
      const state = readiness()
      const { status, reasons } = health()
      // To anybody: names of servers are for `/debug/health`. Who is degraded serves all the same.
      const among = { status, reasons: reasons.map(({ code }) => code) }
      sendJson(response, state.ready ? 200 : 503, { live: true, ...readinessWords(state), ...among })
      return true
    }
    case '/readyz': {
      const state = readiness()
      sendJson(response, state.ready ? 200 : 503, state)
      return true
    }
    case '/metrics': {
      const text = await metrics.text()
      response.setHeader('content-type', metrics.contentType)
      send(response, 200, text)
      return true
    }
    default:
      return false
  }
}

/** With the reason where clients should not be sent here. */
export function readinessWords(state: Readiness): Readiness & { readonly reason?: string } {
  if (state.ready) return state
  const texts: Readonly<Record<string, ErrorText>> = errorCodes
  return { ...state, reason: texts[state.code]?.reason ?? 'The server has not started yet.' }
}

/** Requests of operators are small. */
const mostRequestBytes = 65_536

async function operator(
  served: NonNullable<HttpFront['operations']>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const pathname = (request.url ?? '/').split(/[?#]/, 1)[0] ?? '/'
  if (!pathname.startsWith('/operate/')) return false
  const access = await mayOperate(request, served)
  if (access !== 'granted') {
    response.setHeader('connection', 'close')
    refuse(response, access, 'for the rejoin command on this machine, or on the admin port')
    return true
  }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostRequestBytes) {
      response.setHeader('connection', 'close')
      sendText(response, 413, 'too large\n')
      return true
    }
    chunks.push(chunk)
  }
  try {
    const answer = await served.operate(
      pathname.slice('/operate/'.length),
      JSON.parse(Buffer.concat(chunks).toString() || '{}'),
    )
    if (answer === undefined) sendText(response, 404, 'not found\n')
    else sendJson(response, 200, answer)
  } catch (error) {
    if (isRejoinError(error)) sendText(response, error.code.startsWith('storage-') ? 503 : 400, `${error.reason}\n`)
    else if (error instanceof SyntaxError) sendText(response, 400, 'not JSON\n')
    else throw error
  }
  return true
}

function refuse(response: ServerResponse, access: Exclude<Access, 'granted'>, whyFar: string): void {
  if (access === 'far') {
    sendText(response, 403, `${whyFar}\n`)
    return
  }
  response.setHeader('www-authenticate', 'Bearer')
  sendText(response, 401, 'for operators: a bearer token that the authorize hook answers admin for @cluster\n')
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  send(response, status, text)
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.setHeader('content-type', 'application/json; charset=utf-8')
  send(response, status, `${JSON.stringify(value)}\n`)
}

function send(response: ServerResponse, status: number, body: string): void {
  response.setHeader('cache-control', 'no-store')
  response.writeHead(status, { 'content-length': Buffer.byteLength(body) })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
