import type { Roster } from './roster.ts'
import type { RosterLog, RosterLogEffect } from './roster-log-interface.ts'
import { compareRosters, lostRosterLogState, type RosterLogState } from './roster-record.ts'

/** The roster log of who never votes: it takes what its servers say is in force, where that is a sound roster. */
export function followRoster(stored: RosterLogState): RosterLog {
  let state = stored
  const learn = (roster: Roster): RosterLogEffect[] => {
    if (compareRosters(roster, state.roster) <= 0) return []
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
    pending: undefined,
    mayVote: false,
    grantsHeldUntil: Number.POSITIVE_INFINITY,
    wakeAt: undefined,
    step: (input) => (input.kind === 'learn' ? learn(input.roster) : []),
  }
}
