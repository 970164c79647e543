import type { PartitionStatus, Partitions, Roster } from '@rejoin/sync/partition'
import { describe, expect, it } from 'vitest'
import { createRosterAsks, type NextRoster } from './roster-asks.ts'
import { mayAct, standingWords } from './standing.ts'

const rosterOf = (ids: string): NextRoster => ({
  voters: [...ids].map((id) => ({ id, weight: 1 })),
  policy: { kind: 'keep-majority' },
})

/** A partition layer that a test plays. */
function played() {
  const status: {
    roster: Roster
    isSettled: boolean
    verdict: object | undefined
    suspected: object[]
    open: object[]
    oneWay: object[]
  } = {
    roster: { ...rosterOf('abc'), epoch: 1 },
    isSettled: true,
    verdict: undefined,
    suspected: [],
    open: [],
    oneWay: [],
  }
  const proposed: NextRoster[] = []
  const forced: NextRoster[] = []
  const partitions = {
    self: 'a',
    status: status as unknown as PartitionStatus,
    propose: (roster: NextRoster) => void proposed.push(roster),
    force: (roster: NextRoster) => void forced.push(roster),
  } as unknown as Partitions
  const asks = createRosterAsks(
    () => partitions,
    () => Date.UTC(2026, 0, 2),
  )
  const words = () => standingWords(partitions, asks.last).slice(1)
  return { status, partitions, proposed, forced, asks, words }
}

describe('a change of the roster that was asked for', () => {
  it('[SV37] is in force once the roster is this one, however long it took', () => {
    for (const settled of [[], [{ outcome: 'expired' }]]) {
      const { status, asks, words } = played()
      expect(asks.last).toBe(undefined)
      asks.propose(rosterOf('ab'))
      for (const details of settled) asks.settled(details)
      status.roster = { ...rosterOf('ab'), epoch: 2 }
      expect(asks.last).toMatchObject({ outcome: 'in-force', roster: rosterOf('ab') })
      expect(words()).toEqual([])
    }
  })

  it('[SV37] is pending until it is given up, and after that too where a voter has accepted it', () => {
    const { status, asks, words } = played()
    asks.propose(rosterOf('ab'))
    const change = 'The change of the roster to a, b, by keep-majority, asked for here at 2026-01-02T00:00:00.000Z,'
    expect(words()).toEqual([
      `${change} is pending: it is tried for a minute, and in force once a quorum of the voters before and after agrees.`,
    ])
    asks.settled({ outcome: 'expired' })
    expect(words()).toEqual([`${change} was given up: no quorum was there within a minute.`])
    status.verdict = verdict({ next: { ...rosterOf('abd'), epoch: 2 } })
    expect(standingWords({ self: 'a', status } as unknown as Partitions, asks.last).at(-1)).toContain(
      'is pending: a voter has accepted it',
    )
    expect(standingWords({ self: 'a', status } as unknown as Partitions, undefined).at(-1)).toContain(
      'asked for elsewhere or before this server started',
    )
  })

  it('[SV37] is refused with the reason, or because another came first', () => {
    const { asks } = played()
    asks.propose(rosterOf('ab'))
    asks.settled({ outcome: 'refused', reason: 'The next epoch is 5.' })
    expect(asks.last).toMatchObject({ outcome: 'refused', reason: 'The next epoch is 5.' })
    asks.propose(rosterOf('ab'))
    asks.settled({ outcome: 'superseded' })
    expect(asks.last?.outcome).toBe('superseded')
  })

  it('[SV37] keeps others out but by force, and is waited for when it is asked for again', () => {
    const { asks, proposed, forced } = played()
    asks.propose(rosterOf('ab'))
    asks.propose(rosterOf('ab'))
    expect(() => asks.propose(rosterOf('ac'))).toThrow(/to a, b is on its way/)
    expect(proposed).toHaveLength(1)
    asks.force(rosterOf('a'))
    expect(forced).toEqual([rosterOf('a')])
    // Of the one that the force overtook.
    asks.settled({ outcome: 'superseded' })
    expect(asks.last).toMatchObject({ outcome: 'pending', roster: rosterOf('a') })
  })

  it('[SV37] is none where it could not even be asked for', () => {
    const { asks, partitions } = played()
    Object.assign(partitions, { propose: () => expect.unreachable() })
    expect(() => asks.propose(rosterOf('aa'))).toThrow()
    expect(asks.last).toBe(undefined)
  })
})

