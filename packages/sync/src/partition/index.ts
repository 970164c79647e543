export type { FencingToken } from '@rejoin/state'
export { clusterDocument } from '../servers/cluster.ts'
export { type Mirror, mirrorDocuments } from '../servers/mirror.ts'
export type { Divergence, HealingProgress } from './apart.ts'
export type { Reach, StateChanged, Suspicion, SwimEvidence } from './detector/beliefs.ts'
export {
  createDetector,
  type Detector,
  type DetectorEffect,
  type DetectorInput,
  type SwimDetector,
} from './detector/detector.ts'
export { elapsedAtLeast, elapsedAtMost, type Moment } from './detector/elapsed.ts'
export type { LinkSettings, PresetName } from './detector/link-presets.ts'
export {
  createPauseGuard,
  type PauseGuard,
  type PauseGuardEffect,
  type PauseGuardInput,
  type PauseGuardOptions,
  type PauseHint,
  pauseWindowMs,
} from './detector/pause-guard.ts'
export {
  createPhi,
  mostPhi,
  type Phi,
  type PhiEffect,
  type PhiInput,
  type PhiIntervals,
  type PhiOptions,
} from './detector/phi.ts'
export { type DetectorSettings, detectorPresets, detectorSettingsFault } from './detector/presets.ts'
export { createSwim, type Swim, type SwimOptions } from './detector/swim.ts'
export {
  type MemberStatus,
  mostAccusers,
  mostMembers,
  mostRaise,
  mostRumours,
  type Rumour,
  type SwimMessage,
} from './detector/swim-messages.ts'
export type { MemberView, SwimEffect, SwimInput } from './detector/swim-types.ts'
export {
  type AddressRecord,
  type AddressTier,
  addressKey,
  type DialTarget,
  mostAddressesAtOnce,
  mostAddressesOfPeer,
  mostAddressText,
  mostIdText,
  type PeerAddress,
} from './dialing/address.ts'
export {
  type AddressBook,
  type AddressBookEffect,
  type AddressBookInput,
  type AddressBookOptions,
  addressBookFault,
  createAddressBook,
} from './dialing/address-book.ts'
export {
  type Breaker,
  type BreakerInput,
  type BreakerOptions,
  type BreakerState,
  breakerFault,
  createBreaker,
} from './dialing/breaker.ts'
export {
  type AddressDiagnosis,
  type DialStageEvent,
  diagnose,
  diagnosisText,
  mostDiagnosed,
} from './dialing/diagnosis.ts'
export type { DialStage, Finding } from './dialing/diagnosis-table.ts'
export { createDialBudget, type DialBudget } from './dialing/dial-budget.ts'
export { type DialPace, dialFault, type LinkLimits, linkPresets } from './dialing/dial-options.ts'
export { createDialPlanner } from './dialing/dial-planner.ts'
export type { DialPlanner, DialPlannerEffect, DialPlannerInput, DialPlannerOptions } from './dialing/dial-types.ts'
export { createRace, type Race, type RaceEffect, type RaceInput, type RaceOptions } from './dialing/happy-eyeballs.ts'
export { type Exclusive, type ExclusiveState, type ExclusiveWrite, exclusive } from './exclusive.ts'
export {
  countVotes,
  type GrantedLease,
  type GrantedLeases,
  type GrantedQuery,
  grantedLeases,
  type VoteCounts,
  type VoteRecords,
  type VoteStep,
} from './granted.ts'
export { type Health, type HealthCode, type HealthReason, healthCodes, healthOf, onHealth } from './health.ts'
export {
  type Acceptor,
  type AcceptorEffect,
  type AcceptorInput,
  type AcceptorOptions,
  createAcceptor,
} from './lease/acceptor.ts'
export {
  type AcceptedLease,
  type AcceptorMemory,
  type AcceptorState,
  type BallotPromise,
  bootAcceptor,
  emptyMemory,
  type KeptLease,
  type LeaseMemory,
  type Recovery as LeaseRecovery,
} from './lease/acceptor-state.ts'
export type { LeaseBackend, LeaseBackends, LeaseOutcome, LeaseRefusalCause } from './lease/backend.ts'
export type { LeaseClock, Reading } from './lease/clock.ts'
export { createHolder, type Holder, type HolderEffect, type HolderInput } from './lease/holder.ts'
export { type HolderPhase, type HolderState, type LeaseQuestion, startHolder } from './lease/holder-state.ts'
export type { LeaseDenial } from './lease/holder-words.ts'
export type { LeaseAnswer, LeaseMessage, LeaseRefusal, LeaseRequest } from './lease/messages.ts'
export {
  type HolderOptions,
  type LeaseOptions,
  leaseOptionsFault,
  mostLeaseName,
  mostLeases,
} from './lease/options.ts'
export type { StoreLife } from './lease/store/records.ts'
export { createStoreLease, type StoreLeaseMachine } from './lease/store/store-lease.ts'
export type {
  FoundLife,
  HeldOfStore,
  StoreAnswer,
  StoreKey,
  StoreLeaseEffect,
  StoreLeaseInput,
  StoreLeaseOptions,
  StoreLeaseState,
  StoreTask,
  Watched,
} from './lease/store/store-lease-types.ts'
export { startStoreLease } from './lease/store/store-lease-types.ts'
export { type ConditionalStore, type StoreLeasesOptions, storeLeases } from './lease/store/store-leases.ts'
export {
  type Ballot as LeaseBallot,
  checkToken,
  mostGuardedLeases,
  type TokenCheck,
  type TokenGuard,
} from './lease/token.ts'
export {
  type Lease,
  type LeaseChange,
  type LeaseDesk,
  type LeaseGround,
  type LeaseRequestOptions,
  type LeaseSource,
  votedLeases,
} from './leases.ts'
export { leasesFrom } from './leases-elsewhere.ts'
export type { OtherGroup } from './other-groups.ts'
export type {
  HealedSplit,
  PartitionEvents,
  PartitionMetrics,
  PartitionOptions,
  PartitionSituation,
  PartitionStatus,
  Partitions,
  VotingStatus,
} from './partitions.ts'
export type { AddressTransport } from './planned/address-transport.ts'
export type { AddressView, DialMetrics } from './planned/dial-metrics.ts'
export type { PlannedDialingOptions } from './planned/plan-options.ts'
export { type PlannedDialing, plannedDialing } from './planned/planned-dialing.ts'
export { type DialTrialOptions, tryDial } from './planned/try-dial.ts'
export { isQuorum, twoThirdsOf, weightOf } from './policy.ts'
export type {
  FailureClass,
  Happening,
  Incident,
  Outcome,
  Phase,
  Rung,
  Strategy,
  Symptoms,
  TimelineEntry,
} from './recovery/incident.ts'
export { hasSymptoms, noSymptoms } from './recovery/incident.ts'
export type { IncidentEffect, IncidentInput, Told } from './recovery/incident-machine.ts'
export { entryWords, incidentReport } from './recovery/incident-report.ts'
export { createRecovery, type Recovery, type RecoveryOptions } from './recovery/recovery.ts'
export { mostVoters, type NodeId, type Policy, type Roster, rosterFault, type Voter } from './roster.ts'
export { createRosterLog } from './roster-log.ts'
export {
  type RosterLog,
  type RosterLogEffect,
  type RosterLogInput,
  type RosterLogOptions,
  rosterLogOptionsFault,
} from './roster-log-interface.ts'
export {
  type Ballot as RosterBallot,
  initialRosterLogState,
  lostRosterLogState,
  type RosterLogState,
  type RosterMessage,
  type RosterPhase,
  type SeenProcess,
} from './roster-record.ts'
export { explainPartition } from './verdict/explain.ts'
export {
  type Contact,
  createReachability,
  type HeardRow,
  type HeldRow,
  type PeerLink,
  type Reachability,
  type ReachabilityEffect,
  type ReachabilityInput,
  type ReachabilityOptions,
  type ReachabilityRow,
  reachabilityOptionsFault,
} from './verdict/reachability.ts'
export {
  type Circumstances,
  type Judgement,
  judgePartition,
  type Mode,
  mostNamed,
  type Powerless,
} from './verdict/verdict.ts'
export {
  type Capabilities,
  createVerdictMachine,
  stableAfterMs,
  type Verdict,
  type VerdictEffect,
  type VerdictInput,
  type VerdictMachine,
  type VerdictOptions,
  verdictOptionsFault,
} from './verdict/verdict-machine.ts'
export { type Voting, voting } from './voting.ts'
export { watchPartitions } from './watch.ts'
