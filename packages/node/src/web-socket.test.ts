import { createServer, request, type Server } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import type { Link, LinkClosed, LinkInfo, ListenHost } from '@rejoin/sync'
import { runTransportContract } from '@rejoin/sync/contracts'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { webSocket } from './web-socket.ts'
import { type WebSocketServerOptions, webSocketServer } from './web-socket-server.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

async function listening(options: Omit<WebSocketServerOptions, 'server'> = {}) {
  const http = createServer((_request, response) => response.end('page'))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    http.closeAllConnections()
    http.close()
  })
  return { http, port: portOf(http), transport: webSocketServer({ server: http, ...options }) }
}

const portOf = (server: Server | ReturnType<typeof createTcpServer>): number => (server.address() as AddressInfo).port
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))
const until = (condition: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 15_000, interval: 5 })

/** A TCP relay that can drop its connections without a farewell. */
async function relayTo(port: number) {
  const sockets = new Set<Socket>()
  const relay = createTcpServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
    }
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => relay.close())
  return {
    port: portOf(relay),
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy()
    },
  }
}

runTransportContract({ describe, it, expect }, 'ws', async () => {
  const { transport, port } = await listening()
  const relay = await relayTo(port)
  return {
    left: webSocket(`ws://127.0.0.1:${relay.port}/`),
    right: transport,
    settle,
    cut: relay.cut,
    nowhere: webSocket('ws://127.0.0.1:1/'),
    dispose: () => relay.cut(),
  }
})

/** A host that remembers its links. */
function recordingHost() {
  const links: Link[] = []
  const infos: LinkInfo[] = []
  const closed: LinkClosed[] = []
  const frames: Uint8Array[] = []
  const host: ListenHost = {
    accept: (link, info) => {
      links.push(link)
      infos.push(info)
      return { opened: () => {}, frame: (bytes) => frames.push(bytes), closed: (reason) => closed.push(reason) }
    },
  }
  return { host, links, infos, closed, frames }
}

