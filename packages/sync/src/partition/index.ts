export { type Mirror, mirrorDocuments } from '../servers/mirror.ts'
export { isQuorum, twoThirdsOf, weightOf } from './policy.ts'
export type {
  FailureClass,
  Incident,
  Outcome,
  Phase,
  Rung,
  Strategy,
  Symptoms,
  TimelineEntry,
} from './recovery/incident.ts'
export { hasSymptoms, noSymptoms } from './recovery/incident.ts'
export type { IncidentEffect, IncidentInput } from './recovery/incident-machine.ts'
export { incidentReport } from './recovery/incident-report.ts'
export { createRecovery, type Recovery, type RecoveryOptions } from './recovery/recovery.ts'
export { mostVoters, type NodeId, type Policy, type Roster, rosterFault, type Voter } from './roster.ts'
