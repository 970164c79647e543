import { writeFile } from 'node:fs/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect as connectNats, type NatsConnection } from '@nats-io/transport-node'
import { openReplica, webSocket } from '@rejoin/node'
import { natsLeases } from '@rejoin/node/nats'
import { createServer } from '@rejoin/server'
import { type FencingToken, fenced, schema } from '@rejoin/state'
import { connect, memoryStorage } from '@rejoin/sync'
import { type LeaseSubject, runLeaseContract } from '@rejoin/sync/contracts'
import { type LeaseBackend, type LeaseOutcome, leasesFrom, watchPartitions } from '@rejoin/sync/partition'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasNatsServer, type NatsServer, startNatsServer } from '../support/nats-server.ts'
import { relayTo, type TcpRelay } from '../support/tcp-relay.ts'
import { temporaryDirectory } from './server-process.ts'

const ttlMs = 2000
const Match = schema({ round: fenced(0, { lease: 'round' }) })
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let server: NatsServer
let buckets = 0
const closing: (() => Promise<unknown>)[] = []

/** A bucket of its own in which leases are granted. */
async function openBucket(): Promise<string> {
  buckets += 1
  const bucket = `leases-${buckets}`
  const opener = await replica('opener', bucket)
  expect((await opener.leases.acquire('door', ttlMs)).kind).toBe('refused')
  await sleep(1.06 * ttlMs)
  expect((await opener.leases.acquire('door', ttlMs)).kind).toBe('granted')
  return bucket
}

interface Replica {
  readonly leases: LeaseBackend
  readonly connection: NatsConnection
  readonly cable: TcpRelay
}

/** A client with a cable of its own to the server. */
async function replica(name: string, bucket: string, port = server.port, user = {}): Promise<Replica> {
  const cable = await relayTo(port)
  const servers = `127.0.0.1:${cable.port}`
  const options = { servers, maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 50, ...user }
  const connection = await connectNats(options)
  closing.push(
    () => connection.close(),
    () => cable.close(),
  )
  const leases = natsLeases({ connection, bucket, name, maxTtlMs: ttlMs }).of('match')
  return { leases, connection, cable }
}

async function closeAll(): Promise<void> {
  for (const close of closing.splice(0)) await close()
}

const tokenOf = (outcome: LeaseOutcome): FencingToken => {
  if (outcome.kind === 'refused') throw new Error(`refused: ${outcome.reason}`)
  return outcome.token
}

/** Asks until it is granted. */
async function granted(leases: LeaseBackend, withinMs: number): Promise<FencingToken> {
  const end = Date.now() + withinMs
  for (;;) {
    const outcome = await leases.acquire('round', ttlMs)
    if (outcome.kind === 'granted') return outcome.token
    if (Date.now() > end) throw new Error(`not granted within ${withinMs} ms: ${outcome.reason}`)
    await sleep(50)
  }
}

async function natsSubject(): Promise<LeaseSubject> {
  const bucket = await openBucket()
  const replicas = new Map<string, Promise<Replica>>()
  const of = (name: string): Promise<Replica> => {
    const known = replicas.get(name) ?? replica(name, bucket)
    replicas.set(name, known)
    return known
  }
  await Promise.all(['alice', 'bob', 'carol'].map(of))
  const opened = new Map<string, LeaseBackend>()
  for (const [name, { leases }] of await Promise.all(
    [...replicas].map(async ([name, it]) => [name, await it] as const),
  ))
    opened.set(name, leases)
  return {
    open: (name) => opened.get(name) as LeaseBackend,
    cut: async (name) => (await of(name)).cable.cut(),
    pass: sleep,
    ttlMs,
    dispose: closeAll,
  }
}

