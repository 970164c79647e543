import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A cable between clients and one server that can be pulled. */
export interface TcpRelay {
  readonly port: number
  /** Breaks every connection without a farewell, and refuses new ones until `restore`. */
  cut(): void
  /** Swallows what goes towards the server, or comes from it, without a word to either, until `restore`. */
  swallow(towards: 'server' | 'client' | 'both'): void
  restore(): void
  /** Connections that are up. */
  readonly connections: number
  close(): Promise<void>
}

/** Relays TCP connections from a free loopback port to `port`. Emulated offline modes of browsers spare open WebSockets. */
export async function relayTo(port: number): Promise<TcpRelay> {
  const sockets = new Set<Socket>()
  const halves = new Set<{ readonly from: Socket; readonly towards: 'server' | 'client' }>()
  let isCut = false
  let swallowed: 'server' | 'client' | 'both' | undefined
  const isSwallowed = (towards: 'server' | 'client'): boolean => swallowed === towards || swallowed === 'both'
  const pass = (from: Socket, to: Socket, towards: 'server' | 'client'): void => {
    const half = { from, towards }
    halves.add(half)
    from.on('data', (bytes) => {
      if (!to.write(bytes)) from.pause()
    })
    to.on('drain', () => {
      if (!isSwallowed(towards)) from.resume()
    })
    from.on('end', () => to.end())
    from.on('close', () => {
      halves.delete(half)
      to.destroy()
    })
    if (isSwallowed(towards)) from.pause()
  }
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
    pass(near, far, 'server')
    pass(far, near, 'client')
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
    swallow: (towards) => {
      swallowed = towards
      for (const half of halves) if (isSwallowed(half.towards)) half.from.pause()
    },
    restore: () => {
      isCut = false
      swallowed = undefined
      for (const { from } of halves) from.resume()
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
