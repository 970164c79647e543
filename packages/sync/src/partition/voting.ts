import { createRosterLog } from './roster-log.ts'
import type { RosterLog, RosterLogOptions } from './roster-log-interface.ts'
import { type VoteGround, VoteTable } from './votes.ts'

/** What only a voter needs, so that pages, which never vote, do not load it. */
export interface Voting {
  /** @internal */
  openLog(options: RosterLogOptions): RosterLog
  /** @internal */
  votes(ground: VoteGround): VoteTable
}

/** Makes a replica one that can vote, where the roster names it: for servers. See `PartitionOptions.voting`. */
export const voting: Voting = {
  openLog: createRosterLog,
  votes: (ground) => new VoteTable(ground),
}
