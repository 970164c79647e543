import { type AuthorId, authorIdFrom, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import type { Frame } from '../frame.ts'
import { createMemoryDisk } from '../index.ts'
import { insideOf } from '../replica.ts'
import { outcome, star } from '../world.test-helper.ts'
import { handedOver, type Twins, twins, type Witness, witness } from './fork.test-helper.ts'

const write = ({ handle }: Pick<Witness, 'handle'>, text: string): ReturnType<typeof handle.change> =>
  handle.change((draft) => {
    draft.items.add(text)
    draft.potions.add(1)
    draft.log.push(text)
  })

/** Something of alice's that the server has. */
const common: Parameters<typeof twins>[0] = ({ handles, world }) => {
  if (handles[0] !== undefined) write({ handle: handles[0] }, 'common')
  world.advance(200)
}

/** Everybody has the same, and nothing waits. */
function expectAgreement({ alice, twin, bob, server }: Twins): void {
  for (const { handle, participant } of [alice, twin, bob]) {
    expect(handle.version.equals(bob.handle.version)).toBe(true)
    expect(handle.digest()).toBe(bob.handle.digest())
    expect(handle.unsaved.changes).toBe(0)
    expect(participant.net?.link.state).toBe('synced')
    expect(participant.replica.metrics()).toMatchObject({ divergences: 0, malformedFrames: 0 })
  }
  expect(server.replica.metrics()).toMatchObject({ divergences: 0, malformedFrames: 0 })
  const { potions, items, log } = bob.handle.snapshot
  expect(potions).toBe(10 + items.length)
  expect([...log].sort()).toEqual(items)
}

const codes = ({ forks }: Witness): string[] => forks.map(({ error }) => error.code)

describe('a machine that was cloned while it ran', () => {
  it('[FK1] [FK2] is found when both have written: the later one falls back, and both are told', () => {
    const stage = twins(common)
    const { alice, twin, bob, world } = stage
    stage.cut(0)
    stage.cut(2)
    world.advance(100)
    const first = write(alice, 'by alice')
    world.advance(7)
    const fates = [first, write(twin, 'by the twin'), write(twin, 'more by the twin')].map((receipt) =>
      outcome(receipt.reached('server')),
    )
    stage.heal(0)
    world.advance(2000)
    stage.heal(2)
    world.advance(5000)
    expect(bob.handle.snapshot.items).toEqual(['by alice', 'common'])
    expect(fates.map(({ code }) => code)).toEqual(['resolved', 'refused', 'refused'])
    expect(handedOver(twin)).toEqual(['by the twin', 'more by the twin'])
    expect(twin.refused[0]?.code).toBe('author-forked')
    expect(handedOver(alice)).toEqual([])
    for (const one of [alice, twin]) expect(codes(one)).toEqual(['author-forked'])
    expect(alice.forks[0]?.author).toBe(first.change?.author)
    expect(alice.forks[0]?.error.remedy).toContain('onRefused')
    expect(
      [alice, twin, stage.server].map((one) => ('participant' in one ? one.participant : one).replica.metrics().forks),
    ).toEqual([1, 1, 1])
    write(alice, 'next of alice')
    write(twin, 'next of the twin')
    world.advance(1000)
    expectAgreement(stage)
    expect(bob.handle.snapshot.items.length).toBe(4)
    const authors = new Set([alice, twin].map(({ handle }) => handle.store.author))
    expect(authors.size).toBe(2)
    expect(authors.has(first.change?.author)).toBe(false)
  })

  it('[FK1] [FK2] is found before any write of the one is acknowledged for that of the other, and what is common is not handed over', () => {
    const stage = twins((star) => {
      common(star)
      star.wires[0]?.cut()
      star.world.advance(100)
      if (star.handles[0] !== undefined) write({ handle: star.handles[0] }, 'unsent')
    })
    const { alice, twin, bob, world } = stage
    stage.cut(2)
    world.advance(100)
    write(alice, 'by alice')
    write(alice, 'more by alice')
    world.advance(7)
    const receipt = write(twin, 'by the twin')
    const fate = outcome(receipt.reached('server'))
    stage.heal(0)
    world.advance(2000)
    expect(bob.handle.snapshot.items).toEqual(['by alice', 'common', 'more by alice', 'unsent'])
    stage.heal(2)
    world.advance(2000)
    expect(fate.code).toBe('refused')
    expect(receipt.level).toBe('refused')
    expect(handedOver(twin)).toEqual(['by the twin'])
    expectAgreement(stage)
    expect(bob.handle.snapshot.items.length).toBe(4)
  })

  it('[FK1] [FK2] loses nothing where only one of them wrote: the other goes on under a fresh incarnation', () => {
    const stage = twins(common)
    const { alice, twin, bob, world } = stage
    stage.cut(0)
    world.advance(100)
    // Online clones are told apart by their connections already; this one never was.
    stage.cut(2)
    world.advance(100)
    write(twin, 'by the twin')
    stage.heal(2)
    world.advance(2000)
    stage.heal(0)
    world.advance(2000)
    write(alice, 'by alice')
    world.advance(500)
    expect(codes(alice)).toEqual(['author-forked'])
    expect([handedOver(alice), handedOver(twin)]).toEqual([[], []])
    expect(bob.handle.snapshot.items).toEqual(['by alice', 'by the twin', 'common'])
    expectAgreement(stage)
  })

  it('[FK3] is found while both are connected: nothing of the two is mixed under one author', () => {
    const stage = twins(common)
    const { alice, twin, bob, world } = stage
    stage.cut(0)
    stage.cut(2)
    world.advance(100)
    // Both are back before either has written, so neither asks.
    insideOf(alice.participant.replica).speaksAs = '00000000000000aa'
    stage.heal(0)
    stage.heal(2)
    world.advance(1000)
    write(alice, 'by alice')
    world.advance(1)
    for (const text of ['by the twin', 'two', 'three']) write(twin, text)
    world.advance(5000)
    expect(bob.handle.snapshot.items).toEqual(['by alice', 'common'])
    expect(handedOver(twin)).toEqual(['by the twin', 'two', 'three'])
    for (const one of [alice, twin]) expect(codes(one)).toEqual(['author-forked'])
    expectAgreement(stage)
  })

  it('[FK1] is told once to each, also after a reload, and to who was away, also where the server was started again', () => {
    const serverDisk = createMemoryDisk()
    const stage = twins(common, { serverDisk })
    const { alice, twin, world } = stage
    stage.cut(0)
    stage.cut(2)
    world.advance(100)
    write(alice, 'by alice')
    world.advance(7)
    write(twin, 'by the twin')
    stage.heal(0)
    world.advance(1000)
    stage.cut(0)
    world.advance(1000)
    stage.heal(2)
    world.advance(1000)
    expect([codes(alice), codes(twin)]).toEqual([[], ['author-forked']])
    stage.server.replica.close()
    const wires = [0, 1, 2].map((index) => world.wire(`anew-${index}`))
    const server = world.replica({ role: 'server', disk: serverDisk })
    server.join({ transports: wires.map((wire) => wire.listen) })
    const again = [alice, twin].map(({ participant: { replica, disk } }, index) => {
      replica.close()
      const participant = world.replica({ disk })
      const one = witness(participant, world.open(participant))
      participant.join({ transports: [wires[index]?.dial as never] })
      return one
    })
    world.advance(5000)
    expect(again.map(codes)).toEqual([['author-forked'], []])
    again[0]?.participant.net?.reconnect()
    world.advance(5000)
    expect(again.map(codes)).toEqual([['author-forked'], []])
  })

  it('[FK6] is found by a server that was started again and has folded its rows', () => {
    const serverDisk = createMemoryDisk()
    const limits = { rowsBeforeCompaction: 4, keptChanges: 4 }
    const stage = twins(common, { serverDisk, server: { limits } })
    const { alice, twin, bob, world } = stage
    stage.cut(0)
    stage.cut(2)
    world.advance(100)
    alice.handle.change((draft) => draft.log.insert(0, 'one', 'two', 'three'))
    alice.handle.change((draft) => draft.log.delete(0))
    world.advance(7)
    const receipts = [1, 2, 3, 4, 5].map((n) => twin.handle.change((draft) => draft.phase.set(`${n}`)))
    const fates = receipts.map((receipt) => outcome(receipt.reached('server')))
    stage.heal(0)
    world.advance(1000)
    alice.participant.replica.close()
    for (let n = 0; n < 40; n++) bob.handle.change((draft) => draft.phase.set(`bob ${n}`))
    world.advance(1000)
    expect(stage.server.replica.metrics().compactions).toBeGreaterThan(0)
    stage.server.replica.close()
    const server = world.replica({ role: 'server', disk: serverDisk, limits })
    const wire = world.wire('anew')
    server.join({ transports: [wire.listen] })
    twin.participant.join({ transports: [wire.dial] })
    world.advance(5000)
    expect(fates.map(({ code }) => code)).toEqual(Array.from({ length: 5 }, () => 'refused'))
    expect(codes(twin)).toEqual(['author-forked'])
    expect(twin.handle.snapshot.phase).toBe('bob 39')
  })

  it('[FK8] does not end the connections of the other for ever, and loses nothing where it is told so', () => {
    const stage = twins(common, { listensAsOne: true })
    const { alice, twin, bob, world } = stage
    world.advance(60_000)
    const { connectionsOpened } = stage.server.replica.metrics()
    write(alice, 'by alice')
    write(twin, 'by the twin')
    alice.handle.presence.set('alice')
    twin.handle.presence.set('twin')
    world.advance(60_000)
    expect(stage.server.replica.metrics().connectionsOpened).toBe(connectionsOpened)
    expect(connectionsOpened).toBeLessThan(8)
    expect([...bob.handle.presence.others.values()].sort()).toEqual(['alice', 'twin'])
    expect([...alice.handle.presence.others.values()]).toEqual(['twin'])
    expect([codes(alice), codes(twin)]).toEqual([[], []])
    expect(bob.handle.snapshot.items).toEqual(['by alice', 'by the twin', 'common'])
    expectAgreement(stage)
  })

  it('[FK7] is neither asked nor told where the other side speaks an earlier protocol', () => {
    const stage = twins(common)
    const { alice, twin, world } = stage
    stage.cut(0)
    stage.cut(2)
    world.advance(100)
    const kinds = new Set<string>()
    stage.heal(0)
    stage.heal(2)
    for (const { session } of insideOf(stage.server.replica).connections) {
      const send = session.send.bind(session)
      session.protocol = 2
      session.send = (frame: Frame) => {
        kinds.add(frame.kind)
        send(frame)
      }
    }
    world.advance(20)
    write(alice, 'by alice')
    write(twin, 'by the twin')
    world.advance(1000)
    expect(kinds.size).toBeGreaterThan(0)
    expect(kinds.has('stamps')).toBe(false)
  })
})

describe('the word of another that somebody was cloned', () => {
  const authorOf = ({ handle }: Witness): AuthorId => handle.store.author as AuthorId
  const saying = (liar: Witness, authors: readonly AuthorId[], announces = true): void => {
    const { replica } = liar.participant
    for (const { session } of insideOf(replica).connections) {
      for (const stream of session.streams.values()) {
        if (announces) session.send({ kind: 'own', handle: stream.handle, authors })
        const stamps = authors.map((author) => [author, 0, 0] as const)
        session.send({ kind: 'stamps', handle: stream.handle, purpose: 'forked', stamps })
      }
    }
  }

  const scene = (): {
    alice: Witness
    liar: Witness
    world: ReturnType<typeof star>['world']
    server: ReturnType<typeof star>['server']
  } => {
    const { world, clients, handles, server } = star(2)
    const [alice, liar] = clients.map((client, index) => witness(client, handles[index] as Witness['handle']))
    write(alice as Witness, 'kept')
    world.advance(200)
    return { alice: alice as Witness, liar: liar as Witness, world, server }
  }

  it('[FK5] costs at most a fresh incarnation, and no change', () => {
    const { alice, liar, world } = scene()
    const author = authorOf(alice)
    saying(liar, [author])
    write(alice, 'under way')
    world.advance(500)
    write(alice, 'after it')
    world.advance(500)
    expect(codes(alice)).toEqual(['author-forked'])
    expect(authorOf(alice)).not.toBe(author)
    expect(handedOver(alice)).toEqual([])
    expect(liar.handle.snapshot.items).toEqual(['after it', 'kept', 'under way'])
    expect(alice.handle.unsaved.changes).toBe(0)
  })

  it('[FK5] counts only so often in an hour, and is passed on only for authors that were announced', () => {
    const { alice, liar, world } = scene()
    saying(liar, [authorOf(alice)], false)
    world.advance(100)
    expect(codes(alice)).toEqual([])
    for (let round = 0; round < 40; round++) {
      // Each connection may say so much; the liar makes new ones.
      liar.participant.net?.reconnect()
      world.advance(500)
      saying(liar, [authorOf(alice)])
      world.advance(100)
      write(alice, `round ${round}`)
      world.advance(100)
    }
    expect(alice.forks.length).toBe(16)
    expect(liar.handle.snapshot.items.length).toBe(41)
    expect(alice.handle.unsaved.changes).toBe(0)
    world.advance(3_600_000)
    // What was too much then is told again with the next connection.
    alice.participant.net?.reconnect()
    world.advance(500)
    expect(alice.forks.length).toBe(17)
  })

  it('[FK5] [FK6] is remembered of so many authors by a server, and no more', () => {
    const { liar, world, server } = scene()
    const made = (n: number): AuthorId => authorIdFrom(n.toString(16).padStart(16, 'f'))
    for (let n = 0; n < 400; n++) {
      if (n % 10 === 0) {
        liar.participant.net?.reconnect()
        world.advance(500)
      }
      saying(liar, [made(n)])
      world.advance(20)
    }
    const [core] = insideOf(server.replica).shelf.cores()
    expect(core?.forks.known.size).toBe(256)
    expect([...server.disk.rows.keys()].filter((key) => key.includes('/m/forked/')).length).toBe(256)
  })

  it('[FK5] changes that a liar forges under the author of another cost that one no acknowledged change', () => {
    const { alice, liar, world } = scene()
    const [core] = insideOf(liar.participant.replica).shelf.cores()
    const author = authorOf(alice)
    const seq = alice.handle.version.get(author)
    core?.store.continueAs(author)
    write(liar, 'forged')
    world.advance(500)
    write(alice, 'after it')
    world.advance(500)
    expect(liar.handle.snapshot.items).toEqual(['after it', 'forged', 'kept'])
    expect(alice.handle.version.get(author)).toBeGreaterThan(seq)
    expect(authorOf(alice)).not.toBe(author)
    expect(codes(alice)).toEqual(['author-forked'])
    expect(handedOver(alice)).toEqual([])
    expect(Version.from([[author, seq]]).size).toBe(1)
  })
})

describe('what is no clone', () => {
  it('[FK4] raises nothing: acknowledgements that were lost, crashes, resends, reloads', () => {
    const serverDisk = createMemoryDisk()
    const { world, server, clients, handles, wires } = star(2, { serverDisk })
    const everybody = clients.map((client, index) => witness(client, handles[index] as Witness['handle']))
    for (let round = 0; round < 60; round++) {
      for (const [index, one] of everybody.entries()) write(one, `${index} ${round}`)
      // Long enough for a change to arrive, sometimes too short for its acknowledgement.
      world.advance(round % 12)
      wires[round % 2]?.cut()
      world.advance(3)
      wires[round % 2]?.restore()
      clients[round % 2]?.net?.reconnect()
      if (round % 5 === 0) world.advance(300)
    }
    world.advance(5000)
    expect(everybody.map(codes)).toEqual([[], []])
    expect(everybody.map(handedOver)).toEqual([[], []])
    expect([...clients, server].map(({ replica }) => replica.metrics().forks)).toEqual([0, 0, 0])
    expect(handles[1]?.snapshot.items.length).toBe(120)
  })
})
