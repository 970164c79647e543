export {
  type ArchipelagoFrame,
  type BoatFrame,
  calmScenario,
  createArchipelago,
  type Deed,
  forkScenario,
  type IslandFrame,
  type Lab,
  type LabEvent,
  type LaneFrame,
  type Sight,
  type StormFrame,
} from './archipelago.ts'
export {
  Archipelago,
  type ArchipelagoFields,
  type ArchipelagoWorld,
  type ArchipelagoWorldOptions,
  archipelagoWorld,
  chordLanes,
  islandNames,
  prologueMs,
  ringLanes,
  writeArchipelago,
} from './archipelago-world.ts'
export { type Checker, type CheckerOptions, type CheckPace, createChecker, type Violation } from './checker.ts'
export { type CommandHost, runCommand, type SimSummary } from './command.ts'
export { createDisk, type DiskMode, type DiskOptions, type SimDisk } from './disk.ts'
export { type GenerateOptions, generateScenario, randomWrite, type TroubleName } from './generate.ts'
export { type Beat, guidedBeats, guidedMinute } from './guided-minute.ts'
export type { Doubt, IncidentFrame, IslandStand } from './island-stand.ts'
export {
  createSea,
  type DialOptions,
  type Frame,
  type LinkEvent,
  type LinkQuality,
  type Sea,
  type SeaOptions,
} from './links.ts'
export { type CutFigures, type MembersFigures, measureCut, percentile, watchMembers } from './members/measure.ts'
export {
  createMembersWorld,
  type MembersOptions,
  type MembersWorld,
  type SimulatedMember,
} from './members/members-world.ts'
export { type ClockFault, createNodeTime, type NodeTime, type SleepFault, worldEpochMs } from './node-time.ts'
export { createListTree, type ListElement, type ListTree } from './oracle/list-tree.ts'
export { createOpLog, type LoggedItem, type LoggedKey, leafId, type OpLog, OracleError } from './oracle/op-log.ts'
export { canonicalText, plainAt } from './oracle/plain.ts'
export { leavesAt, type OracleLeaf } from './oracle/read.ts'
export { createRandom, hashText, type RandomStream } from './random.ts'
export { type LeaseStep, regattaLease, regattaMs, type Starter } from './regatta.ts'
export { type NodeEnd, type PlayOptions, playScenario, type RunResult, worldOf } from './run.ts'
export {
  type Action,
  type Permission,
  type Scenario,
  type StormPreset,
  scenarioLimits,
  stormPresets,
  type Verb,
  verbs,
  type WorldName,
  type Write,
} from './scenario.ts'
export { decodeScenario, encodeScenario } from './scenario-codec.ts'
export { createScheduler, type Scheduled, type Scheduler } from './scheduler.ts'
export {
  chordEdges,
  type Edge,
  type Flicker,
  type Lane,
  ringEdges,
  startFlicker,
  stormLanes,
  stormSide,
} from './storms.ts'
export type { ExclusiveWork, SimulatedApp, WriteTallies, WriteTally } from './voters/app.ts'
export { type FaultHandlers, type FaultRun, runFaults } from './voters/faults.ts'
export {
  type FlappingHealFigures,
  measureFlappingHeal,
  measureSplit,
  patientPace,
  playLongOutage,
  type SplitFigures,
  type SplitOptions,
} from './voters/figures.ts'
export { type GenerateVoterOptions, generateVoterScript } from './voters/generate.ts'
export { type PlayVoterOptions, playApp, playVoters, type VoterResult, voterBounds } from './voters/play.ts'
export { readReplayFile, writeReplayFile } from './voters/replay-file.ts'
export {
  calmAtMs,
  type FaultScript,
  faultScripts,
  lanesBetween,
  type NextRoster,
  type VoterFault,
  type VoterScript,
} from './voters/script.ts'
export { type Shrunk, shrinkVoterScript } from './voters/shrink.ts'
export { type SimulationFailure, type SimulationOptions, type SimulationReport, simulate } from './voters/simulate.ts'
export {
  createVoterWorld,
  type MemberEvent,
  type VoterWorld,
  type VoterWorldOptions,
} from './voters/voter-world.ts'
export { workloadApp } from './voters/workload-app.ts'
export { Workload, type WorkloadFields, workloadOptions, writeWorkload } from './workload.ts'
export { createWorld, type World, type WorldOptions } from './world.ts'
export type { WorldEvent } from './world-events.ts'
export { createWorldNode, type NodeSpec, type NodeSurroundings, type WorldNode, type WorldPace } from './world-node.ts'