describe('webSocketServer', () => {
  it('tells address and origin of a link', async () => {
    const { transport, port } = await listening()
    const { host, infos } = recordingHost()
    transport.listen(host)
    new WebSocket(`ws://127.0.0.1:${port}/`, { origin: 'https://game.example' })
    await until(() => infos.length === 1)
    expect(infos[0]).toMatchObject({ origin: 'https://game.example', initiator: false })
    expect(infos[0]?.remote).toMatch(/^127\.0\.0\.1:\d+$/)
  })

  it('refuses an upgrade with the status, code and reason of the hook', async () => {
    const { transport, port } = await listening({
      refuse: ({ headers }) =>
        headers.origin === 'https://evil.example'
          ? { status: 403, code: 'origin-refused', reason: 'That page may not connect.' }
          : undefined,
    })
    transport.listen(recordingHost().host)
    const refused = await upgradeAnswer(port, '/', 'https://evil.example')
    expect(refused).toEqual({ status: 403, body: { code: 'origin-refused', reason: 'That page may not connect.' } })
    expect((await upgradeAnswer(port, '/', 'https://good.example')).status).toBe(101)
  })

  it('answers one path only, and nobody while it does not listen', async () => {
    const { transport, port, http } = await listening({ path: '/sync' })
    const listener = transport.listen(recordingHost().host)
    expect((await upgradeAnswer(port, '/other')).status).toBe(404)
    expect((await upgradeAnswer(port, '/sync?x=1')).status).toBe(101)
    expect((await upgradeAnswer(port, '/')).status).toBe(404)
    listener.close()
    http.on('upgrade', (request, socket, head) => transport.upgrade(request, socket, head))
    expect(await upgradeAnswer(port, '/sync')).toMatchObject({ status: 503, body: { code: 'going-away' } })
  })

  it('[DI8] answers without a path of its own also where addresses without one lead', async () => {
    const { transport, port } = await listening()
    transport.listen(recordingHost().host)
    expect((await upgradeAnswer(port, '/')).status).toBe(101)
    expect((await upgradeAnswer(port, '/sync')).status).toBe(101)
    expect((await upgradeAnswer(port, '/other')).status).toBe(404)
  })

  it('ends a link whose frame is beyond the limit, at both ends with a code', async () => {
    const { transport, port } = await listening({ maxFrameBytes: 1000 })
    const { host, closed, frames } = recordingHost()
    transport.listen(host)
    const told: LinkClosed[] = []
    const link = webSocket(`ws://127.0.0.1:${port}/`).dial({
      opened: () => {
        link.send(new Uint8Array(1000))
        link.send(new Uint8Array(1001))
      },
      frame: () => {},
      closed: (reason) => told.push(reason),
    })
    await until(() => told.length === 1 && closed.length === 1)
    expect(frames.map((frame) => frame.length)).toEqual([1000])
    expect(told[0]?.code).toBe('too-large')
    expect(closed[0]?.code).toBe('too-large')
  })

  it('ends a link that sends text or breaks the WebSocket protocol', async () => {
    const { transport, port } = await listening()
    const { host, closed } = recordingHost()
    transport.listen(host)
    const texting = new WebSocket(`ws://127.0.0.1:${port}/`)
    texting.on('open', () => texting.send('hello'))
    await until(() => closed.length === 1)
    expect(closed[0]?.code).toBe('malformed')
    const rude = new WebSocket(`ws://127.0.0.1:${port}/`)
    rude.on('error', () => {})
    rude.on('open', () => (rude as unknown as { _socket: Socket })._socket.write(Buffer.alloc(64, 0xff)))
    await until(() => closed.length === 2)
    expect(closed[1]).toMatchObject({ code: 'malformed', clean: false })
  })

  it('brings close code and reason across, and says going-away when it stops listening', async () => {
    const { transport, port } = await listening()
    const { host, links } = recordingHost()
    const listener = transport.listen(host)
    const told: LinkClosed[] = []
    const dial = () =>
      webSocket(`ws://127.0.0.1:${port}/`).dial({
        opened: () => {},
        frame: () => {},
        closed: (reason) => told.push(reason),
      })
    dial()
    await until(() => links.length === 1)
    links[0]?.close('refused', 'no entry for you')
    await until(() => told.length === 1)
    expect(told[0]).toEqual({ code: 'refused', reason: 'no entry for you', clean: true })
    dial()
    await until(() => links.length === 2 && transport.links === 1)
    listener.close()
    await until(() => told.length === 2)
    expect(told[1]?.code).toBe('going-away')
    expect(transport.links).toBe(0)
  })

  it('a host may close a link while it looks at it', async () => {
    const { transport, port } = await listening()
    const closed: LinkClosed[] = []
    transport.listen({
      accept: (link) => {
        link.close('busy', 'too many')
        return { opened: () => {}, frame: () => {}, closed: (reason) => closed.push(reason) }
      },
    })
    const told: LinkClosed[] = []
    webSocket(`ws://127.0.0.1:${port}/`).dial({ opened: () => {}, frame: () => {}, closed: (r) => told.push(r) })
    await until(() => told.length === 1 && closed.length === 1)
    expect(told[0]).toMatchObject({ code: 'busy', reason: 'too many' })
    expect(closed).toEqual([{ code: 'busy', reason: 'too many', clean: true }])
    expect(transport.links).toBe(0)
  })

  it('shows what a slow reader leaves waiting as buffered bytes', async () => {
    const { transport, port } = await listening()
    const { host, links } = recordingHost()
    transport.listen(host)
    const slow = new WebSocket(`ws://127.0.0.1:${port}/`)
    await until(() => links.length === 1 && slow.readyState === slow.OPEN)
    ;(slow as unknown as { _socket: Socket })._socket.pause()
    for (let i = 0; i < 64; i++) links[0]?.send(new Uint8Array(1 << 19))
    await settle()
    expect(links[0]?.bufferedBytes).toBeGreaterThan(1 << 20)
    ;(slow as unknown as { _socket: Socket })._socket.resume()
    await until(() => links[0]?.bufferedBytes === 0)
  })
})

