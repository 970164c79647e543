/** What is asked of worlds of voters, looked at before any is played: what is out of range would play nothing, or for ever. */
import { rejoinError, type Schema } from '@rejoin/state'
import { invalid, needFunction, needOneOf, needRange, needWhole } from '../invalid.ts'
import type { SimulatedApp } from './app.ts'
import { type GenerateVoterOptions, mostVotersDrawn } from './generate.ts'
import { readReplayFile, writeReplayFile } from './replay-file.ts'
import { faultScripts, mostNodes } from './script.ts'
import type { SimulationOptions } from './simulate.ts'

const mostSeed = 0xffff_ffff
/** 100 days: what a fault script makes of it, at most twice as long, a replay file holds. */
const mostOutageMs = 8_640_000_000
const modes = ['safety', 'liveness'] as const

/** @throws RejoinError `invalid-scenario` where an app lacks something, or an option is out of range. */
export function checkSimulation<S extends Schema>(app: SimulatedApp<S>, options: SimulationOptions): void {
  checkApp(app)
  checkVoterOptions(options)
  const { first = [], shrinkRuns, onResult, play, seeds } = options
  checkScripts(first)
  if (seeds !== undefined) checkSeeds(seeds, first.length > 0)
  if (shrinkRuns !== undefined) needWhole('shrinkRuns', shrinkRuns, 0, mostSeed)
  if (onResult !== undefined) needFunction('onResult', onResult)
  // With a step of nothing, time would stand still.
  if (play?.stepMs !== undefined) needRange('play.stepMs', play.stepMs, 1, 3_600_000)
}

/** @throws RejoinError `invalid-scenario` where something that is not to be drawn is out of range. */
export function checkVoterOptions({ script, voters, clients, outageMs, mode }: GenerateVoterOptions): void {
  if (script !== undefined) needOneOf('script', script, faultScripts)
  if (voters !== undefined) needWhole('voters', voters, 1, mostNodes)
  if (clients !== undefined) {
    needWhole('clients', clients, 0, mostNodes)
    const mostVoters = voters ?? mostVotersDrawn
    if (mostVoters + clients > mostNodes)
      throw invalid(
        'clients',
        clients,
        `at most ${mostNodes - mostVoters} beside ${mostVoters} voters: ${mostNodes} nodes in all`,
      )
  }
  if (outageMs !== undefined) needRange('outageMs', outageMs, 1, mostOutageMs)
  if (mode !== undefined) needOneOf('mode', mode, modes)
}

/** @throws RejoinError `invalid-scenario` where these are no seeds. `mayBeNone`: the last may be one less than the first. */
export function checkSeeds(seeds: readonly [number, number], mayBeNone = false): void {
  if (!Array.isArray(seeds) || seeds.length !== 2) throw invalid('seeds', seeds, 'the first seed and the last')
  const [from, to] = seeds
  needWhole('seeds[0]', from, 0, mostSeed)
  needWhole('seeds[1]', to, Math.max(0, mayBeNone ? from - 1 : from), mostSeed)
}

function checkApp<S extends Schema>({ write, exclusive, check }: SimulatedApp<S>): void {
  needFunction('write', write)
  if (check !== undefined) needFunction('check', check)
  if (exclusive === undefined) return
  if (typeof exclusive.lease !== 'string') throw invalid('exclusive.lease', exclusive.lease, 'the name of a lease')
  needFunction('exclusive.write', exclusive.write)
  if (exclusive.begun !== undefined) needFunction('exclusive.begun', exclusive.begun)
}

function checkScripts(first: NonNullable<SimulationOptions['first']>): void {
  if (!Array.isArray(first)) throw invalid('first', first, 'a list of scripts')
  for (const [at, script] of first.entries()) {
    // What is wrong with the text of a replay file comes as a string.
    if (typeof script !== 'object' || script === null)
      throw invalid(`first[${at}]`, script, 'a script, such as readReplayFile reads')
    const read = readReplayFile(writeReplayFile(script))
    if (typeof read === 'string')
      throw rejoinError('invalid-scenario', { reason: `first[${at}] is no script: ${read}.` })
  }
}