describe.runIf(hasNatsServer())('leases in NATS', () => {
  beforeAll(async () => {
    directory = await temporaryDirectory()
    server = await startNatsServer(directory.path)
  })
  afterEach(closeAll)
  afterAll(async () => {
    await server.kill()
    await directory.remove()
  })

  runLeaseContract({ describe, it, expect }, 'NATS', natsSubject)

  it('[NL1] go on over kill -9 and restart of the server, under the same token where that is in time', async () => {
    const bucket = await openBucket()
    const [alice, bob] = await Promise.all([replica('alice', bucket), replica('bob', bucket)])
    const first = tokenOf(await alice.leases.acquire('round', ttlMs))
    await server.kill()
    const unheard = await alice.leases.renew(first, ttlMs)
    expect(unheard).toMatchObject({ kind: 'refused', because: 'unavailable' })
    await server.start()
    let renewed = await alice.leases.renew(first, ttlMs)
    for (let turn = 0; turn < 20 && renewed.kind === 'refused'; turn++) {
      await sleep(20)
      renewed = await alice.leases.renew(first, ttlMs)
    }
    expect(tokenOf(renewed)).toEqual(first)
    expect(await bob.leases.acquire('round', ttlMs)).toMatchObject({ because: 'taken' })
  })

  it('[NL2] are lost while the server is gone, and granted under later tokens after it', async () => {
    const bucket = await openBucket()
    const [alice, bob] = await Promise.all([replica('alice', bucket), replica('bob', bucket)])
    const first = tokenOf(await alice.leases.acquire('round', ttlMs))
    const told: unknown[] = []
    alice.leases.watch('round', (token) => told.push(token))
    expect((await bob.leases.acquire('round', ttlMs)).kind).toBe('refused')
    await server.kill()
    await sleep(1.1 * ttlMs)
    expect(told).toEqual([undefined])
    await server.start()
    const second = await granted(bob.leases, 5000)
    expect(second.epoch).toBe(first.epoch)
    expect(second.ballot).toBeGreaterThan(first.ballot)
    expect((await alice.leases.renew(first, ttlMs)).kind).toBe('refused')
  })

  it('[NL3] are granted by a server that lost its store only after those of before have ended, under tokens above', async () => {
    const bucket = await openBucket()
    const [alice, bob] = await Promise.all([replica('alice', bucket), replica('bob', bucket)])
    const before = tokenOf(await alice.leases.acquire('round', ttlMs))
    await server.kill()
    await server.lose()
    let endedAt = Number.POSITIVE_INFINITY
    alice.leases.watch('round', (token) => {
      if (token === undefined) endedAt = performance.now()
    })
    await server.start()
    const second = await granted(bob.leases, 10_000)
    expect(endedAt).toBeLessThan(performance.now())
    expect(second.epoch).toBeGreaterThan(before.epoch)
    expect((await alice.leases.renew(before, ttlMs)).kind).toBe('refused')
  })

  it('[NL4] are lost where the bucket is deleted and made again, and renewed by nobody there', async () => {
    const bucket = await openBucket()
    const [alice, bob] = await Promise.all([replica('alice', bucket), replica('bob', bucket)])
    const before = tokenOf(await alice.leases.acquire('round', ttlMs))
    const manager = await jetstreamManager(bob.connection)
    await manager.streams.delete(`KV_${bucket}`)
    expect(await bob.leases.acquire('round', ttlMs)).toMatchObject({ kind: 'refused', because: 'taken' })
    const refused = await alice.leases.renew(before, ttlMs)
    expect(refused.kind).toBe('refused')
    const second = await granted(bob.leases, 5000)
    expect(second.epoch).toBeGreaterThan(before.epoch)
  })

  it('[NL5] are refused with the reason where somebody wrote over them or deleted them, until that has stayed so', async () => {
    const bucket = await openBucket()
    const [alice, bob] = await Promise.all([replica('alice', bucket), replica('bob', bucket)])
    const first = tokenOf(await alice.leases.acquire('round', ttlMs))
    const kv = await new Kvm(bob.connection).open(bucket)
    const keys: string[] = []
    for await (const key of await kv.keys()) keys.push(key)
    const leaseName = Buffer.from('round').toString('base64url')
    const key = keys.find((name) => name.endsWith(`.${leaseName}`)) as string
    await kv.put(key, 'rubbish')
    expect(await bob.leases.acquire('round', ttlMs)).toMatchObject({ kind: 'refused', because: 'unsound' })
    await kv.delete(key)
    expect(await bob.leases.acquire('round', ttlMs)).toMatchObject({ kind: 'refused', because: 'unsound' })
    expect((await alice.leases.renew(first, ttlMs)).kind).toBe('refused')
    const second = await granted(bob.leases, 3000)
    expect(second.ballot).toBeGreaterThan(first.ballot)
  })

  it('[NL8] are what `partitions.lease` gives, with the document as the holder before left it', async () => {
    const bucket = await openBucket()
    const rejoin = createServer({ node: 'a', voters: ['a'], founding: true, port: 0, storage: memoryStorage() })
    const { syncUrl } = await rejoin.listen()
    const open = async (name: string) => {
      const { connection, cable } = await replica(name, bucket)
      const client = await openReplica({ storage: memoryStorage() })
      connect(client, { transports: [webSocket(syncUrl)] })
      const leases = leasesFrom(natsLeases({ connection, bucket, name, maxTtlMs: ttlMs }))
      const partitions = watchPartitions(client, { leases, maxTtlMs: ttlMs })
      const match = await client.open('match', Match)
      return { client, cable, match, lease: await partitions.lease(match, 'round') }
    }
    const alice = await open('alice')
    const bob = await open('bob')
    const first = await alice.lease.held()
    const receipt = alice.match.change((draft) => draft.round.set(1), { token: first })
    await alice.lease.reached(receipt)
    expect(bob.lease.token).toBeUndefined()
    await server.kill()
    alice.cable.cut()
    await server.start()
    const second = await bob.lease.held()
    expect(alice.lease.token).toBeUndefined()
    expect(bob.match.snapshot.round).toBe(1)
    expect(second.ballot).toBeGreaterThan(first.ballot)
    bob.match.change((draft) => draft.round.set(2), { token: second })
    await bob.client.close()
    await alice.client.close()
    await rejoin.close()
  })

  it('[NL6] are refused in a bucket that lets entries go, and where the account may not write', async () => {
    const { connection } = await replica('carol', 'unused')
    await new Kvm(connection).create('forgetful', { ttl: 60_000 })
    const forgetful = natsLeases({ connection, bucket: 'forgetful', maxTtlMs: ttlMs }).of('match')
    expect(await forgetful.acquire('round', ttlMs)).toMatchObject({
      kind: 'refused',
      because: 'unsound',
      reason: expect.stringContaining('by the clock of the server'),
    })

    const configured = `${directory.path}/nats.conf`
    await writeFile(
      configured,
      `authorization { users = [
        { user: owner, password: o }
        { user: reader, password: r, permissions: { publish: { deny: "$KV.>" } } }
      ] }\n`,
    )
    const guarded = await startNatsServer(`${directory.path}/guarded`, ['-c', configured])
    try {
      const reader = await replica('reader', 'leases', guarded.port, { user: 'reader', pass: 'r' })
      const refused = await reader.leases.acquire('round', ttlMs)
      expect(refused).toMatchObject({ kind: 'refused', because: 'unsound' })
      expect(refused.kind === 'refused' && refused.reason).toMatch(/ermission/)
      const owner = await replica('owner', 'leases', guarded.port, { user: 'owner', pass: 'o' })
      await owner.leases.acquire('round', ttlMs)
      await granted(owner.leases, 5000)
    } finally {
      await closeAll()
      await guarded.kill()
    }
  })
})
