import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A cable between clients and one server that can be pulled. */
export interface TcpRelay {
  readonly port: number
  /** Breaks every connection without a farewell, and refuses new ones until `restore`. */
  cut(): void
  restore(): void
  /** Connections that are up. */
  readonly connections: number
  close(): Promise<void>
}

/** Relays TCP connections from a free loopback port to `port`. Emulated offline modes of browsers spare open WebSockets. */
export async function relayTo(port: number): Promise<TcpRelay> {
  const sockets = new Set<Socket>()
  let isCut = false
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  }
  const server = createServer((near) => {
    keep(near)
    if (isCut) {
      near.resetAndDestroy()
      return
    }
    const far = connect(port, '127.0.0.1')
    keep(far)
    near.pipe(far).pipe(near)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })
  const dropAll = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true
      dropAll()
    },
    restore: () => {
      isCut = false
    },
    get connections() {
      return sockets.size / 2
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        dropAll()
      }),
  }
}
