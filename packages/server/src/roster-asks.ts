/**
 * What became of the change of the roster that an operator asked of this server last. The roster itself is agreed upon
 * elsewhere; this is so that whoever asked is told, also of a change that comes into force, or does not, by and by.
 */
import { type RejoinError, rejoinError } from '@rejoin/state'
import type { Partitions, Roster } from '@rejoin/sync/partition'
import { sentence } from './sentence.ts'

/** A roster that is to come. */
export type NextRoster = Omit<Roster, 'epoch'>

export interface RosterAsk {
  readonly roster: NextRoster
  /** Unix milliseconds. */
  readonly askedAt: number
  /**
   * `pending`: tried, for a minute. `expired`: tried no longer, as no quorum was there; it may come into force if a voter has
   * accepted it. `superseded`: another roster came first. `refused`: for the reason.
   */
  readonly outcome: 'pending' | 'in-force' | 'superseded' | 'expired' | 'refused'
  readonly reason?: string
}

/** What an operator asks, and what came of it. */
export interface RosterAsks {
  /** As far as known by now; undefined before anything was asked. */
  readonly last: RosterAsk | undefined
  /** @throws RejoinError `operation-refused` while another change is on its way; what `Partitions.propose` throws. */
  propose(roster: NextRoster): void
  /** @throws RejoinError what `Partitions.force` throws. */
  force(roster: NextRoster): void
  /** To be called with what the replica logs as `roster-settled`. */
  settled(details: { readonly outcome?: unknown; readonly reason?: unknown }): void
}

export function createRosterAsks(partitions: () => Partitions | undefined, now: () => number): RosterAsks {
  let last: RosterAsk | undefined
  let isForced = false
  const current = (): RosterAsk | undefined => {
    const roster = partitions()?.status.roster
    const isOpen = last?.outcome === 'pending' || last?.outcome === 'expired'
    if (last !== undefined && isOpen && roster !== undefined && isSameRoster(last.roster, roster))
      last = { ...last, outcome: 'in-force' }
    return last
  }
  const ask = (roster: NextRoster, force: boolean): void => {
    const before = last
    const wasForced = isForced
    last = { roster, askedAt: now(), outcome: 'pending' }
    isForced = force
    try {
      if (force) partitions()?.force(roster)
      else partitions()?.propose(roster)
    } catch (error) {
      last = before
      isForced = wasForced
      throw error
    }
  }
  return {
    get last(): RosterAsk | undefined {
      return current()
    },
    propose(roster) {
      const before = current()
      if (before?.outcome === 'pending') {
        // Whoever asks again wants to wait for longer.
        if (isSameRoster(before.roster, roster)) return
        throw underWay(before)
      }
      ask(roster, false)
    },
    force: (roster) => ask(roster, true),
    settled({ outcome, reason }) {
      if (last?.outcome !== 'pending') return
      // What is told while a forced one is on its way to the disk is of the proposal that it overtakes.
      if (outcome === 'refused') last = { ...last, outcome, reason: sentence(String(reason)) }
      else if (!isForced && (outcome === 'superseded' || outcome === 'expired')) last = { ...last, outcome }
    },
  }
}

/** Whether two are the same but for their epochs. */
export function isSameRoster(left: NextRoster, right: NextRoster): boolean {
  return textOf(left) === textOf(right)
}

function textOf({ voters, policy, arbiter }: NextRoster): string {
  const told = voters.map(({ id, weight, role, isCritical }) => [id, weight, role ?? '', isCritical === true])
  return JSON.stringify([told, policy.kind, policy.kind === 'static-quorum' ? policy.voters : 0, arbiter ?? ''])
}

function underWay({ roster, askedAt }: RosterAsk): RejoinError {
  const voters = roster.voters.map(({ id }) => id).join(', ')
  const since = new Date(askedAt).toISOString()
  return rejoinError('operation-refused', {
    reason: `A change of the roster to ${voters} is on its way since ${since}, and is tried for a minute: \`rejoin status\` shows what comes of it.`,
  })
}
