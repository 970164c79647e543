import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { connect, createReplica, type LinkClosed, memoryStorage, type Net } from '@rejoin/sync'
import { plannedDialing } from '@rejoin/sync/partition'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { type DiagnoseOptions, diagnoseAddresses } from './diagnose-addresses.ts'
import { processClock, processRandom, processTimers } from './platform.ts'
import { webSocket } from './web-socket.ts'
import { webSocketServer } from './web-socket-server.ts'
import { webSockets } from './web-sockets.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const until = (condition: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 15_000, interval: 5 })

/** Valid from 2020 to 2120, signed by itself; it guards nothing. */
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQguJRdHFaHh3wYMWqh
FgOLO66n8Vlhe7VE3dR8nZ7rGXahRANCAAQdHEoZGUGNBhOQJCjNO3M4yaAlyDrV
vDVKuT5509kKlVPRE7oWDxDg0w4poxQdpGgm5lQNhFdk8gAFgWXtZFIh
-----END PRIVATE KEY-----`
const cert = `-----BEGIN CERTIFICATE-----
MIIBIzCBywIUY6hqYkrlvFNhoCnM1GXJrkARHy8wCgYIKoZIzj0EAwIwFDESMBAG
A1UEAwwJbG9jYWxob3N0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAw
WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAQdHEoZGUGNBhOQJCjNO3M4yaAlyDrVvDVKuT5509kKlVPRE7oWDxDg0w4poxQd
pGgm5lQNhFdk8gAFgWXtZFIhMAoGCCqGSM49BAMCA0cAMEQCIGmPNqciY5lFbVG0
LJH/qUqGMTo3J/aWFFh3H2NHWlDsAiA2ss2C8hFUFX795vBAoMU88YgrGiID1n9K
j6U/LSb2CA==
-----END CERTIFICATE-----`

async function listening(server: Server, scheme = 'ws', host = '127.0.0.1'): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `${scheme}://${host}:${(server.address() as AddressInfo).port}/`
}

/** A server of Rejoin whose hook lets in who has the token `ours`. */
async function rejoinServer(): Promise<string> {
  return (await listeningReplica()).url
}

async function listeningReplica(): Promise<{ readonly url: string; readonly net: Net }> {
  const http = createHttpServer()
  const url = await listening(http)
  const replica = createReplica({
    clock: processClock,
    timers: processTimers,
    random: processRandom,
    storage: memoryStorage(),
    role: 'server',
    name: 'a',
    authorize: ({ token, document }) => (token === 'ours' ? 'admin' : document === 'open' ? 'read' : 'no'),
  })
  const dialing = plannedDialing({ over: [webSockets()], bootstrap: [] })
  const net = connect(replica, { transports: [webSocketServer({ server: http })], dialing })
  cleanups.push(() => replica.close())
  return { url, net }
}

/** A client that dials under a plan. */
function planned(bootstrap: string[], token?: string) {
  const seams = { clock: processClock, timers: processTimers, random: processRandom, storage: memoryStorage() }
  const replica = createReplica({ ...seams, role: 'client' })
  const over = [webSockets(token === undefined ? {} : { token: () => token })]
  const dialing = plannedDialing({ over, bootstrap })
  const net = connect(replica, { transports: [], dialing })
  cleanups.push(() => replica.close())
  return { net, dialing }
}

async function stageOf(address: string, options: DiagnoseOptions = {}, peer?: string): Promise<string> {
  const [found] = await diagnoseAddresses([{ address, peer }], { timeoutMs: 3000, ...options })
  if (found?.outcome === 'failed') {
    expect(found.meaning.length * found.advice.length).toBeGreaterThan(0)
    return `${found.stage} ${found.code}`
  }
  return found?.outcome === 'unfinished' ? `past ${found.stage}` : String(found?.outcome)
}