describe('webSocket', () => {
  it('tells of an address that is none by closed', async () => {
    const told: LinkClosed[] = []
    webSocket('not an address').dial({ opened: () => {}, frame: () => {}, closed: (reason) => told.push(reason) })
    await settle()
    expect(told).toMatchObject([{ code: 'unreachable', clean: false }])
  })

  it('[DI8] means /sync where the address names no path, and takes a path as it is', async () => {
    const { http, port } = await listening()
    const asked: unknown[] = []
    http.on('upgrade', ({ url }, socket) => {
      asked.push(url)
      socket.destroy()
    })
    for (const rest of ['', '/', '?room=1', '/other', '/other/', '/sync/']) {
      const before = asked.length
      webSocket(`ws://127.0.0.1:${port}${rest}`).dial({ opened: () => {}, frame: () => {}, closed: () => {} })
      await until(() => asked.length > before)
    }
    expect(asked).toEqual(['/sync', '/sync', '/sync?room=1', '/other', '/other/', '/sync/'])
  })

  it('[DI9] says what an answer means that is no upgrade, and what to do', async () => {
    const cases: [number, string, RegExp][] = [
      [404, 'handshake-failed', /^HTTP 404 at \/nowhere: The server has nothing at that path\. Check the path/],
      [401, 'handshake-failed', /^HTTP 401 at .* wants a credential of its own\./],
      [403, 'handshake-failed', /^HTTP 403 at .* rule for origins/],
      [400, 'handshake-failed', /^HTTP 400 at .* token\(\) hands them over/],
      [200, 'handshake-failed', /^HTTP 200 at .* does not take WebSockets\./],
      [500, 'handshake-failed', /^HTTP 500 at .* Look into its log/],
      [502, 'handshake-failed', /^HTTP 502 at .* proxy in front does not reach the server\./],
      [504, 'handshake-failed', /^HTTP 504 at .* proxy in front does not reach the server\./],
      [503, 'try-later', /^HTTP 503 at .* starting, draining or overloaded\. Wait/],
      [429, 'try-later', /^HTTP 429 at .* no more connections now/],
    ]
    for (const [status, code, reason] of cases) {
      const { transport, port } = await listening({
        path: '/nowhere',
        refuse: () => ({ status, code: 'refused', reason: 'for a test' }),
      })
      transport.listen(recordingHost().host)
      const told: LinkClosed[] = []
      const dialled = webSocket(`ws://127.0.0.1:${port}/nowhere`)
      dialled.dial({ opened: () => {}, frame: () => {}, closed: (r) => told.push(r) })
      await until(() => told.length === 1)
      expect(told[0]).toEqual({ code, reason: expect.stringMatching(reason), clean: false, stage: 'handshake' })
    }
  })

  it('[DI9] leaves what the platform says of other failures', async () => {
    const told: LinkClosed[] = []
    webSocket('ws://127.0.0.1:1').dial({ opened: () => {}, frame: () => {}, closed: (r) => told.push(r) })
    await until(() => told.length === 1)
    expect(told[0]).toMatchObject({ code: 'lost', reason: expect.stringContaining('ECONNREFUSED'), stage: 'tcp' })
  })

  it('keeps the token out of address and name', () => {
    const transport = webSocket('wss://sync.example/', { token: () => 'secret' })
    expect(transport.name).toBe('wss://sync.example/')
    expect(transport.token?.()).toBe('secret')
  })
})

/** Asks for an upgrade by hand, to read the HTTP answer. */
function upgradeAnswer(port: number, path: string, origin?: string): Promise<{ status: number; body?: unknown }> {
  return new Promise((resolve, reject) => {
    const asked = request({
      port,
      path,
      host: '127.0.0.1',
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...(origin === undefined ? {} : { Origin: origin }),
      },
    })
    asked.on('upgrade', (_answer, socket) => {
      socket.destroy()
      resolve({ status: 101 })
    })
    asked.on('response', (answer) => {
      let text = ''
      answer.on('data', (chunk) => (text += chunk))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) }))
    })
    asked.on('error', reject)
    asked.end()
  })
}
