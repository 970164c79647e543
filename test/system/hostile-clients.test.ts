import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { processClock, processRandom, processTimers, webSocket } from '@rejoin/node'
import { closedFrom, connect as connectReplica, createReplica, type DialTransport, memoryStorage } from '@rejoin/sync'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type Client, openClient, Shelf, until } from './clients.ts'
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts'

const hook = `
export const authorize = async ({ token, document }) => {
  if (token === 'slow') await new Promise(() => {})
  if (token === 'boom') throw new Error('cannot parse boom')
  if (token !== 'good') return 'no'
  return document.startsWith('read') ? 'read' : 'write'
}
`
const limits = {
  helloTimeoutMs: 700,
  messagesPerSecond: 100,
  connectionsPerRemote: 40,
  authorizeTimeoutMs: 300,
  documentsPerConnection: 5,
}

let server: ServerProcess
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let bystander: Client
let shelf: Awaited<ReturnType<typeof openShelf>>
let unharmed = 0

beforeAll(async () => {
  directory = await temporaryDirectory()
  await writeFile(join(directory.path, 'authorize.mjs'), hook)
  await writeFile(join(directory.path, 'rejoin.json'), JSON.stringify({ authorize: './authorize.mjs', limits }))
  const config = join(directory.path, 'rejoin.json')
  server = await startServer({
    dataDir: join(directory.path, 'data'),
    args: ['--config', config, '--log-level', 'debug'],
  })
  bystander = openClient(server.syncUrl, { token: 'good' })
  shelf = await openShelf(bystander, 'bystander')
  await until('the bystander is connected', () => bystander.net.link.state === 'synced')
})

afterAll(async () => {
  await bystander.close()
  expect(await server.stop()).toBe(0)
  await directory.remove()
})

// Whatever the others do: one client that behaves goes on writing, over the connection it began with.
beforeEach(async () => {
  return async () => {
    unharmed += 1
    await shelf.change((draft) => draft.count.add(1)).reached('server')
    expect(shelf.snapshot.count).toBe(unharmed)
    expect(server.exited).toBeUndefined()
    expect(bystander.net.link.state).toBe('synced')
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
  }
})

