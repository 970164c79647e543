export { createDisk, type DiskMode, type DiskOptions, type SimDisk } from './disk.ts'
export { type GenerateOptions, generateScenario, randomWrite } from './generate.ts'
export {
  createSea,
  type DialOptions,
  type Frame,
  type LinkEvent,
  type LinkQuality,
  type Sea,
  type SeaOptions,
} from './links.ts'
export { type ClockFault, createNodeTime, type NodeTime, worldEpochMs } from './node-time.ts'
export { createListTree, type ListElement, type ListTree } from './oracle/list-tree.ts'
export { createOpLog, type LoggedItem, type LoggedKey, leafId, type OpLog, OracleError } from './oracle/op-log.ts'
export { canonicalText, plainAt } from './oracle/plain.ts'
export { leavesAt, type OracleLeaf } from './oracle/read.ts'
export { createRandom, hashText, type RandomStream } from './random.ts'
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
export { type Deferred, deferred, rejected, resolved } from './thenable.ts'
export { Workload, type WorkloadFields, writeWorkload } from './workload.ts'
