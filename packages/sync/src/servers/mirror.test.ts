import { describe, expect, it } from 'vitest'
import type { Authorize, MemoryLink, Permission } from '../index.ts'
import { deferred, type Later } from '../later.ts'
import { insideOf } from '../replica.ts'
import { type Participant, Raid, type RaidHandle, World } from '../world.test-helper.ts'
import { type Mirror, mirrorDocuments } from './mirror.ts'

interface Pair {
  readonly world: World
  readonly servers: readonly [Participant, Participant]
  readonly mirrors: readonly [Mirror, Mirror]
  readonly between: MemoryLink
  /** A client of one of the two, with a document open. */
  client(
    at: 0 | 1,
    document?: string,
  ): { readonly participant: Participant; readonly handle: RaidHandle; readonly wire: MemoryLink }
}

/** Two servers and the link between them, which is down at first. */
function pair(authorize?: Authorize): Pair {
  const world = new World()
  const between = world.wire('between')
  const make = (grantsRights: boolean): Participant =>
    world.replica({
      role: 'server',
      grantsRights,
      limits: { idleDocumentMs: 5000, namedVersionAuthors: 1 },
      ...(authorize === undefined ? {} : { authorize }),
    })
  const servers = [make(true), make(false)] as const
  const mirrors = [mirrorDocuments(servers[0].replica), mirrorDocuments(servers[1].replica)] as const
  between.cut()
  const inward = [world.wire('in-0'), world.wire('in-1')] as const
  servers[0].join({ transports: [inward[0].listen, between.listen] })
  servers[1].join({ transports: [inward[1].listen, between.dial], capMs: 500 })
  return {
    world,
    servers,
    mirrors,
    between,
    client: (at, document = 'raid') => {
      const participant = world.replica()
      participant.join({ transports: [inward[at].dial], capMs: 500 })
      return { participant, handle: world.open(participant, document), wire: inward[at] }
    },
  }
}

const documentsAt = ({ replica }: Participant): string[] => {
  let names: string[] = []
  replica.documents().then((found) => {
    names = found
  })
  return names
}

