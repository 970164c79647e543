import { type FencingToken, isRejoinError, rejoinError, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import type { DocumentHandle, MemoryDisk, Storage } from '../index.ts'
import { rejected, resolved } from '../later.ts'
import { insideOf } from '../replica.ts'
import { atOnce, codeOf, World } from '../world.test-helper.ts'
import { Cluster } from './cluster.test-helper.ts'
import { clientOf, Match, next, ttlMs, voters, want, wantAt } from './leases.test-helper.ts'
import { type Lease, type LeaseGround, votedLeases } from './leases.ts'
import { Neighbours } from './neighbours.ts'
import type { Roster } from './roster.ts'
import { watchPartitions } from './watch.ts'

/** The document, where nobody wants the lease. */
function openAt(cluster: Cluster, name: string): DocumentHandle<typeof Match> {
  return atOnce(cluster.node(name).participant.replica.open('match', Match))
}

describe('a lease of a document', () => {
  it('[LX1] is granted by the voters to one at a time, with a token that its fenced fields take', () => {
    const cluster = voters()
    const first = want(cluster, 'a')
    let token: FencingToken | undefined
    first.lease.held().then((held) => {
      token = held
    })
    cluster.until('a holds it', () => first.lease.token !== undefined, 5)
    expect(token).toEqual(first.lease.token)
    next(first)
    const second = want(cluster, 'b')
    cluster.world.advance(30_000)
    expect(second.lease.token).toBeUndefined()
    expect(second.lease.denial).toMatch(/a/)
    expect(codeOf(() => next(second))).toBe('fencing-token-required')
    first.lease.release()
    cluster.until('b holds it', () => second.lease.token !== undefined, 30)
    expect(second.lease.token?.ballot).toBeGreaterThan(token?.ballot ?? 0)
    next(second)
    cluster.world.advance(2000)
    expect([first.handle.snapshot.round, second.handle.snapshot.round]).toEqual([2, 2])
  })

  it('[LX2] is lost in the minority before the majority has it, which goes on with what was written', () => {
    const cluster = voters()
    const lone = want(cluster, 'a')
    cluster.until('a holds it', () => lone.lease.token !== undefined, 5)
    next(lone)
    cluster.world.advance(2000)
    const other = want(cluster, 'b')
    const stale = lone.lease.token
    cluster.between('a', 'bc', true)
    for (let second = 0; second < 60 && other.lease.token === undefined; second++) {
      cluster.world.advance(250)
      expect(lone.lease.token !== undefined && other.lease.token !== undefined).toBe(false)
    }
    cluster.until('b holds it', () => other.lease.token !== undefined, 60)
    expect(lone.lease.token).toBeUndefined()
    expect(lone.told).toEqual(['usable', 'lost'])
    next(other)
    expect(other.handle.snapshot.round).toBe(2)
    // Whoever did not hear that it was lost may try: a later token is not overwritten, before and after the heal, by a later write either.
    cluster.world.advance(1000)
    lone.handle.change((draft) => draft.round.set(77), { token: stale as FencingToken })
    cluster.between('a', 'bc', false)
    cluster.until('healed', () => cluster.modes() === 'full full full', 65)
    cluster.world.advance(5000)
    expect([lone.handle.snapshot.round, other.handle.snapshot.round]).toEqual([2, 2])
    expect(codeOf(() => lone.handle.change((draft) => draft.round.set(78), { token: stale as FencingToken }))).toBe(
      'fencing-token-stale',
    )
  })

  it('[LX40] tells for how long it is held still, as of when the app asks', () => {
    const cluster = voters()
    const { lease } = want(cluster, 'a')
    cluster.until('a holds it', () => lease.token !== undefined, 5)
    const other = want(cluster, 'b').lease
    cluster.until('b is refused', () => other.denial !== undefined, 5)
    cluster.between('a', 'bc', true)
    const heard = new Set<number>()
    while (other.token === undefined) {
      const { holder, denial = '' } = other
      const [, told] = /^a holds it, for (\d+) s more/.exec(denial) ?? []
      // Once it is over it says that.
      if (told !== undefined && holder !== undefined) {
        const leftMs = holder.until - cluster.world.time.clock.now()
        expect(1000 * Number(told) - leftMs, denial).toBeGreaterThanOrEqual(0)
        expect(1000 * Number(told) - leftMs, denial).toBeLessThanOrEqual(2000)
        heard.add(Number(told))
      }
      cluster.world.advance(100)
    }
    expect(heard.size).toBeGreaterThan(5)
  })

  it('[LX23] tells whoever does not get it who has it and for how long, and voters that have no vote that they have none', () => {
    const cluster = voters()
    const { lease } = want(cluster, 'a')
    cluster.until('a holds it', () => lease.token !== undefined, 5)
    const other = want(cluster, 'b')
    cluster.world.advance(5000)
    const { holder, denial } = other.lease
    expect([lease.holder, holder?.id, denial]).toEqual([
      undefined,
      'a',
      expect.stringMatching(/^a holds it, for \d+ s/),
    ])
    const left = (holder?.until ?? 0) - cluster.world.time.clock.now()
    expect(left > 0 && left <= 1.05 * ttlMs).toBe(true)
    lease.release()
    cluster.until('b holds it', () => other.lease.token !== undefined, 10)
    expect([other.lease.holder, other.lease.denial]).toEqual([undefined, undefined])

    // What it is told of somebody who is gone is true only for so long.
    const third = want(cluster, 'c')
    cluster.world.advance(2000)
    cluster.between('b', 'ac', true)
    const isOver = (): boolean => third.lease.denial?.includes('over meanwhile') === true
    for (let ms = 0; !isOver(); ms += 10) {
      expect([ms < 30_000, third.lease.holder?.id]).toEqual([true, 'b'])
      cluster.world.advance(10)
    }
    expect(third.lease.holder).toBeUndefined()

    const nowhere = clientOf(cluster, 'of nobody', { names: [] })
    expect(wantAt(nowhere).lease.denial).toBe('No voters are known here: no server was reached yet.')
    const unfounded = new Cluster(['a', 'b', 'c'], {}, { maxTtlMs: ttlMs, isFounding: false })
    unfounded.world.advance(40_000)
    const lone = want(unfounded, 'a')
    unfounded.world.advance(20_000)
    expect(lone.lease.denial).toMatch(/a, b, c said to have no vote|[abc].* said to have no vote/)
    expect(unfounded.node('a').watch.status.verdict).toMatchObject({ mode: 'full', powerless: 'no-vote' })
  })

  it('[LX45] is lost by whom its own document refuses, and granted with a token above what was written there', () => {
    const cluster = voters()
    const holder = want(cluster, 'a')
    cluster.until('a holds it', () => holder.lease.token !== undefined, 5)
    next(holder)
    // By another group that has become one with this.
    const theirs = { lease: 'round', epoch: 1, ballot: 40 }
    openAt(cluster, 'b').change((draft) => draft.round.set(7), { token: theirs })
    cluster.world.advance(2000)
    expect(codeOf(() => next(holder))).toBe('fencing-token-stale')
    cluster.world.advance(0)
    expect([holder.lease.token, holder.lease.denial]).toEqual([undefined, expect.stringContaining('1.40')])
    cluster.until('a holds it again', () => holder.lease.token !== undefined, 20)
    next(holder)
    expect(holder.handle.snapshot.round).toBe(8)
    expect(holder.told).toEqual(['usable', 'lost', 'usable'])
  })

  it('[LX45] says of a later roster whose writes stand that it takes one that is later still', () => {
    const cluster = voters()
    const holder = want(cluster, 'a')
    cluster.until('a holds it', () => holder.lease.token !== undefined, 5)
    openAt(cluster, 'b').change((draft) => draft.round.set(7), {
      token: { lease: 'round', epoch: 9, ballot: 1 },
    })
    cluster.world.advance(2000)
    expect(codeOf(() => next(holder))).toBe('fencing-token-stale')
    cluster.world.advance(20_000)
    expect([holder.lease.token, holder.lease.denial]).toEqual([undefined, expect.stringContaining('epoch 9')])
    cluster.node('a').watch.force({ ...cluster.roster })
    cluster.until('a holds it', () => holder.lease.token !== undefined, 40)
    next(holder)
    expect(holder.handle.snapshot.round).toBe(8)
  })

  it('[LX3] is renewed for as long as a quorum is there, and has nobody where none is', () => {
    const cluster = voters()
    const side = want(cluster, 'a')
    cluster.until('a holds it', () => side.lease.token !== undefined, 5)
    const before = side.lease.token
    cluster.world.advance(10 * ttlMs)
    expect(side.lease.token).toEqual(before)
    for (const [left, right] of [
      ['a', 'bc'],
      ['b', 'c'],
    ] as const)
      cluster.between(left, right, true)
    cluster.world.advance(2 * ttlMs)
    expect(side.lease.token).toBeUndefined()
    expect(side.lease.denial).toBe('No quorum: b, c did not answer.')
    // Nor is it granted anew, and who asks for it is told why.
    const other = want(cluster, 'b')
    cluster.world.advance(ttlMs)
    expect([other.lease.token, other.lease.denial]).toEqual([undefined, 'No quorum: a, c did not answer.'])
    other.lease.release()
    for (const [left, right] of [
      ['a', 'bc'],
      ['b', 'c'],
    ] as const)
      cluster.between(left, right, false)
    cluster.until('a holds it again', () => side.lease.token !== undefined, 65)
    expect(side.lease.token?.ballot).toBeGreaterThan(before?.ballot ?? 0)
  })

  it('[LX4] is not given away by voters that restart, even all but the holder at once', () => {
    const cluster = voters()
    const side = want(cluster, 'a')
    cluster.until('a holds it', () => side.lease.token !== undefined, 5)
    for (const name of ['b', 'c']) cluster.node(name).participant.replica.close()
    cluster.world.advance(100)
    for (const name of ['b', 'c']) cluster.start(name)
    cluster.between('a', 'bc', true)
    const other = want(cluster, 'b')
    let heldAlone = 0
    for (let ms = 0; ms < 2 * ttlMs && other.lease.token === undefined; ms += 100) {
      cluster.world.advance(100)
      if (side.lease.token !== undefined) heldAlone += 100
      expect(side.lease.token !== undefined && other.lease.token !== undefined).toBe(false)
    }
    expect(heldAlone).toBeGreaterThan(ttlMs / 4)
    cluster.until('b holds it', () => other.lease.token !== undefined, 60)
  })

  it('[LX4] is not given away by voters that restart, and one that lost its disk has no vote until it was taught', () => {
    const cluster = voters()
    const side = want(cluster, 'a')
    cluster.until('a holds it', () => side.lease.token !== undefined, 5)
    const { token } = side.lease
    // Nobody renews any more, and a majority of the voters starts anew: one of them without its disk.
    for (const name of ['b', 'c']) cluster.node(name).participant.replica.close()
    cluster.disks.delete('c')
    cluster.world.advance(100)
    cluster.start('b')
    cluster.start('c', { isFounding: false })
    const other = want(cluster, 'b')
    for (let second = 0; second < 2 * ttlMs; second += 500) {
      cluster.world.advance(500)
      const both = side.lease.token !== undefined && other.lease.token !== undefined
      expect(both).toBe(false)
    }
    const last = other.lease.token ?? side.lease.token
    expect(last === undefined || last.epoch > (token?.epoch ?? 0) || last.ballot >= (token?.ballot ?? 0)).toBe(true)
    // It was taught by the others: with one of them alone it votes again.
    other.lease.release()
    cluster.between('b', 'ac', true)
    cluster.world.advance(3 * ttlMs)
    cluster.until('a holds it by the vote of c', () => side.lease.token !== undefined, 90)
  })

  it('[LX5] is usable only once the document holds what the voters knew', () => {
    const cluster = voters()
    const first = want(cluster, 'a')
    cluster.until('a holds it', () => first.lease.token !== undefined, 5)
    next(first)
    cluster.world.advance(1000)
    const third = want(cluster, 'c')
    cluster.world.advance(1000)
    first.lease.release()
    cluster.until('c holds it', () => third.lease.token !== undefined, 30)
    expect(third.handle.snapshot.round).toBe(1)
  })

  it('[LX5] is not usable while the document lacks what a voter had that granted it', () => {
    const world = new World()
    const [here, there] = [world.replica({ role: 'server', name: 'a' }), world.replica()]
    here.replica.open('match', Match)
    let known: Version = Version.empty
    there.replica.open('match', Match).then((opened) => {
      opened.change((draft) => draft.title.set('of the holder before'))
      known = opened.version
    })
    const core = insideOf(here.replica)
    const roster: Roster = { epoch: 1, voters: [{ id: 'a', weight: 1 }], policy: { kind: 'keep-majority' } }
    /** The only voter: it grants whatever it is asked, and has what was written there. */
    const ask: NonNullable<LeaseGround['votes']>['ask'] = (document, message) => {
      if (message.kind !== 'prepare' && message.kind !== 'accept') return
      const { epoch, request } = message
      const answer =
        message.kind === 'accept'
          ? ({ kind: 'accepted', version: known } as const)
          : ({ kind: 'promised', ballot: 0 } as const)
      desk.answered?.(document, 'a', { ...answer, epoch, request })
    }
    const desk = votedLeases({
      core,
      self: 'a',
      neighbours: new Neighbours(core),
      maxTtlMs: ttlMs,
      isHeard: () => true,
      stored: () => resolved(undefined),
      roster: () => roster,
      votes: { ask },
    })
    const told: string[] = []
    let lease: Lease | undefined
    desk.open('match', 'round', {}).then((opened) => {
      lease = opened
      lease.onChange(({ kind }) => told.push(kind))
    })
    world.advance(1000)
    expect([Version.empty.covers(known), lease?.denial, lease?.token, told]).toEqual([false, undefined, undefined, []])
    const wire = world.wire('late')
    here.join({ transports: [wire.listen] })
    there.join({ transports: [wire.dial] })
    world.advance(1000)
    expect([lease?.token?.lease, told]).toEqual(['round', ['usable']])
  })

  it('[LX7] lets its holder know when a quorum has what was written, and not before', () => {
    const cluster = voters()
    const side = want(cluster, 'a')
    cluster.until('a holds it', () => side.lease.token !== undefined, 5)
    const reached: string[] = []
    const write = (name: string): void => {
      const { token } = side.lease
      const receipt = side.handle.change((draft) => draft.round.set(draft.round.get() + 1), {
        token: token as FencingToken,
      })
      side.lease.reached(receipt).then(
        () => reached.push(name),
        (error: unknown) => reached.push(`${name}: ${isRejoinError(error) ? error.code : error}`),
      )
      cluster
        .node('a')
        .watch.reached(side.handle, receipt)
        .then(
          () => reached.push(`${name} stored`),
          (error: unknown) => reached.push(`${name} stored: ${isRejoinError(error) ? error.code : error}`),
        )
    }
    write('first')
    expect(reached).toEqual([])
    cluster.world.advance(1000)
    expect(reached.sort()).toEqual(['first', 'first stored'])
    cluster.between('a', 'bc', true)
    write('second')
    cluster.world.advance(60_000)
    // The lease is lost, and with it what was written last: a quorum has it only after the heal.
    expect(reached.slice(2)).toEqual(['second: lease-lost'])
    cluster.between('a', 'bc', false)
    cluster.until('stored', () => reached.includes('second stored'), 65)
    cluster.until('a holds it again', () => side.lease.token !== undefined, 30)
    cluster.between('a', 'bc', true)
    write('third')
    cluster.node('a').participant.replica.close()
    cluster.world.advance(100)
    expect(reached.slice(4).sort()).toEqual(['third stored: closed', 'third: closed'])
  })

  it('[LX8] is not granted by new voters before leases of the roster before have ended, also of a document never asked about', () => {
    const cluster = voters()
    const { voters: all } = cluster.roster
    cluster.node('a').watch.force({ voters: all, policy: { kind: 'keep-majority' } })
    cluster.world.advance(1000)
    for (const { watch } of cluster.nodes) expect(watch.status.roster?.epoch).toBeGreaterThan(1)
    const side = want(cluster, 'a')
    cluster.world.advance(7000)
    expect(side.lease.token).toBeUndefined()
    cluster.until('a holds it', () => side.lease.token !== undefined, 20)
  })

  it('[LX9] is not granted by a voter whose disk could not be read when it began: it may have promised', () => {
    const cluster = new Cluster(['a'], {}, { maxTtlMs: ttlMs })
    cluster.node('a').participant.replica.close()
    const disk = cluster.disks.get('a') as MemoryDisk
    // Only then: what it is asked for later it reads.
    let isReadable = false
    const unreadable = (): Storage => {
      const storage = disk.open()
      const read: Storage['read'] = (prefix) =>
        !isReadable && prefix.startsWith('p/') ? rejected(rejoinError('storage-unavailable')) : storage.read(prefix)
      return Object.assign(Object.create(storage), { read })
    }
    const grantedWith = (open: () => Storage): boolean => {
      cluster.disks.set('a', { ...disk, open })
      cluster.start('a', { isFounding: true })
      cluster.world.advance(1000)
      isReadable = true
      const side = want(cluster, 'a')
      cluster.world.advance(60_000)
      const granted = side.lease.token !== undefined
      cluster.node('a').participant.replica.close()
      return granted
    }
    expect([grantedWith(unreadable), grantedWith(() => disk.open())]).toEqual([false, true])
  })

  it('[LX11] is given back by a replica that is closed: nobody waits for its end', () => {
    const cluster = voters()
    const first = want(cluster, 'a')
    cluster.until('a holds it', () => first.lease.token !== undefined, 5)
    const second = want(cluster, 'b')
    cluster.world.advance(1000)
    cluster.node('a').watch.close()
    expect(first.lease.token).toBeUndefined()
    expect(first.told).toEqual(['usable', 'lost'])
    // Without it a voter waits for longer than the lease lasts.
    let waited = 0
    for (; second.lease.token === undefined && waited < 60_000; waited += 100) cluster.world.advance(100)
    expect(waited).toBeLessThan(ttlMs / 2)
  })

  it('[LX10] keeps a document in use while leases of it live, and no longer, whatever became of the document', () => {
    const cluster = voters()
    const { participant } = cluster.node('b')
    const { shelf } = insideOf(participant.replica)
    const isUsed = (): boolean => {
      const core = shelf.loaded('match')
      return core !== undefined && shelf.isUsed(core, () => true)
    }
    const { lease } = wantAt(clientOf(cluster, 'of ada', { names: ['a'] }))
    cluster.until('the client holds it', () => lease.token !== undefined, 10)
    cluster.world.advance(2 * ttlMs)
    expect(isUsed()).toBe(true)
    // Used by nobody after that but by whoever opens it now.
    participant.replica.forget('match')
    expect(isUsed()).toBe(false)
    lease.release()
    participant.replica.open('match', Match)
    cluster.world.advance(200_000)
    expect(isUsed()).toBe(true)
    const last = insideOf(cluster.node('c').participant.replica).shelf
    expect(last.isUsed(last.loaded('match') ?? (undefined as never), () => true)).toBe(false)
  })

  it('[LX46] is waited for once it has ended, also where no timer has run', () => {
    const cluster = voters()
    const { lease } = want(cluster, 'a')
    cluster.until('a holds it', () => lease.token !== undefined, 60)
    const before = lease.token as FencingToken
    // The machine slept, and what runs first is the app.
    const { clock } = cluster.world.time
    const { now } = clock
    Object.assign(clock, { now: () => now() + 10 * ttlMs })
    const got: (FencingToken | undefined)[] = []
    lease.held().then((token) => got.push(token, lease.token))
    // What has ended stays so, also where the clock is put back.
    Object.assign(clock, { now })
    expect([got, lease.token]).toEqual([[], undefined])
    cluster.until('a holds it again', () => got.length > 0, 60)
    expect(got[0]).toEqual(got[1])
    expect(got[0]?.ballot).toBeGreaterThan(before.ballot)
  })

  it('[LX6] is wanted under sound options only, and with what leases need', () => {
    const [without] = [watchPartitions(new Cluster([]).world.replica().replica)]
    let said = ''
    without.lease({ name: 'match' }, 'round').then(undefined, (error) => {
      said = isRejoinError(error) ? error.reason : String(error)
    })
    expect(said).toMatch(/`leases`/)
    const cluster = voters()
    const { watch } = cluster.node('a')
    const codes: string[] = []
    for (const [name, options] of [
      ['', {}],
      ['round', { ttlMs: 10 * ttlMs }],
      ['x'.repeat(200), {}],
    ] as const) {
      watch.lease({ name: 'match' }, name, options).then(
        () => codes.push('ok'),
        (error: unknown) => codes.push(isRejoinError(error) ? error.code : String(error)),
      )
    }
    expect(codes).toEqual(['config-invalid', 'config-invalid', 'config-invalid'])
  })
})
