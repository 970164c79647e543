/** The HTTP servers of one sync server: the port for everybody, and the admin port when there is one. */
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocketServerTransport } from '@rejoin/node'
import { rejoinError } from '@rejoin/state'
import type { Health } from '@rejoin/sync/partition'
import { createHttpFront, type Readiness } from './http-front.ts'
import type { ServerMetrics } from './metrics.ts'
import type { IsOperator } from './operator-access.ts'
import type { ServerSettings } from './settings.ts'
import { type StaticFiles, staticFiles } from './static-files.ts'

/** Sockets beyond the connection limit: probes, files, and those that are told that the server is full. */
const spareSockets = 1_000

/** What the fronts serve. */
export interface FrontParts {
  readonly settings: ServerSettings
  readonly operations: {
    readonly readiness: () => Readiness
    readonly isOperator: IsOperator | undefined
    readonly metrics: ServerMetrics
    readonly health: () => Health
    readonly debug: (name: string) => object | string | undefined
    readonly operate: (name: string, request: unknown) => Promise<object | undefined>
  }
  readonly files: StaticFiles | undefined
  readonly sockets: WebSocketServerTransport
}

/** Creates the servers; none listens yet. With an admin port, health and numbers are there only. */
export function createFronts({ settings, operations, files, sockets }: FrontParts): {
  readonly front: Server
  readonly admin: Server | undefined
} {
  const countRequest = (status: number): void => operations.metrics.httpRequests.inc({ status: String(status) })
  const withAdmin = settings.adminPort !== undefined
  const front = createHttpFront({
    operations: withAdmin ? undefined : { ...operations, metricsFor: 'this-machine' },
    files,
    countRequest,
  })
  front.maxConnections = settings.limits.connections + spareSockets
  front.on('upgrade', (request, socket, head) => {
    if (!sockets.upgrade(request, socket, head)) refuseOtherPath(socket)
  })
  if (!withAdmin) return { front, admin: undefined }
  const admin = createHttpFront({
    operations: { ...operations, metricsFor: 'everyone' },
    files: undefined,
    countRequest,
  })
  return { front, admin }
}

/** @throws RejoinError `config-invalid` when the directory is not there. */
export async function openStaticFiles(directory: string): Promise<StaticFiles> {
  return await staticFiles(directory).catch((cause: NodeJS.ErrnoException) => {
    throw rejoinError('config-invalid', { reason: `static: ${directory} cannot be served (${cause.code}).`, cause })
  })
}

function refuseOtherPath(socket: Duplex): void {
  socket.on('error', () => socket.destroy())
  socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
}
