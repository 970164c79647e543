export { isQuorum, twoThirdsOf, weightOf } from './policy.ts'
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
  type Ballot,
  initialRosterLogState,
  lostRosterLogState,
  type RosterLogState,
  type RosterMessage,
  type RosterPhase,
} from './roster-record.ts'
export { explainPartition } from './verdict/explain.ts'
export {
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