describe('hostile clients', () => {
  it('[SV6] garbage ends its own connection, with a code, and is counted', async () => {
    const before = await metric('connections_closed_total', 'code="protocol-error"')
    for (const frame of [randomBytes(1), randomBytes(40), randomBytes(60_000), Buffer.alloc(0), Buffer.alloc(3, 255)]) {
      const socket = await dial()
      socket.send(frame)
      expect(['protocol-error', 'malformed', 'handshake-failed']).toContain((await ending(socket)).code)
    }
    const text = await dial()
    text.send('{"type":"hello"}')
    expect((await ending(text)).code).toBe('malformed')
    expect(await metric('connections_closed_total', 'code="protocol-error"')).toBeGreaterThan(before)
    expect(await metric('malformed_frames_total')).toBeGreaterThan(0)
  })

  it('[SV5] an oversize message is not even held', async () => {
    const socket = await dial()
    socket.send(Buffer.alloc(4 * 1_048_576))
    expect((await ending(socket)).code).toBe('too-large')
    await until('it is counted', async () => (await metric('connections_closed_total', 'code="too-large"')) === 1)
  })

  it('[SV5] a flood ends its own connection', async () => {
    const session = await recordSession('write-0')
    const socket = await dial()
    const ended = ending(socket)
    await play(socket, session)
    // Pings that the protocol allows, faster than anybody needs.
    const ping = Buffer.from([0, 16, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    for (let i = 0; i < 3_000; i++) socket.send(ping)
    // Whoever still sends into a closed connection may see it reset before it sees why.
    expect(['too-many-messages', 'lost']).toContain((await ended).code)
    await until('it is counted', async () => (await metric('bad_frames_total', 'code="too-many-messages"')) === 1)
    const chatty = await dial()
    const muted = ending(chatty)
    for (let i = 0; i < 20_000; i++) chatty.ping(Buffer.alloc(100))
    expect(['handshake-failed', 'lost']).toContain((await muted).code)
  })

  it('[SV5] who says nothing is sent away, over HTTP too', async () => {
    const silent = await dial()
    const answer = ending(silent)
    const slow = connect(server.port, '127.0.0.1')
    const cut = closed(slow)
    slow.write('GET / HTTP/1.1\r\nHost: localhost\r\nX-')
    const trickle = setInterval(() => slow.write('a'), 200)
    expect((await answer).code).toBe('handshake-failed')
    await cut
    clearInterval(trickle)
  })

  it('[SV6] a peer of another time is told so', async () => {
    const socket = await dial()
    const frames = received(socket)
    const ended = ending(socket)
    // hello, magic 0x4a52, protocol 900..901, format 1..1, no token
    socket.send(Buffer.from([0, 1, 0xd2, 0x94, 0x01, 0x84, 0x07, 0x85, 0x07, 1, 1, 0]))
    const { code } = await ended
    expect(code).toBe('protocol-too-new')
    expect(Buffer.concat(frames).toString('latin1')).toContain('protocol-too-new')
    expect(await metric('rejected_handshakes_total')).toBeGreaterThan(0)
  })

  it('[SV4] a page of somebody else gets 403 and the reason', async () => {
    const refusal = await refused({ origin: 'https://evil.example' })
    expect(refusal.status).toBe(403)
    expect(refusal.body).toContain('origin-refused')
    expect(refusal.body).toContain('--origin')
    expect(
      (await refused({ origin: `http://evil.example:${server.port}`, host: `evil.example:${server.port}` })).status,
    ).toBe(403)
    expect((await refused({}, '/sync?token=good')).status).toBe(400)
    expect((await refused({}, '/other')).status).toBe(404)
    expect(await metric('connections_refused_total', 'code="origin-refused"')).toBe(1)
    const own = await dial({ origin: server.url })
    own.close()
  })

  it('[SV5] connections of one address are limited, and free again afterwards', async () => {
    const sockets = await Promise.all(Array.from({ length: 39 }, () => dial()))
    const extra = await dial()
    expect((await ending(extra)).code).toBe('too-many-connections')
    for (const socket of sockets) socket.terminate()
    await until('they are gone', async () => (await metric('connections')) === 1)
    const again = await dial()
    again.close()
  })

  it('[SV2] a bad token opens nothing, and what was there stays', async () => {
    for (const token of ['bad', '', undefined]) {
      const client = openClient(server.syncUrl, token === undefined ? {} : { token })
      const spied = await openShelf(client, 'bystander')
      await until('it was told', () => spied.permission === 'no')
      expect(() => spied.change((draft) => draft.count.add(100))).toThrow(
        expect.objectContaining({ code: 'forbidden' }),
      )
      expect(spied.snapshot.count).toBe(0)
      await client.close()
    }
    expect(await metric('authorize_answers_total', 'answer="no"')).toBeGreaterThan(2)
  })

  it('[SV2] a hook that fails or sleeps grants nothing, and costs nobody their work', async () => {
    for (const [token, code] of [
      ['boom', 'authorize-failed'],
      ['slow', 'authorize-timeout'],
    ] as const) {
      const client = openClient(server.syncUrl, { token })
      const spied = await openShelf(client, 'bystander')
      spied.change((draft) => draft.title.set('mine'))
      await until(code, async () => (await metric('authorize_answers_total', `answer="${code}"`)) > 0)
      expect(spied.snapshot).toMatchObject({ title: 'mine', count: 0 })
      await client.close()
    }
    expect(JSON.stringify(server.log)).not.toContain('cannot parse boom')
    expect(JSON.stringify(server.log)).toContain('cannot parse [token]')
  })

  it('[SV6] a write without permission is refused at change(), and when it is forced', async () => {
    const client = openClient(server.syncUrl, { token: 'good' })
    const readable = await openShelf(client, 'read--1')
    await until('it was told', () => readable.permission === 'read')
    expect(() => readable.change((draft) => draft.count.add(1))).toThrow(expect.objectContaining({ code: 'forbidden' }))

    // A session that may write, recorded, and played again under the name of a document that may not be written.
    const session = await recordSession('write-1')
    const before = await metric('refused_writes_total')
    const socket = await dial()
    await play(
      socket,
      session.map((frame) => replaced(frame, 'write-1', 'read--1')),
    )
    await until('it was refused', async () => (await metric('refused_writes_total')) > before)
    socket.close()
    expect(readable.snapshot.count).toBe(0)
    const written = await openShelf(client, 'write-1')
    await until('the real one is there', () => written.snapshot.count === 1)
    await client.close()
  })

  it('[SV6] mutations of a recorded session do no harm', async () => {
    const session = await recordSession('write-2')
    for (let i = 0; i < 60; i++) {
      const socket = await dial()
      for (const frame of session) {
        const bytes = Buffer.from(frame)
        const at = Math.floor(Math.random() * bytes.length)
        bytes[at] = Math.floor(Math.random() * 256)
        socket.send(Math.random() < 0.7 ? bytes : bytes.subarray(0, at))
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
      socket.terminate()
    }
    const client = openClient(server.syncUrl, { token: 'good' })
    const written = await openShelf(client, 'write-2')
    await until('the real one is there', () => written.snapshot.count > 0)
    await client.close()
  })

  it('[SV14] no token and no content came into the log', () => {
    const log = JSON.stringify(server.log)
    expect(server.log.length).toBeGreaterThan(20)
    expect(log).not.toContain('"good"')
    expect(log).not.toContain('mine')
  })
})

function openShelf(client: Client, name: string) {
  return client.replica.open(name, Shelf)
}

async function dial(headers: Record<string, string> = {}): Promise<WebSocket> {
  const socket = new WebSocket(server.syncUrl, { headers, perMessageDeflate: false })
  socket.on('error', () => undefined)
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  return socket
}

function ending(socket: WebSocket): Promise<{ code: string }> {
  return new Promise((resolve) => {
    socket.once('close', (code, reason) => resolve(closedFrom(code, reason.toString(), true)))
  })
}

function received(socket: WebSocket): Buffer[] {
  const frames: Buffer[] = []
  socket.on('message', (data) => frames.push(data as Buffer))
  return frames
}

function refused(headers: Record<string, string>, path = '/sync'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, { headers })
    socket.on('open', () => reject(new Error('was let in')))
    socket.on('error', reject)
    socket.on('unexpected-response', (_request, response) => {
      let body = ''
      response.on('data', (bytes: Buffer) => {
        body += bytes.toString()
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
  })
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => undefined)
    socket.once('close', () => resolve())
    socket.resume()
  })
}

/** The frames that a client sends until its first change is acknowledged. */
async function recordSession(name: string): Promise<Buffer[]> {
  const frames: Buffer[] = []
  const inner = webSocket(server.syncUrl, { token: () => 'good' })
  const transport: DialTransport = {
    ...inner,
    dial(events) {
      const link = inner.dial(events)
      return {
        send(frame) {
          frames.push(Buffer.from(frame))
          link.send(frame)
        },
        get bufferedBytes() {
          return link.bufferedBytes
        },
        close: (code, reason) => link.close(code, reason),
      }
    },
  }
  const storage = memoryStorage()
  const replica = createReplica({ clock: processClock, timers: processTimers, random: processRandom, storage })
  const net = connectReplica(replica, { transports: [transport] })
  const written = await replica.open(name, Shelf)
  await written.change((draft) => draft.count.add(1)).reached('server')
  const session = [...frames]
  net.close()
  await replica.close()
  return session
}

/** Says the frames as slowly as a real client, which waits for answers. */
async function play(socket: WebSocket, frames: readonly Buffer[]): Promise<void> {
  for (const frame of frames) {
    socket.send(frame)
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
}

function replaced(frame: Buffer, from: string, to: string): Buffer {
  return Buffer.from(frame.toString('latin1').replaceAll(from, to), 'latin1')
}

/** The value of one measure, 0 where it has none yet. */
async function metric(name: string, labels?: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const start = labels === undefined ? `rejoin_${name} ` : `rejoin_${name}{${labels}} `
  const line = text.split('\n').find((candidate) => candidate.startsWith(start))
  return line === undefined ? 0 : Number(line.slice(start.length))
}
