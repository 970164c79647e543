import type { Roster } from './roster.ts'
import type { RosterLog, RosterLogEffect } from './roster-log-interface.ts'
import { compareRosters, lostRosterLogState, type RosterLogState } from './roster-record.ts'

/** How often an earlier roster is told before it is taken, where nobody tells the known one meanwhile. Servers tell every second. */
const patience = 40

/**
 * The roster log of who never votes: it takes what its servers say is in force, where that is a sound roster. As a rule that is the latest;
 * where none of them knows of that one any more, as they were set up anew, it is theirs.
 */
export function followRoster(stored: RosterLogState): RosterLog {
  let state = stored
  let doubts = 0
  const learn = (roster: Roster): RosterLogEffect[] => {
    const order = compareRosters(roster, state.roster)
    doubts = order < 0 ? doubts + 1 : 0
    if (order === 0 || (doubts > 0 && doubts < patience)) return []
    doubts = 0
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
    step: (input) => (input.kind === 'learn' ? learn(input.roster) : []),
  }
}
