import type { ReplicaCore } from '../replica-core.ts'
import { createDetector, type Detector } from './detector/detector.ts'
import { detectorPresets, detectorSettingsFault } from './detector/presets.ts'
import type { SwimOptions } from './detector/swim.ts'
import { Duties, type DutiesGround } from './duties.ts'
import { type DoorGround, LeaseDoor } from './lease-door.ts'
import { type LeaseSource, votedLeases } from './leases.ts'
import type { Neighbours } from './neighbours.ts'
import type { QuorumWaits } from './quorum-waits.ts'
import { createRosterLog } from './roster-log.ts'
import type { RosterLog, RosterLogOptions } from './roster-log-interface.ts'
import { StoredNews } from './stored-news.ts'
import { startVoter } from './voter-start.ts'

/** What only a voter needs, so that pages, which never vote, do not load it. */
export interface Voting {
  /** @internal */
  readonly leases: LeaseSource
  /** @internal */
  detector(options: SwimOptions): Detector
  /** @internal */
  readonly presets: typeof detectorPresets
  /** @internal */
  readonly settingsFault: typeof detectorSettingsFault
  /** @internal */
  readonly start: typeof startVoter
  /** @internal */
  duties(ground: DutiesGround): Duties
  /** @internal */
  openLog(options: RosterLogOptions): RosterLog
  /** @internal */
  votes(ground: DoorGround): LeaseDoor
  /** @internal */
  news(core: ReplicaCore, neighbours: Neighbours, waits: QuorumWaits): StoredNews
}

/** Makes a replica one that can vote, where the roster names it: for servers. See `PartitionOptions.voting`. */
export const voting: Voting = {
  leases: votedLeases,
  detector: createDetector,
  presets: detectorPresets,
  settingsFault: detectorSettingsFault,
  start: startVoter,
  duties: (ground) => new Duties(ground),
  openLog: createRosterLog,
  votes: (ground) => new LeaseDoor(ground),
  news: (core, neighbours, waits) => new StoredNews(core, neighbours, waits),
}
