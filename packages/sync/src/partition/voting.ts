import { createDetector, type Detector } from './detector/detector.ts'
import { detectorPresets, detectorSettingsFault } from './detector/presets.ts'
import type { SwimOptions } from './detector/swim.ts'
import type { IncidentDesk } from './incident-desk.ts'
import { type LeaseSource, votedLeases } from './leases.ts'
import { createRosterLog } from './roster-log.ts'
import type { RosterLog, RosterLogOptions } from './roster-log-interface.ts'
import { Voter, type VoterGround } from './voter.ts'
import { VoterIncidents } from './voter-incidents.ts'
import { startVoter } from './voter-start.ts'
import { encodeVote } from './voter-wire.ts'

/** What only a voter needs, so that pages, which never vote, do not load it. */
export interface Voting {
  /** @internal */
  readonly leases: LeaseSource
  /** @internal */
  detector(options: SwimOptions): Detector
  /** @internal */
  incidents(...from: ConstructorParameters<typeof VoterIncidents>): IncidentDesk
  /** @internal */
  readonly presets: typeof detectorPresets
  /** @internal */
  readonly settingsFault: typeof detectorSettingsFault
  /** @internal */
  readonly start: typeof startVoter
  /** @internal */
  readonly voteOf: typeof encodeVote
  /** @internal */
  openLog(options: RosterLogOptions): RosterLog
  /** @internal */
  voter(ground: VoterGround): Voter
}

/** Makes a replica one that can vote, where the roster names it: for servers. See `PartitionOptions.voting`. */
export const voting: Voting = {
  leases: votedLeases,
  detector: createDetector,
  incidents: (...from) => new VoterIncidents(...from),
  presets: detectorPresets,
  settingsFault: detectorSettingsFault,
  start: startVoter,
  voteOf: encodeVote,
  openLog: createRosterLog,
  voter: (ground) => new Voter(ground),
}
