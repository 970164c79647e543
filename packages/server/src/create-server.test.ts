import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { processClock, processRandom, processTimers, webSocket, webSocketServer } from '@rejoin/node'
import { register, schema } from '@rejoin/state'
import { connect, createMemoryDisk, createReplica, type MemoryDisk, memoryStorage, type Replica } from '@rejoin/sync'
import { createReplicaWith, soundSyncRules } from '@rejoin/sync/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { createServer } from './create-server.ts'
import type { ServerOptions } from './options.ts'

const Note = schema({ text: register('') })
const stops: (() => PromiseLike<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

const platform = { clock: processClock, timers: processTimers, random: processRandom }

async function start(options: Partial<ServerOptions> = {}) {
  const lines: { fields: object; message: string }[] = []
  const keep = (fields: object, message: string) => lines.push({ fields, message })
  const logger = { debug: keep, info: keep, warn: keep, error: keep }
  const server = createServer({ storage: memoryStorage(), port: 0, logger, ...options })
  stops.push(() => server.close())
  return { server, lines, address: await server.listen() }
}

function join(syncUrl: string, token?: () => string) {
  const replica = createReplica({ ...platform, storage: memoryStorage() })
  const transport = webSocket(syncUrl, token === undefined ? {} : { token })
  const net = connect(replica, { transports: [transport], baseMs: 20, capMs: 200 })
  stops.push(() => replica.close())
  return { replica, net }
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`still not so: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('createServer', () => {
  it('[SV7] brings the changes of one client to the others, acknowledged', async () => {
    const { server, address } = await start()
    expect(server.ready).toBe(true)
    const ada = await join(address.syncUrl).replica.open('note', Note)
    const bob = await join(address.syncUrl).replica.open('note', Note)
    await ada.change((draft) => draft.text.set('hello')).reached('server')
    await until('bob has it', () => bob.snapshot.text === 'hello')
    const metrics = await server.metrics()
    expect(metrics).toMatch(/^rejoin_connections 2$/m)
    expect(metrics).toMatch(/^rejoin_changes_merged_total 1$/m)
    expect(metrics).toMatch(/^rejoin_open_documents 1$/m)
  })

  it('[SV8] a full disk stops acknowledgements, says so, and passes', async () => {
    const disk = createMemoryDisk()
    const { server, address, lines } = await start({ storage: disk.open() })
    const { replica, net } = join(address.syncUrl)
    const note = await replica.open('note', Note)
    await note.change((draft) => draft.text.set('before')).reached('server')
    disk.fail('storage-full')
    const receipt = note.change((draft) => draft.text.set('during'))
    await until('not ready', () => !server.ready)
    const readyz = await fetch(`${address.url}/readyz`)
    expect(readyz.status).toBe(503)
    expect(await readyz.json()).toEqual({ ready: false, code: 'storage-full' })
    expect((await fetch(`${address.url}/livez`)).status).toBe(200)
    expect(await server.metrics()).toMatch(/^rejoin_storage_failures_total\{code="storage-full"\} [1-9]/m)
    // Who is there goes after a while, who comes is turned away at once; the change stays where it was made.
    await until('the link is closed with a code', () => JSON.stringify(net.link).includes('server-storage-failing'))
    expect(receipt.level).not.toBe('server')
    expect(note.unsaved.changes).toBe(1)
    disk.fail(undefined)
    await until('ready again', () => server.ready)
    net.reconnect()
    await receipt.reached('server')
    expect(JSON.stringify(lines)).not.toContain('during')
  })

  it('[SV9] drains: what came is kept, who is there is told, nobody new comes in', async () => {
    const disk = createMemoryDisk()
    const { server, address } = await start({ storage: disk.open() })
    const { replica, net } = join(address.syncUrl)
    const note = await replica.open('note', Note)
    await note.change((draft) => draft.text.set('kept')).reached('server')
    const links: string[] = []
    net.onLink((link) => links.push(JSON.stringify(link)))
    await Promise.all([server.close(), server.close()])
    expect(server.ready).toBe(false)
    await until('the client was told', () => links.some((link) => link.includes('server-draining')))
    await expect(fetch(`${address.url}/readyz`)).rejects.toThrow()
    await expect(server.listen()).rejects.toMatchObject({ code: 'closed' })
    const { address: next } = await start({ storage: disk.open() })
    const again = await join(next.syncUrl).replica.open('note', Note)
    await until('it is there again', () => again.snapshot.text === 'kept')
  })

  it('[SV9] leaves the store that it was given to its caller, also when it never listened', async () => {
    const disk = createMemoryDisk()
    const storage = disk.open()
    await createServer({ storage, port: 0 }).close()
    for (const text of ['first', 'second']) {
      const { server, address } = await start({ storage })
      const note = await join(address.syncUrl).replica.open('note', Note)
      await note.change((draft) => draft.text.set(text)).reached('server')
      await server.close()
      expect((await storage.read('')).length).toBeGreaterThan(0)
    }
    await storage.close()
    await expect(Promise.resolve(storage.read(''))).rejects.toMatchObject({ code: 'storage-closed' })
  })

  it('[SV3] the token comes in hello, asked for again at each connection, and never stands in the address', async () => {
    const addresses: string[] = []
    const heard: (string | undefined)[] = []
    const authorize: ServerOptions['authorize'] = ({ token }) => {
      heard.push(token)
      return 'write'
    }
    const { address } = await start({ authorize })
    // What passes here is all that a proxy or a log would see of the request.
    const proxy = createHttpServer().on('upgrade', (request, socket, head) => {
      addresses.push(`${request.url} ${JSON.stringify(request.headers)}`)
      const onward = connectTcp(address.port, '127.0.0.1', () => {
        const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`)
        onward.write(`GET ${request.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
        onward.write(head)
        onward.pipe(socket).pipe(onward)
      })
      for (const end of [onward, socket]) end.on('error', () => undefined)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    stops.push(async () => {
      proxy.closeAllConnections()
      proxy.close()
    })
    let asked = 0
    const { replica, net } = join(`ws://127.0.0.1:${(proxy.address() as AddressInfo).port}/sync`, () => {
      asked += 1
      return `secret-${asked}`
    })
    await replica.open('note', Note)
    await until('the first token', () => heard.includes('secret-1'))
    net.reconnect()
    await until('the second token', () => heard.includes('secret-2'))
    expect(addresses.length).toBeGreaterThanOrEqual(2)
    expect(addresses.join()).not.toContain('secret')
  })

  it('[SV3] an upgrade whose address has what looks like a credential is refused', async () => {
    const { address, lines } = await start()
    const upgrade = (query: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connectTcp(address.port, '127.0.0.1', () => {
          socket.write(
            `GET /sync${query} HTTP/1.1\r\nHost: 127.0.0.1:${address.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
              'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
          )
        })
        socket.once('data', (bytes) => {
          resolve(bytes.toString('latin1'))
          socket.destroy()
        })
        socket.on('error', reject)
      })
    for (const query of [
      '?token=geheim',
      '?a=1&access_token=geheim',
      '?api-key=geheim',
      '?JWT=geheim',
      '?Password=geheim',
    ]) {
      const answer = await upgrade(query)
      expect(answer, query).toMatch(/^HTTP\/1\.1 400 /)
      expect(answer).toContain('token-in-address')
      expect(answer).not.toContain('geheim')
    }
    for (const query of ['', '?room=raid', '?tokens']) expect(await upgrade(query), query).toMatch(/^HTTP\/1\.1 101 /)
    expect(JSON.stringify(lines)).not.toContain('geheim')
  })

  it('[SV11] keeps health and numbers on the admin port only, when there is one', async () => {
    const { address } = await start({ adminPort: 0 })
    for (const path of ['/livez', '/readyz', '/health', '/metrics', '/debug', '/debug/']) {
      expect((await fetch(`${address.url}${path}`)).status, path).toBe(404)
      expect((await fetch(`${address.adminUrl}${path}`)).status, path).toBe(200)
    }
    expect((await fetch(`${address.adminUrl}/sync`)).status).toBe(404)
  })

  it('[SV1] starts beyond loopback only when somebody decides', async () => {
    const storage = memoryStorage()
    const exposed = expect.objectContaining({ code: 'server-exposed' })
    expect(() => createServer({ storage, host: '0.0.0.0' })).toThrow(exposed)
    expect(() => createServer({ storage, host: '0.0.0.0', insecure: false })).toThrow(exposed)
    await start({ host: '0.0.0.0', authorize: () => 'no' })
    await start({ host: '0.0.0.0', insecure: true })
  })

  it('[SV12] refuses options that contradict each other or mean nothing', () => {
    const invalid = expect.objectContaining({ code: 'config-invalid' })
    expect(() => createServer({})).toThrow(invalid)
    expect(() => createServer({ storage: memoryStorage(), dataDir: 'x' })).toThrow(invalid)
    expect(() => createServer({ storage: memoryStorage(), port: 1.5 })).toThrow(invalid)
    expect(() => createServer({ storage: memoryStorage(), origins: ['nonsense'] })).toThrow(invalid)
    expect(() => createServer({ storage: memoryStorage(), limits: { tokenBytes: 0 } })).toThrow(invalid)
  })

  it('[SV10] a second server on the same store waits, and takes over', async () => {
    const disk = createMemoryDisk()
    const { server } = await start({ storage: disk.open() })
    const second = start({ storage: disk.open() })
    await new Promise((resolve) => setTimeout(resolve, 100))
    await server.close()
    expect((await second).server.ready).toBe(true)
  })

  it('[SV5] a socket that stops in the middle of an upgrade harms nobody', async () => {
    const { server, address } = await start()
    for (const text of [
      'GET /sync HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      'GET /sync HT',
      '',
    ]) {
      const socket = connectTcp(address.port, '127.0.0.1', () => {
        socket.write(text)
        socket.resetAndDestroy()
      })
      socket.on('error', () => undefined)
    }
    const note = await join(address.syncUrl).replica.open('note', Note)
    await note.change((draft) => draft.text.set('fine')).reached('server')
    expect(server.ready).toBe(true)
  })
})

describe('the order of flush and acknowledgement', () => {
  it('[SV7] holds under the rules as they are', async () => {
    expect(await acknowledgedBeforeFlush((disk) => serverUnder(soundSyncRules, disk))).toBe(false)
  })

  it('[SV7] a server that acknowledges before the flush is caught', async () => {
    const mutant = { ...soundSyncRules, acknowledgeAfterFlush: false }
    expect(await acknowledgedBeforeFlush((disk) => serverUnder(mutant, disk))).toBe(true)
  })
})

/** Whether a client hears of a change being durable at the server while the disk of the server still holds it back. */
async function acknowledgedBeforeFlush(startServer: (disk: MemoryDisk) => Promise<string>): Promise<boolean> {
  const disk = createMemoryDisk()
  const { replica } = join(await startServer(disk))
  const note = await replica.open('note', Note)
  await note.change((draft) => draft.text.set('one')).reached('server')
  disk.autoFlush = false
  const from = disk.trace.length
  const acknowledged = note.change((draft) => draft.text.set('two')).reached('server')
  const recorded = acknowledged.then(() => disk.trace.push('acknowledged'))
  await until('the server wrote', () => disk.pending > 0 || disk.trace.includes('acknowledged'))
  // Long enough for a frame to come over loopback, were it sent.
  await new Promise((resolve) => setTimeout(resolve, 300))
  disk.autoFlush = true
  disk.flush()
  await recorded
  const order = disk.trace.slice(from).filter((event) => event === 'flush' || event === 'acknowledged')
  return order.indexOf('acknowledged') < order.indexOf('flush')
}

/** A server made by hand, as its replica is under other rules. */
async function serverUnder(rules: typeof soundSyncRules, disk: MemoryDisk): Promise<string> {
  const http = createHttpServer()
  const replica: Replica = createReplicaWith(rules, { ...platform, storage: disk.open(), role: 'server' })
  connect(replica, { transports: [webSocketServer({ server: http, path: '/sync' })] })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  stops.push(async () => {
    await replica.close()
    http.closeAllConnections()
    http.close()
  })
  return `ws://127.0.0.1:${(http.address() as AddressInfo).port}/sync`
}

describe('servers that join each other', () => {
  it('[SV15] replicate what clients of each write, through restarts of either', async () => {
    const disks = [createMemoryDisk(), createMemoryDisk()] as const
    const first = await start({ storage: disks[0].open(), node: 'a' })
    const second = await start({ storage: disks[1].open(), node: 'b', join: [first.address.syncUrl] })
    const ada = await join(first.address.syncUrl).replica.open('note', Note)
    const bob = await join(second.address.syncUrl).replica.open('note', Note)
    await ada.change((draft) => draft.text.set('hello')).reached('server')
    await until('bob has it', () => bob.snapshot.text === 'hello')
    await first.server.close()
    await bob.change((draft) => draft.text.set('alone')).reached('server')
    const again = await start({ storage: disks[0].open(), node: 'a', port: first.address.port })
    const eve = await join(again.address.syncUrl).replica.open('note', Note)
    await until('the first has what was written without it', () => eve.snapshot.text === 'alone')
    await until('ada is back', () => ada.snapshot.text === 'alone')
  })

  it('[SV16] ask the hook of the one that is dialled for what comes over the link, by its token', async () => {
    const asked: (string | undefined)[] = []
    const first = await start({
      authorize: ({ token }) => {
        asked.push(token)
        return token === 'of the cluster' || token === 'of ada' ? 'write' : 'no'
      },
    })
    const barred = await start({ node: 'b', join: [first.address.syncUrl] })
    const joined = await start({ node: 'c', join: [first.address.syncUrl], joinToken: () => 'of the cluster' })
    const ada = await join(first.address.syncUrl, () => 'of ada').replica.open('note', Note)
    await ada.change((draft) => draft.text.set('hello')).reached('server')
    const bob = await join(joined.address.syncUrl).replica.open('note', Note)
    await until('bob has it', () => bob.snapshot.text === 'hello')
    const eve = await join(barred.address.syncUrl).replica.open('note', Note)
    await eve.change((draft) => draft.text.set('from outside')).reached('server')
    await until('the hook was asked', () => asked.includes(undefined))
    expect([ada.snapshot.text, eve.snapshot.text]).toEqual(['hello', 'from outside'])
  })
})

describe('servers that find each other', () => {
  const peersOf = async (url: string): Promise<string[]> =>
    ((await (await fetch(`${url}/debug/peers`)).json()) as { connected: string[] }).connected.sort()
  const addressesOf = async (url: string): Promise<Record<string, unknown>[]> =>
    ((await (await fetch(`${url}/debug/addresses`)).json()) as { addresses: Record<string, unknown>[] }).addresses

  it('[SV25] need to know only one of them, and go on without it', async () => {
    const [a, b] = [await start({ node: 'a' }), await start({ node: 'b' })]
    const join = [a.address.syncUrl]
    const disk = createMemoryDisk()
    await b.server.close()
    const second = await start({ node: 'b', join })
    const third = await start({ node: 'c', join, storage: disk.open() })
    await until('all are connected', async () => (await peersOf(third.address.url)).join() === 'a,b')
    expect((await addressesOf(third.address.url)).map(({ address, peer, tier }) => [address, peer, tier])).toEqual([
      [a.address.syncUrl, 'a', 'bootstrap'],
      [second.address.syncUrl, 'b', 'known'],
    ])
    await a.server.close()
    await third.server.close()
    const again = await start({ node: 'c', join, storage: disk.open() })
    await until('both are connected again', async () => (await peersOf(again.address.url)).join() === 'b')
    const metrics = await again.server.metrics()
    expect(metrics).toMatch(/^rejoin_dials_total [1-9]/m)
    expect(metrics).toMatch(/^rejoin_dial_failures_total\{stage="tcp"\} [1-9]/m)
    expect(metrics).toMatch(/^rejoin_dials_established_total [01]$/m)
    expect(metrics).toMatch(/^rejoin_dial_breakers\{state="closed"\} [1-9]/m)
    expect(metrics).toMatch(/^rejoin_dial_addresses\{tier="bootstrap"\} 1$/m)
    expect(metrics).toMatch(/^rejoin_connected_servers 1$/m)
  }, 30_000)

  it('[SV26] are told where one is by what it was told to say, or where it listens, or not at all', async () => {
    const a = await start({ node: 'a' })
    const join = [a.address.syncUrl]
    const seen = async (): Promise<unknown[]> =>
      (await addressesOf(a.address.url)).map(({ address, peer }) => `${peer} ${address}`)
    const b = await start({ node: 'b', join })
    await start({ node: 'c', join, advertise: ['ws://127.0.0.1:9/sync', 'wss://c.example/sync'] })
    await start({ node: 'd', join, advertise: [] })
    await start({ node: 'e', join, host: '0.0.0.0', insecure: true })
    await until('all are connected', async () => (await peersOf(a.address.url)).join() === 'b,c,d,e')
    await until('a was told', async () => (await seen()).length === 3)
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect((await seen()).sort()).toEqual([
      `b ${b.address.syncUrl}`,
      'c ws://127.0.0.1:9/sync',
      'c wss://c.example/sync',
    ])
    expect(() => createServer({ storage: memoryStorage(), advertise: ['http://a.example'] })).toThrow(/advertise/)
  }, 30_000)

  it('[SV25] hear that the process was continued, and dial at once', async () => {
    const before = process.listenerCount('SIGCONT')
    const { server, lines } = await start({ node: 'a', join: ['ws://127.0.0.1:1'] })
    const dials = async (): Promise<number> =>
      Number(/^rejoin_dials_total (\d+)$/m.exec(await server.metrics())?.[1] ?? Number.NaN)
    await until('it has dialled in vain for a while', async () => (await dials()) >= 3)
    const [count, since] = [await dials(), performance.now()]
    process.emit('SIGCONT')
    await until('it dials', async () => (await dials()) > count)
    expect(performance.now() - since).toBeLessThan(1200)
    expect(process.listenerCount('SIGCONT')).toBe(before + 1)
    await server.close()
    expect(process.listenerCount('SIGCONT')).toBe(before)
    expect(lines.some(({ message }) => message === 'dial-failed')).toBe(true)
  }, 30_000)
})

describe('servers that vote', () => {
  it('[SV18] say where they stand, to operators and as numbers, and find themselves again', async () => {
    const voters = ['a', 'b']
    const disk = createMemoryDisk()
    const first = await start({ node: 'a', voters, founding: true, storage: disk.open() })
    const second = await start({ node: 'b', voters, founding: true, join: [first.address.syncUrl] })
    const read = async (name: string): Promise<string> =>
      await (await fetch(`${first.address.url}/debug/${name}`)).text()
    await until('both are there', async () =>
      (await read('explain')).startsWith('All 2 voters have reached each other'),
    )
    expect(JSON.parse(await read('peers'))).toMatchObject({ self: 'a', connected: ['b'], voters })
    expect(await first.server.metrics()).toMatch(/^rejoin_partition_mode\{mode="full"\} 1$/m)
    await until('they may act', async () => /^rejoin_may_act 1$/m.test(await first.server.metrics()))
    const whole = await first.server.metrics()
    for (const name of ['split_seconds', 'apart_changes', 'apart_bytes', 'incidents_open', 'suspected_voters'])
      expect(whole).toMatch(new RegExp(`^rejoin_${name} 0$`, 'm'))
    expect(JSON.parse(await read('peers'))).toMatchObject({ servers: ['b'] })
    await second.server.close()
    await until('one is missing', async () => JSON.parse(await read('partition')).verdict.mode === 'even')
    expect(await first.server.metrics()).toMatch(/^rejoin_voters\{side="elsewhere"\} 1$/m)
    expect(await first.server.metrics()).toMatch(/^rejoin_may_act 0$/m)
  }, 60_000)

  it('[SV34] found the roster with the policy that they are told, which has to make sense', async () => {
    const { server } = await start({ node: 'a', voters: ['a', 'b', 'c'], founding: true, policy: 'static-quorum:2' })
    await until('it knows', () => server.partitions?.status.roster !== undefined)
    expect(server.partitions?.status.roster?.policy).toEqual({ kind: 'static-quorum', voters: 2 })
    const storage = memoryStorage()
    const voters = ['a', 'b', 'c']
    expect(() => createServer({ storage, node: 'a', voters, policy: 'static-quorum:1' })).toThrow(/A static quorum/)
    expect(() => createServer({ storage, node: 'a', voters, policy: 'most' as never })).toThrow(/must be keep-majority/)
    expect(() => createServer({ storage, node: 'a', policy: 'two-thirds' })).toThrow(/none are named/)
  })

  it('[SV35] that were started without --founding and have never voted say so, with the way out, and may not act', async () => {
    const first = await start({ node: 'a', voters: ['a', 'b'] })
    await start({ node: 'b', voters: ['a', 'b'], join: [first.address.syncUrl] })
    const read = async (name: string): Promise<string> =>
      await (await fetch(`${first.address.url}/debug/${name}`)).text()
    await until('both are there', async () => JSON.parse(await read('partition')).verdict?.mode === 'full')
    const { verdict } = JSON.parse(await read('partition'))
    expect(verdict).toMatchObject({ abstaining: ['a', 'b'], capabilities: { mayHoldLease: false } })
    expect(await read('explain')).toContain('a does not vote: it was started without --founding')
    expect(await read('explain')).toContain('start each once with --founding')
    expect(JSON.parse(await read('partition'))).toMatchObject({ mayAct: false })
    expect(await first.server.metrics()).toMatch(/^rejoin_may_act 0$/m)
  }, 30_000)

  it('[SV45] that are shut down find nothing wrong about it, and give back their leases', async () => {
    const voters = [...'abc']
    const disk = createMemoryDisk()
    const join: string[] = []
    const servers: Awaited<ReturnType<typeof start>>[] = []
    for (const node of voters) {
      servers.push(
        await start({
          node,
          voters,
          founding: true,
          join: [...join],
          storage: node === 'a' ? disk.open() : memoryStorage(),
        }),
      )
      join.push(servers.at(-1)?.address.syncUrl ?? '')
    }
    const [first, second, third] = servers.map(({ server }) => server)
    await until('all are there', () => servers.every(({ server }) => server.partitions?.status.side === 'full'))
    const lease = await third?.partitions?.lease({ name: 'match' }, 'round', { ttlMs: 30_000 })
    await until('it is held', () => lease?.token !== undefined)
    const next = await second?.partitions?.lease({ name: 'match' }, 'round')
    await third?.close()
    await until('it is held by another', () => next?.token !== undefined)
    await first?.close()
    const again = await start({ node: 'a', voters, storage: disk.open() })
    expect(again.server.partitions?.incidents.map(({ symptoms }) => symptoms.absent)).not.toContainEqual(['b', 'c'])
  }, 60_000)

  it('[SV18] are one voter each, of themselves, unless they are told otherwise', async () => {
    const disk = createMemoryDisk()
    for (let turn = 0; turn < 2; turn++) {
      const { server, address } = await start({ storage: disk.open() })
      await until('it knows', async () =>
        (await (await fetch(`${address.url}/debug/explain`)).text()).includes('The only voter, '),
      )
      expect(server.partitions?.status.roster?.voters).toHaveLength(1)
      await server.close()
    }
    const storage = memoryStorage()
    expect(() => createServer({ storage, voters: ['a', 'b'], node: 'c' })).toThrow(/must have this server too/)
    expect(() => createServer({ storage, voters: ['a', 'b'] })).toThrow(/this one has no name yet/)
    expect(() => createServer({ storage, voters: ['a', 'a'], node: 'a' })).toThrow(/named twice/)
  })
})
