/// <reference types="node" preserve="true" />
import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  acceptLink,
  type Link,
  type LinkClosed,
  type LinkEvents,
  type ListenHost,
  type ListenTransport,
  syncPath,
  webSocketLink,
} from '@rejoin/sync'
import { type WebSocket, WebSocketServer } from 'ws'

/** Why an upgrade is refused: the HTTP status, and a code and reason for the body. */
export interface UpgradeRefusal {
  readonly status: number
  readonly code: string
  readonly reason: string
}

/** How a process takes WebSocket connections in. */
export interface WebSocketServerOptions {
  /** Answers the upgrades of this server while listening. Without it, hand them to `upgrade`. */
  readonly server?: Server
  /**
   * The one path that is answered, `/` unless told; a query is ignored. With `/` so is `/sync`, which is what is dialled where an
   * address names no path.
   */
  readonly path?: string
  /** Largest frame taken in, in bytes; a larger one ends the link with `too-large`. 1 MiB unless told. */
  readonly maxFrameBytes?: number
  /** Looks at a request (Origin, address, how many there are) before anything is allocated for it. */
  readonly refuse?: (request: IncomingMessage) => UpgradeRefusal | undefined
  /** The address for logs and limits; that of the socket unless told, which behind a proxy is the proxy's. */
  readonly remoteOf?: (request: IncomingMessage) => string
  /** Unique within one `connect`. */
  readonly name?: string
}

/** A listening transport over WebSockets that somebody else's HTTP server upgrades. */
export interface WebSocketServerTransport extends ListenTransport {
  /**
   * Takes over an HTTP upgrade. False when the path is another one: then nothing was done to the socket.
   * A refused upgrade is answered by an HTTP error whose body is `{ code, reason }`.
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean
  /** Open links. */
  readonly links: number
}

/** Pings are not answered while this much waits for the peer to read. */
const maxPongBacklogBytes = 65_536

/** A closing peer has this long to answer before its socket is destroyed. */
const closeGraceMs = 1_000

/** Takes WebSocket connections in. Frames are binary and uncompressed; pings are the protocol's business. */
export function webSocketServer(options: WebSocketServerOptions = {}): WebSocketServerTransport {
  const { path = '/', maxFrameBytes = 1 << 20, name = 'websocket-server', remoteOf = remoteAddress } = options
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
    // Answered below: pongs to a peer that sends pings and reads nothing would pile up here without bound.
    autoPong: false,
  })
  const open = new Map<WebSocket, Link>()
  let host: ListenHost | undefined

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): boolean => {
    const asked = pathOf(request)
    if (asked !== path && !(path === '/' && asked === syncPath)) return false
    const refusal =
      host === undefined
        ? { status: 503, code: 'going-away', reason: 'This server takes no connections now.' }
        : options.refuse?.(request)
    if (refusal !== undefined) refuseUpgrade(socket, refusal)
    else server.handleUpgrade(request, socket, head, (accepted) => announce(accepted, request))
    return true
  }

  const announce = (socket: WebSocket, request: IncomingMessage): void => {
    if (host === undefined) {
      socket.terminate()
      return
    }
    socket.binaryType = 'arraybuffer'
    socket.on('ping', (data) => {
      if (socket.bufferedAmount < maxPongBacklogBytes) socket.pong(data)
    })
    let fault: LinkClosed | undefined
    socket.on('error', (error: NodeJS.ErrnoException) => {
      fault = faultOf(error)
    })
    const { origin } = request.headers
    let events: LinkEvents | undefined
    let isOpen = true
    const info = { remote: remoteOf(request), ...(origin === undefined ? {} : { origin }), initiator: false }
    const link = acceptLink(host, info, (told) => {
      events = told
      const closed = (reason: LinkClosed): void => {
        isOpen = false
        open.delete(socket)
        destroyLater(socket)
        told.closed(reason.clean ? reason : (fault ?? reason))
      }
      return webSocketLink(socket, { ...told, closed }, maxFrameBytes)
    })
    if (!isOpen) return
    open.set(socket, link)
    events?.opened()
  }

  return {
    kind: 'listen',
    name,
    reliable: true,
    upgrade,
    get links() {
      return open.size
    },
    listen: (listener) => {
      host = listener
      const answer = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
        const alone = options.server?.listenerCount('upgrade') === 1
        if (!upgrade(request, socket, head) && alone) {
          refuseUpgrade(socket, { status: 404, code: 'not-found', reason: `WebSockets are answered at ${path}.` })
        }
      }
      options.server?.on('upgrade', answer)
      return {
        close: () => {
          host = undefined
          options.server?.off('upgrade', answer)
          for (const link of [...open.values()]) link.close('going-away', 'the server is closing')
        },
      }
    },
  }
}

/** The closing handshake needs the peer; a peer that is gone would keep the socket for half a minute. */
function destroyLater(socket: WebSocket): void {
  if (socket.readyState === socket.CLOSED) return
  const timer = setTimeout(() => socket.terminate(), closeGraceMs)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}

/** What a peer did wrong on the WebSocket itself. ws tells the peer by a close code, and this side only by an error. */
function faultOf({ code = '', message }: NodeJS.ErrnoException): LinkClosed | undefined {
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return { code: 'too-large', reason: message, clean: false }
  return code.startsWith('WS_ERR_') ? { code: 'malformed', reason: message, clean: false } : undefined
}

function refuseUpgrade(socket: Duplex, { status, code, reason }: UpgradeRefusal): void {
  const body = JSON.stringify({ code, reason })
  // The peer may be gone already; its error must not become an uncaught one.
  socket.on('error', () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\nConnection: close\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').replace(/[?#].*$/s, '')
}

function remoteAddress(request: IncomingMessage): string {
  const { remoteAddress: address = 'unknown', remotePort = 0 } = request.socket
  return address.includes(':') ? `[${address}]:${remotePort}` : `${address}:${remotePort}`
}