describe('servers that are connected', () => {
  it('[MI1] bring what a client of one writes to a client of the other', () => {
    const { world, between, client } = pair()
    between.restore()
    const [left, right] = [client(0), client(1)]
    world.advance(2000)
    left.handle.change((s) => s.phase.set('fight'))
    right.handle.change((s) => s.potions.add(5))
    world.advance(1000)
    expect(left.handle.snapshot).toMatchObject({ phase: 'fight', potions: 15 })
    expect(right.handle.digest()).toBe(left.handle.digest())
  })

  it('[MI2] bring together what was written while they were apart, also of documents that nobody has open', () => {
    const { world, between, client, servers, mirrors } = pair()
    const [left, right] = [client(0), client(1)]
    const alone = client(0, 'alone')
    world.advance(2000)
    left.handle.change((s) => s.items.add('left'))
    right.handle.change((s) => s.items.add('right'))
    alone.handle.change((s) => s.phase.set('kept'))
    world.advance(1000)
    alone.participant.replica.close()
    world.advance(60_000)
    expect(documentsAt(servers[1])).toEqual(['raid'])
    between.restore()
    world.advance(5000)
    expect(left.handle.snapshot.items).toEqual(['left', 'right'])
    expect(right.handle.digest()).toBe(left.handle.digest())
    expect(documentsAt(servers[1])).toEqual(['alone', 'raid'])
    expect(mirrors.map(({ pending }) => pending)).toEqual([0, 0])
  })

  it('[MI3] let go of what nobody uses on either side, and take it up again', () => {
    const { world, between, client, servers } = pair()
    between.restore()
    const [left, right] = [client(0), client(1)]
    world.advance(2000)
    left.handle.change((s) => s.phase.set('fight'))
    left.handle.close()
    world.advance(30_000)
    const opened = (): number[] => servers.map(({ replica }) => replica.metrics().openDocuments)
    // The client of the other one still has it.
    expect(opened()).toEqual([1, 1])
    right.handle.change((s) => s.potions.add(1))
    world.advance(1000)
    right.handle.close()
    world.advance(30_000)
    expect(opened()).toEqual([0, 0])
    const again = client(0)
    world.advance(2000)
    expect(again.handle.snapshot).toMatchObject({ phase: 'fight', potions: 11 })
    const other = client(1)
    world.advance(2000)
    other.handle.change((s) => s.phase.set('over'))
    world.advance(2000)
    expect(again.handle.snapshot.phase).toBe('over')
    // Used at one side only for long, it stays at both.
    other.handle.close()
    world.advance(120_000)
    again.handle.change((s) => s.potions.add(1))
    world.advance(2000)
    expect(opened()).toEqual([1, 1])
  })

  it('[MI4] heal after every outage, and go on where the link flaps', () => {
    const { world, between, client } = pair()
    const [left, right] = [client(0), client(1)]
    for (let round = 0; round < 30; round++) {
      if (round % 2 === 0) between.restore()
      else between.cut()
      left.handle.change((s) => s.items.add(`left ${round}`))
      right.handle.change((s) => s.items.add(`right ${round}`))
      world.advance(37 * (1 + (round % 7)))
    }
    between.restore()
    world.advance(10_000)
    expect(left.handle.snapshot.items).toHaveLength(60)
    expect(right.handle.digest()).toBe(left.handle.digest())
  })

  it('[MI5] are done with what the other one may not have', () => {
    const { world, between, client, servers, mirrors } = pair(({ document }) =>
      document === 'secret' ? 'no' : 'admin',
    )
    const { handle } = client(0)
    world.advance(2000)
    handle.change((s) => s.phase.set('fight'))
    world.advance(1000)
    let secret: RaidHandle | undefined
    servers[0].replica.open('secret', Raid).then((opened) => {
      secret = opened
    })
    secret?.change((s) => s.phase.set('hidden'))
    between.restore()
    world.advance(20_000)
    expect(documentsAt(servers[1])).toEqual(['raid'])
    expect(mirrors[0].pending).toBe(0)
  })

  it('[MI7] ask again when it could not be said who may have what', () => {
    let isDown = true
    const { world, between, client, servers, mirrors } = pair(() => {
      if (isDown) throw new Error('the directory is down')
      return 'admin'
    })
    between.restore()
    isDown = false
    const { handle } = client(0)
    world.advance(2000)
    handle.change((s) => s.phase.set('fight'))
    world.advance(1000)
    between.cut()
    isDown = true
    world.advance(1000)
    between.restore()
    world.advance(5000)
    handle.change((s) => s.phase.set('over'))
    world.advance(5000)
    isDown = false
    world.advance(5000)
    const other = client(1)
    world.advance(5000)
    expect(other.handle.snapshot.phase).toBe('over')
    expect(servers).toHaveLength(2)
    expect(mirrors.map(({ pending }) => pending)).toEqual([0, 0])
  })

  it('[MI8] tell a server nothing that may open documents and is not of the cluster', () => {
    for (const [given, expected] of [
      ['write', []],
      ['admin', ['raid']],
    ] as const) {
      const { world, between, client, servers } = pair(({ document }) => (document === '@cluster' ? given : 'write'))
      const { handle } = client(0)
      world.advance(2000)
      handle.change((s) => s.phase.set('fight'))
      between.restore()
      world.advance(20_000)
      expect(documentsAt(servers[1])).toEqual(expected)
    }
  })

  it('[MI9] take up on the same connection what they let go of, with nothing that the other one could not read', () => {
    const { world, between, client, servers } = pair()
    between.restore()
    world.advance(2000)
    const { participant, handle } = client(0)
    handle.change((s) => s.phase.set('before'))
    world.advance(1000)
    // Many have written, so that versions are told by what differs from one that both hold.
    for (let author = 0; author < 30; author++) {
      const passing = client(0)
      world.advance(600)
      passing.handle.change((s) => s.items.add(`${author}`))
      world.advance(100)
      passing.participant.replica.close()
    }
    for (let turn = 0; turn < 3; turn++) {
      participant.net?.close()
      world.advance(20_000)
      const other = client(1)
      // Before the server at the other end has taken it up.
      for (let i = 0; i < 3; i++) other.handle.change((s) => s.items.add(`${turn} ${i}`))
      world.advance(2000)
      other.participant.net?.close()
      world.advance(turn * 4000)
      expect(documentsAt(servers[0])).toEqual(['raid'])
    }
    const counts = servers.map(({ replica }) => replica.metrics())
    expect(counts.map(({ malformedFrames }) => malformedFrames)).toEqual([0, 0])
  })

  it('[MI6] end the connection of one that says what no server would', () => {
    const { world, between, servers } = pair()
    between.restore()
    world.advance(2000)
    expect(servers[0].net?.peers).toHaveLength(1)
    const before = servers[0].replica.metrics().malformedFrames
    const [connection] = insideOf(servers[1].replica).connections
    connection?.session.send({ kind: 'aside', channel: 1, bytes: Uint8Array.of(1, 200) })
    world.advance(100)
    expect(servers[0].replica.metrics().malformedFrames).toBe(before + 1)
  })

  it('[MI10] remember no names of documents that neither has in memory', () => {
    const { world, servers, mirrors, between, client } = pair()
    between.restore()
    world.advance(2000)
    for (let at = 0; at < 20; at++) {
      const { participant, handle } = client(0, `document-${at}`)
      handle.change((s) => s.potions.add(1))
      world.advance(2000)
      participant.replica.close()
      world.advance(20_000)
    }
    world.advance(60_000)
    expect(servers.map(({ replica }) => insideOf(replica).shelf.size)).toEqual([0, 0])
    expect(mirrors.map(({ remembered }) => remembered)).toEqual([0, 0])
    expect(documentsAt(servers[1]).length).toBe(20)
  })

  it('[SY69] let go of nothing that was opened anew since they went through what was forgotten', () => {
    const { world, between, client, servers } = pair()
    const { handle, participant } = client(0)
    world.advance(2000)
    handle.change((s) => s.potions.add(1))
    world.advance(1000)
    participant.replica.close()
    world.advance(20_000)
    between.restore()
    const inside = insideOf(servers[0].replica)
    for (let step = 0; step < 3000 && !inside.shelf.has('raid'); step++) world.advance(1)
    servers[0].replica.forget('raid')
    const again = world.open(servers[0])
    world.advance(60_000)
    between.cut()
    world.advance(60_000)
    expect(inside.shelf.names()).toEqual(['raid'])
    expect(() => again.change((s) => s.potions.add(1))).not.toThrow()
  })

  it('[PC8] wait for the disk of one that says that it goes through it, and of no other', () => {
    const { world, servers, mirrors, between, client } = pair()
    const { handle, participant } = client(0)
    world.advance(2000)
    handle.change((s) => s.potions.add(1))
    world.advance(1000)
    participant.replica.close()
    world.advance(20_000)
    // One of an earlier version.
    mirrors[0].close()
    between.restore()
    world.advance(5000)
    const { companions, connections } = insideOf(servers[1].replica)
    const isBehind = (): boolean =>
      [...connections].some(({ session }) => companions.get(1)?.isBehind?.(session) === true)
    expect(isBehind()).toBe(false)
    const say = (what: number): void => {
      for (const { session } of insideOf(servers[0].replica).connections)
        session.send({ kind: 'aside', channel: 1, bytes: Uint8Array.of(what, 0) })
      world.advance(1000)
    }
    say(2)
    expect(isBehind()).toBe(true)
    say(3)
    expect(isBehind()).toBe(false)
  })

  it('[PC8] wait for the disk of one also where it took long to find out that it is of the cluster', () => {
    const slow = (): Later<Permission> => {
      const answer = deferred<Permission>()
      world.time.timers.set(3000, () => answer.resolve('admin'))
      return answer.later
    }
    const { world, servers, between, client } = pair(slow)
    for (const document of ['one', 'two', 'three']) {
      const { handle, participant } = client(1, document)
      world.advance(10_000)
      handle.change((s) => s.potions.add(1))
      world.advance(1000)
      participant.replica.close()
    }
    world.advance(20_000)
    between.restore()
    const { companions, connections } = insideOf(servers[0].replica)
    let there = -1
    for (let step = 0; step < 300; step++) {
      world.advance(100)
      const isBehind = [...connections].some(({ session }) => companions.get(1)?.isBehind?.(session) === true)
      if (isBehind) there = documentsAt(servers[0]).length
    }
    expect(there).toBe(3)
  })
})
