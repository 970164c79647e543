export type { Reach, StateChanged, SwimEvidence } from './detector/beliefs.ts'
export { createDetector, type Detector, type DetectorEffect, type DetectorInput } from './detector/detector.ts'
export { elapsedAtLeast, elapsedAtMost, type Moment } from './detector/elapsed.ts'
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
export { isQuorum, twoThirdsOf, weightOf } from './policy.ts'
export { mostVoters, type NodeId, type Policy, type Roster, rosterFault, type Voter } from './roster.ts'