describe('a server in a split', () => {
  it('[SV41] says what was written apart, and who may be gone', () => {
    const { status, words } = played()
    expect(words()).toEqual([])
    const split = { state: 'split', absent: ['b'], ours: { documents: 1, changes: 3, keys: 2, bytes: 120 } }
    Object.assign(status, split)
    expect(words()).toEqual([
      'Since contact was lost 3 changes (120 bytes) were written here that the other side lacks.',
    ])
    Object.assign(status, { ours: { ...split.ours, changes: 1 } })
    expect(words()[0]).toContain('1 change (120 bytes) was written here')
    Object.assign(status, { ours: { ...split.ours, changes: 0 } })
    expect(words()).toEqual(['Since contact was lost nothing was written here that the other side lacks.'])
    // What counting costs is paid in a split alone.
    Object.defineProperty(status, 'ours', { get: () => expect.unreachable() })
    Object.assign(status, { state: 'healing', progress: { documents: 1, changes: 3, done: 0.5 } })
    status.suspected.push({ peer: 'c', since: Date.UTC(2026, 0, 2), until: Date.UTC(2026, 0, 2, 0, 0, 9) })
    expect(words()).toEqual([
      'c may be gone: silent since 2026-01-02T00:00:00.000Z, counts as gone at 2026-01-02T00:00:09.000Z unless it is heard before.',
    ])
  })
})

describe('a server beside others', () => {
  it('[SV69] says who answers late, or to whom much gets lost, and which documents diverged', () => {
    const { status, words } = played()
    const symptoms = { lossy: ['b'], slow: ['b', 'c'], diverged: ['raid'] }
    status.open = ['message-loss', 'slowness', 'divergence', 'partition'].map((failure) => ({ failure, symptoms }))
    expect(words()).toEqual([
      'Two replicas hold different states of raid.',
      'Much gets lost on the way to b.',
      'Late answers come from b, c.',
    ])
  })

  const words = (more: object): readonly string[] => {
    const { status, words } = played()
    Object.assign(status, more)
    return words()
  }

  it('[SV47] says who is connected and goes by another roster, and what makes them one', () => {
    const lone = { ...rosterOf('g'), epoch: 1 }
    const told = (roster: Roster) => words({ otherGroups: [{ peer: 'g', roster }] })
    expect(told(lone)).toEqual([
      'g is connected and goes by another roster: g, by keep-majority. Each of the two groups may grant the same lease. g was started alone: `rejoin roster` here, with g among the --voters, takes it in.',
    ])
    const [one] = words({
      otherGroups: ['g', 'h'].map((peer) => ({ peer, roster: lone })),
      roster: { ...rosterOf('a'), epoch: 1 },
    })
    expect(one).toMatch(
      /^g, h are connected and go by another roster: g, .* here, with g among the --voters, takes it in\.$/,
    )
    const many = { ...rosterOf('gh'), epoch: 2 }
    expect(told(many)).toEqual([expect.stringMatching(/^g is .* `rejoin roster --force`, on one side only\.$/)])
    expect(words({ otherGroups: [{ peer: 'g', roster: many }], roster: { ...rosterOf('a'), epoch: 1 } })).toEqual([
      expect.stringMatching(/ a was started alone: .* at one of those, with a among the --voters, takes it in\.$/),
    ])
  })

  it('[SV48] says until when it only renews leases, where it would grant them else', () => {
    const renewsOnlyUntil = Date.UTC(2026, 0, 2)
    const sentence = expect.stringMatching(
      /^Until 2026-01-02T00:00:00.000Z a renews leases that are held, and grants none/,
    )
    const said = (more: object, quorum: object = { hasQuorum: true }) =>
      words({ verdict: verdict(quorum), renewsOnlyUntil, roster: { ...rosterOf('abc'), epoch: 2 }, ...more })
    expect(said({})).toContainEqual(sentence)
    expect(said({ roster: { ...rosterOf('abc'), epoch: 1 } })).not.toContainEqual(sentence)
    expect(said({ renewsOnlyUntil: undefined })).not.toContainEqual(sentence)
    expect(said({ isSettled: false })).not.toContainEqual(sentence)
    expect(said({}, { hasQuorum: false })).not.toContainEqual(sentence)
  })

  it('[SV49] says which of two rosters that exclude each other is kept', () => {
    const [kept, roster] = [rosterOf('p'), rosterOf('qr')]
    expect(words({ dropped: { kept, roster, at: Date.UTC(2026, 0, 2) } })).toEqual([
      'At 2026-01-02T00:00:00.000Z two rosters met that exclude each other, as where each side of a split was forced to one: p, by keep-majority is kept; q, r, by keep-majority is not, and no lease that was granted under it counts any more.',
    ])
  })
})

