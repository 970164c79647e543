import { describe, expect, it } from 'vitest'
import { insideOf } from '../replica.ts'
import { World } from '../world.test-helper.ts'
import type { PartitionOptions } from './partitions.ts'
import type { Roster } from './roster.ts'
import { initialRosterLogState, neverVotes, type RosterLogState } from './roster-record.ts'
import { type FoundRoster, startVoter } from './voter-start.ts'
import { encodeVote } from './voter-wire.ts'
import type { RosterRow } from './wire.ts'

const three: Roster = {
  epoch: 1,
  voters: ['a', 'b', 'c'].map((id) => ({ id, weight: 1 })),
  policy: { kind: 'keep-majority' },
}
const promised: RosterLogState = { ...initialRosterLogState({ ...three, epoch: 7 }), votesFrom: 5 }
const kept: RosterRow = { ...promised, vote: encodeVote(promised) }
const nothing: FoundRoster = { hasRow: false, stored: undefined }
const damaged: FoundRoster = { hasRow: true, stored: undefined }
const unread: FoundRoster = { hasRow: undefined, stored: undefined }

/** What a replica begins with, in short: epoch, voters, whether it may vote at once, and whether that is written. */
function start(found: FoundRoster, options: PartitionOptions, who: { role?: 'client'; name?: string } = {}): string {
  const { role = 'server' as const, name = 'a' } = who
  const core = insideOf(new World().replica({ role, name }).replica)
  const begun = startVoter({ core, self: core.name || 'opening', options }, found)
  if (begun === undefined) return 'nothing'
  const { roster, votesFrom } = begun.state
  const may = votesFrom === neverVotes ? 'lost' : 'votes'
  const flags = [may, ...(begun.isNew ? ['new'] : [])]
  return `${roster.epoch} ${roster.voters.map(({ id }) => id).join('')}: ${flags.join(' ')}`
}

describe('a voter that begins', () => {
  it('[PL4] goes on with what is on its disk, whatever the options say', () => {
    expect(start({ hasRow: true, stored: kept }, {})).toBe('7 abc: votes')
    expect(start({ hasRow: true, stored: kept }, { roster: three, isFounding: true })).toBe('7 abc: votes')
    // Written while it had no vote: what it promised before, if it did, is not known any more.
    const followed = { roster: promised.roster, vote: new Uint8Array() }
    expect(start({ hasRow: true, stored: followed }, { roster: three, isFounding: true })).toBe('7 abc: lost')
  })

  it('[PL15] founds a roster where it says so or is alone, and writes that down', () => {
    expect(start(nothing, { roster: three, isFounding: true })).toBe('1 abc: votes new')
    expect(start(nothing, { roster: three })).toBe('1 abc: lost')
    expect(start(nothing, {})).toBe('1 a: votes new')
    expect(start(nothing, { isFounding: false })).toBe('1 a: lost')
    expect(start(nothing, {}, { role: 'client' })).toBe('nothing')
  })

  it('[PL15] founds nothing where its disk is damaged or could not be read: there may be promises', () => {
    for (const found of [damaged, unread]) {
      expect(start(found, { roster: three, isFounding: true })).toBe('1 abc: lost')
      expect(start(found, {})).toBe('1 a: lost')
    }
  })

  it('[PL15] without a name is another voter with each opening, and counts on nothing of the one before', () => {
    const unnamed = { name: '' }
    expect(start({ hasRow: true, stored: kept }, {}, unnamed)).toBe('1 opening: votes new')
    expect(start(damaged, {}, unnamed)).toBe('1 opening: votes new')
    expect(start(unread, {}, unnamed)).toBe('1 opening: lost')
    expect(start({ hasRow: true, stored: kept }, { roster: three }, unnamed)).toBe('7 abc: votes')
  })
})