describe('a diagnosis with real sockets', () => {
  it('[DG4] names the name that is none', async () => {
    expect(await stageOf('ws://nobody.invalid/sync')).toMatch(/^dns (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH)$/)
    expect(await stageOf('http://127.0.0.1/')).toBe('dns invalid-address')
    expect(await stageOf('nonsense')).toBe('dns invalid-address')
  })

  it('[DG4] names the port that nobody listens on, and the one that takes nobody', async () => {
    const server = createTcpServer()
    const url = await listening(server)
    await new Promise((resolve) => server.close(resolve))
    expect(await stageOf(url)).toBe('tcp ECONNREFUSED')
    expect(await stageOf(url.replace('127.0.0.1', 'localhost'))).toBe('tcp ECONNREFUSED')
  })

  it('[DG4] names the certificate that nobody trusts, and the port without encryption', async () => {
    const server = createTlsServer({ key, cert }, (socket) => socket.on('error', () => socket.destroy()))
    expect(await stageOf(await listening(server, 'wss'))).toBe('tls DEPTH_ZERO_SELF_SIGNED_CERT')
    const plain = await listening(createHttpServer(), 'wss')
    expect(await stageOf(plain)).toMatch(/^tls (EPROTO|ERR_SSL_WRONG_VERSION_NUMBER)$/)
    const silent = await listening(createTcpServer(), 'wss')
    expect(await stageOf(silent, { timeoutMs: 300 })).toBe('tls timeout')
  })

  it('[DG4] names the server that answers something else, or nothing', async () => {
    const http = createHttpServer((_, response) => response.writeHead(502).end())
    const web = await listening(http)
    http.on('upgrade', (_, socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'))
    expect(await stageOf(web)).toBe('handshake http-404')
    const proxy = await listening(createHttpServer((_, response) => response.writeHead(502).end()))
    expect(await stageOf(proxy)).toBe('handshake http-502')
    const silent = await listening(createTcpServer())
    expect(await stageOf(silent, { timeoutMs: 300 })).toBe('handshake timeout')
    const chat = createHttpServer()
    const sockets = new WebSocketServer({ server: chat })
    sockets.on('connection', (socket) => socket.on('message', () => socket.send(Buffer.from('hello there'))))
    expect(await stageOf(await listening(chat))).toBe('handshake not-rejoin')
    const mute = createHttpServer()
    new WebSocketServer({ server: mute })
    expect(await stageOf(await listening(mute), { timeoutMs: 300 })).toBe('handshake timeout')
  })

  it('[DI10] says of each answer over HTTP in place of the upgrade what whoever dials is told of it', async () => {
    for (const status of [200, 302, 400, 401, 403, 404, 426, 429, 500, 502, 503, 504]) {
      const http = createHttpServer()
      http.on('upgrade', (_, socket) => socket.end(`HTTP/1.1 ${status} For a test\r\nContent-Length: 0\r\n\r\n`))
      const address = `${await listening(http)}sync`
      const [found] = await diagnoseAddresses([address])
      const told: LinkClosed[] = []
      webSocket(address).dial({ opened: () => {}, frame: () => {}, closed: (reason) => told.push(reason) })
      await until(() => told.length === 1)
      expect(found).toMatchObject({ outcome: 'failed', stage: 'handshake', code: `http-${status}` })
      if (found?.outcome === 'failed')
        expect(told[0]?.reason).toBe(`HTTP ${status} at /sync: ${found.meaning} ${found.advice}`)
    }
  })

  it('[DG4] names the credential that is not accepted, and who answers instead of another', async () => {
    const url = await rejoinServer()
    expect(await stageOf(url)).toBe('auth forbidden')
    expect(await stageOf(url, { token: () => 'theirs' })).toBe('auth forbidden')
    expect(await stageOf(url, { token: () => Promise.reject(new Error('no network')) })).toBe('auth unauthorized')
    expect(await stageOf(url, { token: () => 'ours' })).toBe('works')
    expect(await stageOf(url, { token: () => 'theirs', document: 'open' })).toBe('works')
    expect(await stageOf(url, { token: () => 'theirs', document: 'raid' })).toBe('auth forbidden')
    expect(await stageOf(url, { token: () => 'ours' }, 'a')).toBe('works')
    expect(await stageOf(url, { token: () => 'ours' }, 'b')).toBe('auth wrong-peer')
    expect(await stageOf(url, { token: () => 'ours', self: 'a' })).toBe('handshake self')
  })

  it('[DG5] of many addresses goes on beside each other, and answers in their order', async () => {
    const url = await rejoinServer()
    const silent = await listening(createTcpServer())
    const start = performance.now()
    const all = await diagnoseAddresses([...Array.from({ length: 10 }, (_, at) => `${silent}${at}`), url], {
      timeoutMs: 400,
      token: () => 'ours',
    })
    expect(performance.now() - start).toBeLessThan(3000)
    expect(all.map(({ outcome }) => outcome)).toEqual([...Array.from({ length: 10 }, () => 'failed'), 'works'])
    expect(all.at(-1)?.address).toBe(url)
  })
})

describe('addresses of WebSockets', () => {
  const { addressOf } = webSockets()

  it('[PD17] that others tell are not those that only they or this machine could mean', () => {
    const far = 'ws://10.0.0.9:4000/sync'
    expect(addressOf('ws://10.0.0.2:4000/sync', far)).toBe('ws://10.0.0.2:4000/sync')
    expect(addressOf('wss://b.example/sync', '192.0.2.7')).toBe('wss://b.example/sync')
    for (const text of [
      'http://10.0.0.2/',
      'ws://user:secret@10.0.0.2/',
      'ws://10.0.0.2/?token=x',
      'ws://10.0.0.2/#x',
      'ws://127.0.0.1:4000/sync',
      'ws://127.1:4000/sync',
      'ws://localhost:4000/sync',
      'ws://[::1]:4000/sync',
      'ws://[::ffff:127.0.0.1]:4000/sync',
      'ws://169.254.169.254/latest',
      'ws://[::ffff:169.254.169.254]/latest',
      'ws://[fe80::1]/sync',
      'ws://0.0.0.0:4000/sync',
      'ws://[::]:4000/sync',
      'nonsense',
    ])
      expect(addressOf(text, far), text).toBe(undefined)
    for (const near of [
      '127.0.0.1',
      '::1',
      '::ffff:127.0.0.1',
      '127.0.0.1:5123',
      '[::1]:5123',
      'ws://localhost:4000/sync',
    ])
      expect(addressOf('ws://127.0.0.1:4000/sync', near), near).toBe('ws://127.0.0.1:4000/sync')
  })

  it('[PD17] that are configured may be any, and only encrypted ones are learned where that is wanted', () => {
    for (const text of ['ws://localhost:4000/sync', 'ws://10.0.0.2/sync?region=eu', 'wss://a.example/other'])
      expect(addressOf(text)).toBe(text)
    expect([addressOf('https://a.example'), addressOf('a.example:4000')]).toEqual([undefined, undefined])
    const secure = webSockets({ secureOnly: true })
    expect(secure.addressOf('ws://10.0.0.2/', 'wss://a.example/')).toBe(undefined)
    expect(secure.addressOf('wss://10.0.0.2/sync', 'wss://a.example/')).toBe('wss://10.0.0.2/sync')
    expect(secure.addressOf('ws://127.0.0.1/sync', '127.0.0.1')).toBe('ws://127.0.0.1/sync')
    expect(secure.addressOf('ws://10.0.0.2/sync')).toBe('ws://10.0.0.2/sync')
  })

  it('[DI8] without a path are those of /sync, configured or told, and so have one spelling', () => {
    for (const toldBy of [undefined, 'wss://c.example/']) {
      for (const text of ['wss://a.example', 'wss://a.example/', 'wss://a.example/sync'])
        expect(addressOf(text, toldBy)).toBe('wss://a.example/sync')
    }
    expect(addressOf('ws://10.0.0.2:4000/?region=eu')).toBe('ws://10.0.0.2:4000/sync?region=eu')
  })

  it('[DI8] without a path are connected under a plan, with a server of Rejoin', async () => {
    const url = (await rejoinServer()).replace(/\/$/, '')
    const { net, dialing } = planned([url], 'ours')
    await until(() => net.peers.length === 1)
    expect(dialing.addresses).toMatchObject([{ address: `${url}/sync`, peer: 'a', failures: 0, isConnected: true }])
  })

  it('[DI11] hear from a server that closed its connections that it did', async () => {
    const { url, net: server } = await listeningReplica()
    const { net } = planned([url], 'ours')
    await until(() => net.peers.length === 1)
    server.close()
    await until(() => net.link.state === 'offline' && net.link.reason !== undefined)
    expect(net.link).toMatchObject({
      reason: { code: 'peer-closed', reason: 'The other side closed its connections.' },
    })
  })

  it('[PD14] [DI9] where the server has nothing is said by the link, and counted by how far it came', async () => {
    const http = createHttpServer()
    http.on('upgrade', (_, socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'))
    const url = await listening(http)
    const { net, dialing } = planned([`${url}nowhere`])
    await until(() => net.link.state === 'offline' && net.link.reason !== undefined)
    expect(net.link).toMatchObject({
      reason: {
        code: 'handshake-failed',
        reason: expect.stringMatching(/^HTTP 404 at \/nowhere: The server has nothing/),
      },
    })
    expect(dialing.metrics().failures).toMatchObject({ tcp: 0, handshake: dialing.metrics().dials })
    expect(dialing.metrics().dials).toBeGreaterThan(0)
  })
})
