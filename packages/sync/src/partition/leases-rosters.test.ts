import { fenced, schema } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { insideOf } from '../replica.ts'
import { unsealRow } from '../rows.ts'
import { atOnce } from '../world.test-helper.ts'
import { Cluster } from './cluster.test-helper.ts'
import type { Lease } from './leases.ts'
import { rosterPrefix } from './roster-desk.ts'
import { decodeRosterRow } from './wire.ts'

const Match = schema({ round: fenced(0, { lease: 'round' }) })
const ttlMs = 10_000

const votersOf = (ids: string) => [...ids].map((id) => ({ id, weight: 1 }))
const policy = { kind: 'keep-majority' } as const

/** Five servers, of which three vote. */
function servers(): Cluster {
  const cluster = new Cluster([...'abcde'], { voters: votersOf('abc') }, { maxTtlMs: ttlMs })
  cluster.world.advance(40_000)
  return cluster
}

/** Begins `rounds` rounds at one of them, each of which counts; answers what the last one is. */
function play(cluster: Cluster, name: string, document: string, rounds = 1): number {
  const { participant, watch } = cluster.node(name)
  const handle = atOnce(participant.replica.open(document, Match))
  const lease = atOnce(watch.lease({ name: document }, 'round'))
  cluster.until(`${name} holds the lease`, () => lease.token !== undefined, 60)
  let counted = 0
  for (let round = 1; round <= rounds; round += 1) {
    const token = lease.token
    const receipt = handle.change(
      (draft) => draft.round.set(draft.round.get() + 1),
      token === undefined ? {} : { token },
    )
    lease.reached(receipt).then(() => {
      counted += 1
    })
    cluster.until('the round counts', () => counted === round, 5)
  }
  lease.release()
  return handle.snapshot.round
}

const epochs = (cluster: Cluster, names: string): (number | undefined)[] =>
  [...names].map((name) => cluster.node(name).watch.status.roster?.epoch)

const isSettled = (cluster: Cluster, names: string): boolean[] =>
  [...names].map((name) => cluster.node(name).watch.status.isSettled)

/** Begins round 1 at a, which counts, and lets go of the lease. */
function begin(cluster: Cluster): void {
  expect(play(cluster, 'a', 'match')).toBe(1)
  cluster.world.advance(1000)
}

/** Somebody wants the lease for a moment, which is refused as the roster is new. */
function askInVain(cluster: Cluster, name: string): void {
  const { watch } = cluster.node(name)
  watch.lease({ name: 'match' }, 'round').then((lease) => {
    cluster.world.advance(1000)
    expect(lease.token).toBeUndefined()
    lease.release()
  })
}

/** What the round is for who gets the lease at one of them within a minute; undefined where nobody gets it. */
function roundAt(cluster: Cluster, name: string): number | undefined {
  const { participant, watch } = cluster.node(name)
  const handle = atOnce(participant.replica.open('match', Match))
  const lease = atOnce(watch.lease({ name: 'match' }, 'round'))
  cluster.world.advance(60_000)
  return lease.token === undefined ? undefined : handle.snapshot.round
}

/** Of the document itself nothing has arrived there yet. */
function forget(cluster: Cluster, names: string): void {
  for (const name of names) insideOf(cluster.node(name).participant.replica).shelf.forget('match')
}

