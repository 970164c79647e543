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
export { isQuorum, twoThirdsOf, weightOf } from './policy.ts'
export { mostVoters, type NodeId, type Policy, type Roster, rosterFault, type Voter } from './roster.ts'
