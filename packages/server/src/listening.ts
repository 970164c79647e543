/** Opening and closing of the ports. */
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { rejoinError } from '@rejoin/state'
import { sentence } from './sentence.ts'

/** Every socket of a server, upgraded ones too, which its own `closeAllConnections` forgets. */
const socketsByServer = new WeakMap<Server, Set<Socket>>()

/** Binds, and answers the port that was really taken. */
export async function bind(server: Server, host: string, port: number): Promise<number> {
  const sockets = new Set<Socket>()
  socketsByServer.set(server, sockets)
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      reject(
        rejoinError('address-unavailable', { reason: bindTrouble(cause, host, port), cause, details: { host, port } }),
      )
    }
    server.once('error', failed)
    server.listen({ host: host.replace(/^\[(.*)\]$/, '$1'), port }, () => {
      server.off('error', failed)
      resolve()
    })
  })
  return (server.address() as AddressInfo).port
}

/** Stops taking connections and waits until the last one is gone; after `graceMs` the rest is cut. */
export async function unbind(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return
  const gone = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => {
    for (const socket of socketsByServer.get(server) ?? []) socket.destroy()
  }, graceMs)
  await gone
  clearTimeout(timer)
}

/** An address that a browser on this machine can open. */
export function urlOf(protocol: 'http' | 'ws', host: string, port: number): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  const name = bare === '0.0.0.0' || bare === '::' ? 'localhost' : bare.includes(':') ? `[${bare}]` : bare
  return `${protocol}://${name}:${port}`
}

function bindTrouble(cause: NodeJS.ErrnoException, host: string, port: number): string {
  switch (cause.code) {
    case 'EADDRINUSE':
      return `Port ${port} of ${host} is taken by another process.`
    case 'EACCES':
      return `This user may not listen on port ${port}.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine.`
    default:
      return sentence(`Cannot listen on ${host} port ${port}: ${cause.message}`)
  }
}