describe('leases over changes of the roster', () => {
  it.each([false, true])(
    '[LX26] are not granted without what counted two rosters before, where voters between were asked in vain: %s',
    (isAsked) => {
      const cluster = new Cluster([...'abc'], { voters: votersOf('a') }, { maxTtlMs: ttlMs })
      cluster.world.advance(40_000)
      begin(cluster)
      cluster.node('a').watch.propose({ voters: votersOf('b'), policy })
      cluster.until('b is settled', () => isSettled(cluster, 'b').every((is) => is), 20)
      if (isAsked) askInVain(cluster, 'b')
      // Until nobody keeps in memory what nobody asks for.
      cluster.world.advance(200_000)
      cluster.node('b').watch.propose({ voters: votersOf('c'), policy })
      cluster.until('c is settled', () => isSettled(cluster, 'c').every((is) => is), 20)
      for (const name of 'ab') cluster.node(name).participant.replica.close()
      forget(cluster, 'c')
      expect([undefined, 1]).toContain(roundAt(cluster, 'c'))
    },
  )

  it.each([false, true])(
    '[LX26] are not granted without what counted, where one that was settled and asked in vain told of it: %s',
    (isAsked) => {
      const cluster = new Cluster([...'abcdef'], { voters: votersOf('abc') }, { maxTtlMs: ttlMs })
      cluster.world.advance(40_000)
      begin(cluster)
      cluster.node('a').watch.propose({ voters: votersOf('def'), policy })
      const step = (holds: () => boolean): void => {
        for (let ms = 0; !holds(); ms++) {
          expect(ms).toBeLessThan(10_000)
          cluster.world.advance(1)
        }
      }
      step(() => epochs(cluster, 'def').every((epoch) => epoch === 2))
      cluster.between('abcd', 'ef', true)
      cluster.until('d is settled', () => isSettled(cluster, 'd').every((is) => is), 20)
      for (const name of 'abc') cluster.node(name).participant.replica.close()
      if (isAsked) askInVain(cluster, 'd')
      cluster.world.advance(3000)
      cluster.between('d', 'ef', false)
      step(() => isSettled(cluster, 'ef').every((is) => is))
      cluster.between('d', 'ef', true)
      forget(cluster, 'ef')
      expect([undefined, 1]).toContain(roundAt(cluster, 'e'))
    },
  )

  it('[LX29] are granted after a force also of documents of which something is lost that counted', () => {
    const cluster = servers()
    begin(cluster)
    const two = [
      { id: 'c', weight: 1 },
      { id: 'd', weight: 2 },
    ]
    cluster.node('a').watch.propose({ voters: two, policy })
    cluster.until('it is in force', () => epochs(cluster, 'cd').every((epoch) => epoch === 2), 10)
    cluster.world.advance(2000)
    for (const name of 'abce') cluster.node(name).participant.replica.close()
    forget(cluster, 'd')
    expect(roundAt(cluster, 'd')).toBeUndefined()
    cluster.node('d').watch.force({ voters: votersOf('d'), policy })
    cluster.world.advance(30_000)
    expect(roundAt(cluster, 'd')).toBe(0)
    const rows = [...(cluster.disks.get('d')?.rows.keys() ?? [])]
    expect(rows.filter((key) => key.startsWith('p/h'))).toEqual([])
  })

  it('[PL24] may be granted by any server that a roster makes a voter: each knows the roster before, whoever told it', () => {
    const cluster = servers()
    cluster.node('a').watch.propose({ voters: votersOf('ab'), policy })
    cluster.until('all know it', () => epochs(cluster, 'abcde').every((epoch) => epoch === 2), 20)
    const before = [...'abcde'].map((name) => {
      const row = cluster.disks.get(name)?.rows.get(rosterPrefix)
      const state = decodeRosterRow(unsealRow(row ?? new Uint8Array()) ?? new Uint8Array())
      return state.ok && state.value.previous?.epoch
    })
    expect(before).toEqual([1, 1, 1, 1, 1])
  })

  it('[LX14] go on with what counted after all voters but one were replaced and switched off for good', () => {
    const cluster = servers()
    expect(play(cluster, 'a', 'match', 3)).toBe(3)
    cluster.node('a').watch.propose({ voters: votersOf('cde'), policy })
    for (let ms = 0; epochs(cluster, 'd')[0] !== 2; ms++) {
      expect(ms).toBeLessThan(10_000)
      cluster.world.advance(1)
    }
    // It has heard of the roster, and not yet of what counted.
    expect(isSettled(cluster, 'd')).toEqual([false])
    cluster.until('all are settled', () => isSettled(cluster, 'cde').every((is) => is), 10)
    expect(isSettled(cluster, 'ab')).toEqual([false, false])
    for (const name of 'abc') cluster.node(name).participant.replica.close()
    expect([play(cluster, 'd', 'match'), play(cluster, 'e', 'other')]).toEqual([4, 1])
  })

  it('[LX14] go over to voters that reach only one of those before, once that one has all itself', () => {
    const cluster = servers()
    expect(play(cluster, 'a', 'match', 2)).toBe(2)
    cluster.between('de', 'ab', true)
    cluster.node('c').watch.propose({ voters: votersOf('cde'), policy })
    cluster.until('it is in force', () => epochs(cluster, 'cde').every((epoch) => epoch === 2), 10)
    // One of three would be too few; but c has asked the others, and is settled.
    cluster.world.advance(2000)
    cluster.between('c', 'abde', true)
    const { watch } = cluster.node('d')
    let lease: Lease | undefined
    watch.lease({ name: 'match' }, 'round').then((wanted) => {
      lease = wanted
    })
    cluster.world.advance(60_000)
    const { roster } = watch.status
    expect([roster?.epoch, lease?.token]).toMatchObject([2, expect.anything()])
  })

  it('[LX14] are granted by nobody who knows to lack what counted, and go on once it is there', () => {
    const cluster = servers()
    expect(play(cluster, 'a', 'match', 3)).toBe(3)
    const voters = [
      { id: 'c', weight: 1 },
      { id: 'd', weight: 2 },
    ]
    cluster.node('a').watch.propose({ voters, policy })
    cluster.until('it is in force', () => epochs(cluster, 'cd').every((epoch) => epoch === 2), 10)
    cluster.world.advance(2000)
    for (const name of 'abce') cluster.node(name).participant.replica.close()
    // Of the document itself nothing arrived here.
    insideOf(cluster.node('d').participant.replica).shelf.forget('match')
    const wanted: Lease[] = []
    const want = (document: string): void => {
      const { watch } = cluster.node('d')
      watch.lease({ name: document }, 'round').then((lease) => wanted.push(lease))
    }
    for (const document of ['match', 'other']) want(document)
    cluster.world.advance(60_000)
    expect(wanted.map(({ token }) => token === undefined)).toEqual([true, false])
    expect(wanted[0]?.denial).toMatch(/d said to lack some of what counted under the roster before/)
    cluster.node('d').participant.replica.close()
    cluster.start('d')
    cluster.world.advance(60_000)
    want('match')
    cluster.world.advance(60_000)
    expect(wanted[2]?.denial).toMatch(/d said to lack some of what counted/)
    wanted[2]?.release()
    cluster.start('c')
    expect(play(cluster, 'd', 'match')).toBe(4)
  })
})