describe('a voter that lost its disk', () => {
  it('[SV51] says that nobody can teach it where the others are no quorum, and what helps', () => {
    const said = (ids: string, epoch: number, powerless = 'no-vote', abstaining = ['a']): string => {
      const { status, words } = played()
      const roster = { ...rosterOf(ids), epoch }
      Object.assign(status, { roster, isSettled: false, verdict: verdict({ roster, powerless, abstaining }) })
      return words().join('\n')
    }
    for (const epoch of [1, 2])
      expect(said('ab', epoch)).toMatch(
        /a does not vote: .* the others that vote, b, are no quorum .* `rejoin roster --voters a,b --force` at one of them,/,
      )
    // Where the other has no vote either, or is not heard, maybe nobody has ever voted.
    expect(said('ab', 1, 'no-vote', ['a', 'b'])).toContain('start each once with --founding')
    expect(said('az', 1)).toContain('start each once with --founding')
    expect(said('abc', 2)).not.toContain('--force')
    // As after a force that named several without memory.
    expect(said('abc', 2, 'no-vote', ['a', 'c'])).toMatch(/the others that vote, b, are no quorum .* at one of them,/)
    expect(said('abc', 2, 'no-vote', ['a', 'b', 'c'])).toMatch(/nobody votes who could say so\. .* whose data is to be/)
    expect(said('ab', 2, 'settling')).not.toContain('--force')
  })
})

describe('who may act', () => {
  it('[SV35] has a quorum and a vote', () => {
    const { status, words } = played()
    status.verdict = verdict({})
    expect(mayAct(status as unknown as PartitionStatus)).toBe(true)
    status.isSettled = false
    expect(mayAct(status as unknown as PartitionStatus)).toBe(false)
    status.verdict = undefined
    expect(words()[0]).toContain('a does not vote: it was started without --founding')
    status.roster = { ...status.roster, epoch: 2 }
    expect(words()).toEqual([expect.stringContaining('a does not vote yet')])
    status.roster = { ...rosterOf('bc'), epoch: 3 }
    expect(words()).toEqual([])
  })
})

function verdict(more: object): object {
  return {
    self: 'a',
    mode: 'full',
    roster: { ...rosterOf('abc'), epoch: 1 },
    sides: [['a', 'b', 'c']],
    unheard: [],
    confirmed: ['a', 'b', 'c'],
    abstaining: [],
    hasQuorum: true,
    oneWay: [],
    missingLinks: [],
    missingCritical: [],
    missingRoles: [],
    powerless: undefined,
    next: undefined,
    evidence: [],
    since: 0,
    capabilities: { mayGrantLease: true, mayChangeRoster: true, mayPrune: true },
    ...more,
  }
}
