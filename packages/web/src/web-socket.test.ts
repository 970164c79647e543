import type { AddressInfo } from 'node:net'
import type { LinkClosed } from '@rejoin/sync'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocket as NodeWebSocket, WebSocketServer } from 'ws'
import { webSocket } from './web-socket.ts'
import { webSockets } from './web-sockets.ts'

afterEach(() => vi.unstubAllGlobals())

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

function recorder() {
  const closed: LinkClosed[] = []
  const frames: number[][] = []
  let opened = 0
  return {
    closed,
    frames,
    opened: () => opened,
    events: {
      opened: () => {
        opened += 1
      },
      frame: (bytes: Uint8Array) => frames.push([...bytes]),
      closed: (reason: LinkClosed) => closed.push(reason),
    },
  }
}

describe('webSocket of a page', () => {
  it('carries frames and close codes, and dials the page itself by a path', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/sync' })
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    server.on('connection', (socket) => {
      socket.on('message', (data) => {
        socket.send(data)
        socket.close(4000, 'refused: seen enough')
      })
    })
    vi.stubGlobal('WebSocket', NodeWebSocket)
    vi.stubGlobal('location', { href: `http://127.0.0.1:${port}/page` })
    const { closed, frames, opened, events } = recorder()
    const link = webSocket('/sync').dial(events)
    await vi.waitFor(() => expect(opened()).toBe(1))
    link.send(new Uint8Array([1, 2, 3]))
    await vi.waitFor(() => expect(closed.length).toBe(1))
    expect(frames).toEqual([[1, 2, 3]])
    expect(closed[0]).toEqual({ code: 'refused', reason: 'seen enough', clean: true })
    server.close()
  })

  it('[DI8] means /sync where the address names no path, and takes a path as it is', () => {
    const dialled: string[] = []
    vi.stubGlobal('WebSocket', function dial(url: string) {
      dialled.push(url)
      throw new Error('not now')
    })
    vi.stubGlobal('location', { href: 'https://app.example/page?x=1' })
    const { events } = recorder()
    for (const url of ['wss://a.example', 'ws://a.example:4000/', 'https://a.example?room=1', '/', '/sync', '/other'])
      webSocket(url).dial(events)
    expect(dialled).toEqual([
      'wss://a.example/sync',
      'ws://a.example:4000/sync',
      'wss://a.example/sync?room=1',
      'wss://app.example/sync',
      'wss://app.example/sync',
      'wss://app.example/other',
    ])
  })

  it('tells of an address that is none, and of one that the page may not dial, by closed', async () => {
    vi.stubGlobal('WebSocket', function forbid() {
      throw new DOMException('mixed content', 'SecurityError')
    })
    for (const address of ['not an address', 'ws://example.test/']) {
      const { closed, events } = recorder()
      webSocket(address).dial(events)
      expect(closed).toEqual([])
      await settle()
      expect(closed).toMatchObject([{ code: 'unreachable', clean: false }])
    }
  })

  it('keeps the token out of address and name', () => {
    const transport = webSocket('wss://sync.example/', { token: () => 'secret' })
    expect(transport.name).toBe('wss://sync.example/')
    expect(transport.token?.()).toBe('secret')
  })
})

describe('the package', () => {
  it('can be imported and its factories called where there is no page', async () => {
    const web = await import('./index.ts')
    expect(web.webSocket('/sync').kind).toBe('dial')
    expect(web.broadcastChannel('ssr').kind).toBe('listen')
    expect(web.indexedDb('ssr').kind).toBe('indexeddb')
    web.pageEnvironment().onHint(() => {})()
  })
})

describe('webSockets of a page', () => {
  it('[DI8] takes addresses without a path for those of /sync', () => {
    vi.stubGlobal('location', { href: 'https://app.example/page' })
    const { addressOf } = webSockets()
    const texts = ['wss://b.example', 'wss://b.example/', 'https://b.example', '/', 'wss://b.example/other']
    expect(texts.map((text) => addressOf(text))).toEqual([
      'wss://b.example/sync',
      'wss://b.example/sync',
      'wss://b.example/sync',
      'wss://app.example/sync',
      'wss://b.example/other',
    ])
  })

  it('[PD17] takes addresses of the program, the page itself by a path, and none from others', () => {
    vi.stubGlobal('location', { href: 'https://app.example/page' })
    const { addressOf, dial, name } = webSockets({ token: () => 'x' })
    expect(addressOf('/sync')).toBe('wss://app.example/sync')
    expect(addressOf('ws://b.example/sync')).toBe('ws://b.example/sync')
    expect(addressOf('ftp://b.example/sync')).toBe(undefined)
    expect(addressOf('wss://b.example/sync#there')).toBe(undefined)
    expect(addressOf('wss://b.example/sync', 'wss://a.example/')).toBe(undefined)
    vi.unstubAllGlobals()
    expect(addressOf('/sync')).toBe(undefined)
    expect([name, dial('wss://b.example/sync').name]).toEqual(['web-socket', 'wss://b.example/sync'])
  })
})
