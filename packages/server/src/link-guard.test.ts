import type { Link, LinkClosed, LinkEvents, ListenHost, ListenTransport } from '@rejoin/sync'
import { describe, expect, it } from 'vitest'
import { defaultServerLimits } from './limits.ts'
import { guardLinks, tokenBucket } from './link-guard.ts'
import { createServerMetrics } from './metrics.ts'

/** A listening end whose links the test holds at the far side. */
function harness(limits: Partial<typeof defaultServerLimits> = {}) {
  const metrics = createServerMetrics('0', {
    ready: () => true,
    storageOk: () => true,
    replica: () => undefined,
    partitions: () => undefined,
    votes: () => undefined,
    dialing: () => undefined,
  })
  let time = 0
  let host: ListenHost | undefined
  const inner: ListenTransport = {
    kind: 'listen',
    name: 'test',
    reliable: true,
    listen: (next) => {
      host = next
      return { close: () => undefined }
    },
  }
  const guard = guardLinks(inner, {
    limits: { ...defaultServerLimits, ...limits },
    metrics,
    now: () => time,
    onClosed: () => undefined,
  })
  const received: Uint8Array[] = []
  const near: Link[] = []
  guard.transport.listen({
    accept(link) {
      near.push(link)
      return { opened: () => undefined, frame: (bytes) => received.push(bytes), closed: () => undefined }
    },
  })
  const join = (remote = '10.0.0.1') => {
    const far = { buffered: 0, sent: 0, closed: undefined as LinkClosed | undefined }
    let events: LinkEvents | undefined
    const link: Link = {
      send: () => {
        far.sent += 1
      },
      get bufferedBytes() {
        return far.buffered
      },
      close(code = 'closed', reason = '') {
        if (far.closed !== undefined) return
        far.closed = { code, reason, clean: true }
        events?.closed(far.closed)
      },
    }
    events = host?.accept(link, { remote, initiator: false })
    if (far.closed !== undefined) events?.closed(far.closed)
    return { far, say: (bytes: number) => events?.frame(new Uint8Array(bytes)), near: near.at(-1) }
  }
  const value = async (name: string, labels = ''): Promise<string | undefined> =>
    (await metrics.text())
      .split('\n')
      .find((line) => line.startsWith(`rejoin_${name}${labels} `))
      ?.split(' ')[1]
  return {
    guard,
    join,
    received,
    value,
    advance: (ms: number) => {
      time += ms
    },
  }
}

describe('guardLinks', () => {
  it('[SV5] ends a link that floods, alone', async () => {
    const { join, received, value, advance } = harness({ messagesPerSecond: 2 })
    const flooder = join()
    const other = join()
    for (let i = 0; i < 21; i++) flooder.say(1)
    other.say(3)
    expect(received).toHaveLength(21)
    expect(flooder.far.closed?.code).toBe('too-many-messages')
    expect(other.far.closed).toBeUndefined()
    expect(await value('connections')).toBe('1')
    expect(await value('connections_closed_total', '{code="too-many-messages"}')).toBe('1')
    expect(await value('bad_frames_total', '{code="too-many-messages"}')).toBe('1')
    expect(await value('received_bytes_total')).toBe('24')
    advance(60_000)
    for (let i = 0; i < 20; i++) other.say(1)
    expect(other.far.closed).toBeUndefined()
  })

  it('[SV5] ends a link that does not read', async () => {
    const { join } = harness({ bufferedBytes: 100 })
    const { far, near } = join()
    near?.send(new Uint8Array(5))
    far.buffered = 101
    near?.send(new Uint8Array(5))
    expect(far.sent).toBe(1)
    expect(far.closed?.code).toBe('slow-peer')
  })

  it('[SV5] counts connections in total and per address', async () => {
    const { join, value } = harness({ connections: 3, connectionsPerRemote: 2 })
    const first = join('a')
    join('a')
    expect(join('a').far.closed?.code).toBe('too-many-connections')
    join('b')
    expect(join('c').far.closed?.code).toBe('too-many-connections')
    expect(await value('connections_refused_total', '{code="too-many-connections"}')).toBe('2')
    first.far.closed = undefined
    first.near?.close('closed')
    expect(join('a').far.closed).toBeUndefined()
  })

  it('[SV8] ends all links with a code, and those that come meanwhile', () => {
    const { guard, join } = harness()
    const early = join()
    guard.refuseWith(() => ({ code: 'server-storage-failing', reason: 'storage-full' }))
    guard.closeAll({ code: 'server-storage-failing', reason: 'storage-full' })
    expect(early.far.closed?.code).toBe('server-storage-failing')
    expect(join().far.closed?.code).toBe('server-storage-failing')
    expect(guard.openLinks()).toBe(0)
    guard.refuseWith(() => undefined)
    expect(join().far.closed).toBeUndefined()
  })

  it('[SV5] keeps labels bounded whatever code a peer closes with', async () => {
    const { join, value } = harness()
    for (let i = 0; i < 5; i++) join().near?.close(`made-up-${i}`)
    expect(await value('connections_closed_total', '{code="other"}')).toBe('5')
  })
})

describe('tokenBucket', () => {
  it('lets a burst pass and then the average', () => {
    let time = 0
    const take = tokenBucket(10, 2, () => time)
    const taken = (count: number) => Array.from({ length: count }, take).filter(Boolean).length
    expect(taken(30)).toBe(20)
    time += 1_000
    expect(taken(30)).toBe(10)
  })
})
