export type { FencingToken } from '@rejoin/state'
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
  type Recovery,
} from './lease/acceptor-state.ts'
export type { LeaseBackend, LeaseOutcome } from './lease/backend.ts'
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
export {
  type Ballot,
  checkToken,
  mostGuardedLeases,
  type TokenCheck,
  type TokenGuard,
} from './lease/token.ts'
export { isQuorum, twoThirdsOf, weightOf } from './policy.ts'
export { mostVoters, type NodeId, type Policy, type Roster, rosterFault, type Voter } from './roster.ts'
