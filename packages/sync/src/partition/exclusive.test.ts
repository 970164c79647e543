import { bounded, fenced, isRejoinError, register, schema } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import type { DocumentHandle } from '../index.ts'
import { deferred } from '../later.ts'
import { atOnce, outcome, World } from '../world.test-helper.ts'
import { Cluster } from './cluster.test-helper.ts'
import { type Exclusive, exclusive } from './exclusive.ts'
import type { Lease } from './leases.ts'

const Match = schema({
  round: fenced(0, { lease: 'match', apart: 'queue' }),
  board: { move: fenced('', { lease: 'match', apart: 'tentative' }), winner: fenced('', { lease: 'match' }) },
  title: register(''),
})
const ttlMs = 10_000

interface Side {
  readonly handle: DocumentHandle<typeof Match>
  readonly lease: Lease
  readonly moves: Exclusive<typeof Match>
}

const Game = schema({ move: fenced('', { lease: 'match', apart: 'tentative' }), potions: bounded({ initial: 5 }) })

/** A document with rights, and a lease of it that is never held. */
function withRights() {
  const world = new World()
  const handle = atOnce(world.replica({ role: 'server' }).replica.open('match', Game))
  handle.change((draft) => draft.potions.grant())
  const never = deferred<never>().later
  const lease: Lease = {
    document: 'match',
    name: 'match',
    token: undefined,
    denial: undefined,
    holder: undefined,
    reached: () => never,
    held: () => never,
    onChange: () => () => undefined,
    release: () => undefined,
  }
  return { handle, moves: exclusive(handle, lease) }
}

function sideAt(cluster: Cluster, name: string): Side {
  const { participant, watch } = cluster.node(name)
  const handle = atOnce(participant.replica.open('match', Match))
  const lease = atOnce(watch.lease({ name: 'match' }, 'match'))
  return { handle, lease, moves: exclusive(handle, lease) }
}

/** A voter in the minority that wants the lease of the others. */
function apart() {
  const cluster = new Cluster(['a', 'b', 'c'], {}, { maxTtlMs: ttlMs })
  cluster.world.advance(40_000)
  const lone = sideAt(cluster, 'a')
  cluster.until('a holds it', () => lone.lease.token !== undefined, 5)
  const first = lone.moves.change((draft) => draft.round.set(1))
  expect(first.state).toBe('written')
  cluster.world.advance(1000)
  expect(first.state).toBe('counts')
  cluster.between('a', 'bc', true)
  cluster.until('a lost it', () => lone.lease.token === undefined, 30)
  return { cluster, lone }
}

const reasonOf = (run: () => unknown): string => {
  try {
    run()
    return 'nothing thrown'
  } catch (error) {
    return isRejoinError(error) ? `${error.code}: ${error.reason}` : String(error)
  }
}

