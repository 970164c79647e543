import type { Roster } from './roster.ts'
import type { RosterLog, RosterLogEffect } from './roster-log-interface.ts'
import { compareRosters, lostRosterLogState, type RosterLogState } from './roster-record.ts'

/** For how long all servers go by an earlier roster before it is taken: so long one may not have heard of a change. Milliseconds. */
const patienceMs = 30_000

/**
 * The roster log of who never votes: it takes what its servers say is in force. As a rule that is the latest; where none of them knows of
 * that one any more, as they were set up anew, it is theirs.
 */
export function followRoster(stored: RosterLogState): RosterLog {
  let state = stored
  /** Since when all that was told is earlier. */
  let since: number | undefined
  const learn = (roster: Roster, now: number): RosterLogEffect[] => {
    const order = compareRosters(roster, state.roster)
    since = order < 0 ? (since ?? now) : undefined
    if (order === 0 || (since !== undefined && now < since + patienceMs)) return []
    since = undefined
    // What stands there of another roster holds under none: as a voter it would begin as one that lost its disk.
    state = lostRosterLogState(roster)
    return [
      { kind: 'persist', state },
      { kind: 'roster', roster, how: 'learned' },
    ]
  }
  return {
    get state(): RosterLogState {
      return state
    },
    get roster(): Roster {
      return state.roster
    },
    step: (input) => (input.kind === 'learn' ? learn(input.roster, input.now) : []),
  }
}
