export { isQuorum, twoThirdsOf, weightOf } from './policy.ts'
export { mostVoters, type NodeId, type Policy, type Roster, rosterFault, type Voter } from './roster.ts'