describe('writes under a lease that is not held', () => {
  it('[EX1] are refused with why where the field says so, or any other that the write touches', () => {
    const { lone } = apart()
    const why = /^lease-not-held: It takes the lease "match"\. .*(quorum|renewed|b|c)/
    expect(reasonOf(() => lone.moves.change((draft) => draft.board.winner.set('ada')))).toMatch(why)
    const both = () =>
      lone.moves.change((draft) => {
        draft.board.move.set('e4')
        draft.board.winner.set('ada')
      })
    expect(reasonOf(both)).toMatch(why)
    expect(lone.moves.waiting).toEqual([])
    expect(lone.handle.snapshot.board).toEqual({ move: '', winner: '' })
  })

  it('[EX5] are made at once where they touch no field of the lease', () => {
    const { cluster, lone } = apart()
    const write = lone.moves.change((draft) => draft.title.set('apart'))
    expect([write.isTentative, lone.moves.waiting, lone.handle.snapshot.title]).toEqual([false, [], 'apart'])
    cluster.world.advance(100)
    expect(write.state).toBe('counts')
  })

  it('[EX2] wait in turn until it is held, and are made on what stands there by then', () => {
    const { cluster, lone } = apart()
    const other = sideAt(cluster, 'b')
    const waits: number[] = []
    lone.moves.onWaiting((waiting) => waits.push(waiting.length))
    const queued = [1, 2, 3].map(() => lone.moves.change((draft) => draft.round.set(draft.round.get() + 1)))
    const withdrawn = lone.moves.change((draft) => draft.round.set(100))
    withdrawn.withdraw()
    expect([...queued, withdrawn].map(({ state }) => state)).toEqual(['waiting', 'waiting', 'waiting', 'withdrawn'])
    // Nothing of them is to be seen.
    expect([lone.handle.snapshot.round, lone.moves.snapshot.round]).toEqual([1, 1])
    cluster.until('b holds it', () => other.lease.token !== undefined, 60)
    other.moves.change((draft) => draft.round.set(10))
    cluster.world.advance(2000)
    cluster.between('a', 'bc', false)
    other.lease.release()
    cluster.until('all count', () => queued.every(({ state }) => state === 'counts'), 120)
    expect([lone.handle.snapshot.round, other.handle.snapshot.round]).toEqual([13, 13])
    expect(waits).toEqual([1, 2, 3, 4, 3, 2, 1, 0])
  })

  it('[EX3] are shown meanwhile where the field says so, here and nowhere else', () => {
    const { cluster, lone } = apart()
    const move = lone.moves.change((draft) => {
      draft.board.move.set('e4')
      draft.title.set('our match')
    })
    expect(move).toMatchObject({ state: 'waiting', isTentative: true })
    expect(lone.moves.snapshot).toMatchObject({ board: { move: 'e4' }, title: 'our match', round: 1 })
    expect(lone.moves.snapshot).toBe(lone.moves.snapshot)
    lone.handle.change((draft) => draft.title.set('another title'))
    expect(lone.moves.snapshot.title).toBe('our match')
    expect(lone.handle.snapshot).toMatchObject({ board: { move: '' }, title: 'another title' })
    cluster.between('a', 'bc', false)
    cluster.until('it counts', () => move.state === 'counts', 120)
    expect(lone.moves.snapshot).toBe(lone.handle.snapshot)
    expect(lone.handle.snapshot).toMatchObject({ board: { move: 'e4' }, title: 'our match' })
  })

  it('[EX4] that throw when they are made fail alone, and one whose lease is lost first is told as lost', () => {
    const { cluster, lone } = apart()
    const failing = lone.moves.change((draft) => {
      if (draft.round.get() < 5) draft.round.set(draft.round.get() + 1)
      else throw new Error('too late')
    })
    const after = lone.moves.change((draft) => draft.round.set(draft.round.get() + 1))
    let why: unknown
    failing.counts.then(undefined, (error: unknown) => {
      why = error
    })
    const other = sideAt(cluster, 'b')
    cluster.until('b holds it', () => other.lease.token !== undefined, 60)
    other.moves.change((draft) => draft.round.set(5))
    cluster.world.advance(2000)
    cluster.between('a', 'bc', false)
    other.lease.release()
    cluster.until('the other one counts', () => after.state === 'counts', 120)
    expect([failing.state, String(why)]).toEqual(['failed', 'Error: too late'])
    expect(lone.handle.snapshot.round).toBe(6)
    cluster.between('a', 'bc', true)
    const lost = lone.moves.change((draft) => draft.round.set(7))
    expect(lost.state).toBe('written')
    cluster.until('told', () => lost.state === 'lost', 60)
    lone.moves.close()
  })

  it('[EX20] may spend what this replica has rights of, beside what waits or at once', () => {
    const { handle, moves } = withRights()
    const taken = moves.change((draft) => draft.potions.subtract(1))
    expect([taken.state, handle.snapshot.potions]).toEqual(['counts', 4])
    const move = moves.change((draft) => {
      draft.move.set('e4')
      draft.potions.subtract(1)
    })
    expect([move.state, move.isTentative, moves.snapshot]).toEqual(['waiting', true, { move: 'e4', potions: 3 }])
    expect(handle.snapshot).toEqual({ move: '', potions: 4 })
  })

  it.each(['the lease', 'the layer', 'the replica', 'the queue'])('[EX21] fail once %s is given up', (what) => {
    const { cluster, lone } = apart()
    const { watch, participant } = cluster.node('a')
    // It stays wanted here by another.
    const other = sideAt(cluster, 'a')
    const before = outcome(lone.moves.change((draft) => draft.round.set(2)).counts)
    const waits: number[] = []
    lone.moves.onWaiting((waiting) => waits.push(waiting.length))
    if (what === 'the lease') lone.lease.release()
    else if (what === 'the layer') watch.close()
    else if (what === 'the replica') participant.replica.close()
    else lone.moves.close()
    expect([before.code, waits]).toEqual([what === 'the queue' ? 'write-withdrawn' : 'closed', [0]])
    expect(lone.moves.waiting).toEqual([])
    const after = lone.moves.change((draft) => draft.round.set(3))
    expect([outcome(after.counts).code, after.state, lone.moves.waiting]).toEqual(['closed', 'failed', []])
    expect(lone.handle.snapshot.round).toBe(1)
    other.moves.close()
  })

  it('[EX21] fail where the lease is given up while they are made', () => {
    const { cluster, lone } = apart()
    const writes = [2, 3].map((round) => lone.moves.change((draft) => draft.round.set(round)))
    lone.moves.onWaiting(() => lone.lease.release())
    cluster.between('a', 'bc', false)
    cluster.until('one was made', () => lone.moves.waiting.length === 0, 120)
    expect(writes.map(({ state }) => state)).toEqual(['lost', 'failed'])
  })

  it('[EX22] are made, what waits first, by whoever hears of the lease before what waits does', () => {
    const { cluster, lone } = apart()
    const outcomes: unknown[] = []
    lone.lease.onChange(({ kind }) => {
      if (kind !== 'usable') return
      const won = moves.change((draft) => {
        if (draft.board.move.get() === 'e4') draft.board.winner.set('ada')
      })
      outcomes.push(move.state, won.state, lone.handle.snapshot.board)
    })
    const moves = exclusive(lone.handle, lone.lease)
    const move = moves.change((draft) => draft.board.move.set('e4'))
    cluster.between('a', 'bc', false)
    cluster.until('usable', () => outcomes.length > 0, 120)
    expect(outcomes).toEqual(['written', 'written', { move: 'e4', winner: 'ada' }])
  })

  it('[EX23] are all made and told of, whatever a listener throws', () => {
    const { cluster, lone } = apart()
    let heard = 0
    lone.moves.onWaiting(() => {
      throw new Error('mine')
    })
    lone.moves.onWaiting(() => {
      heard += 1
    })
    const writes = ['e4', 'e5'].map((move) => lone.moves.change((draft) => draft.board.move.set(move)))
    cluster.between('a', 'bc', false)
    cluster.until('usable', () => lone.lease.token !== undefined, 120)
    cluster.world.advance(2000)
    expect([writes.map(({ state }) => state), heard]).toEqual([['counts', 'counts'], 4])
    expect(lone.handle.snapshot.board.move).toBe('e5')
  })
})
