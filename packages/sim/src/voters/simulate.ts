import type { Schema } from '@rejoin/state'
import { type GenerateVoterOptions, generateVoterScript } from './generate.ts'
import { type PlayVoterOptions, playApp, type VoterResult } from './play.ts'
import { writeReplayFile } from './replay-file.ts'
import type { VoterScript } from './script.ts'
import { shrinkVoterScript } from './shrink.ts'
import type { SimulatedApp } from './voter-world.ts'

/** Which worlds are played. */
export interface SimulationOptions extends GenerateVoterOptions {
  /** First and last seed. Default 1 to 48: each fault script with each outage. */
  readonly seeds?: readonly [number, number]
  /** Scripts of earlier failures: they are played first. */
  readonly first?: readonly VoterScript[]
  /** Runs that are spent on making a failing script smaller. Default 100. */
  readonly shrinkRuns?: number
  /** Told after each world. */
  readonly onResult?: (result: VoterResult) => void
  readonly play?: PlayVoterOptions
}

/** A world in which something was wrong. */
export interface SimulationFailure {
  readonly seed: number
  readonly wrong: readonly string[]
  /** The smallest script that was found to fail, as the text of a replay file. */
  readonly replay: string
}

/** What came of all worlds. */
export interface SimulationReport {
  readonly worlds: number
  readonly failures: readonly SimulationFailure[]
  /** What happened in them: without it nothing was proved. */
  readonly writes: number
  readonly merges: number
  readonly cuts: number
  readonly crashes: number
  readonly sleeps: number
  /** Pieces of exclusive work that a quorum stored. */
  readonly rounds: number
  readonly simulatedMs: number
}

/**
 * Plays an app in worlds of servers and clients, through halves, bridges, flapping links, crashes, lost disks, sleep and wrong clocks, and
 * checks that nothing acknowledged is lost, that nobody does at the same time what only one may, that what `check` says
 * holds everywhere, and that all are alike once the faults are over. What fails is made smaller, and comes as a replay file.
 *
 * @example
 * ```ts
 * import { counter, schema } from '@rejoin/state'
 * const Votes = schema({ yes: counter(0) })
 * const report = simulate({ schema: Votes, write: (draft) => draft.yes.add(1) }, { seeds: [1, 2], voters: 3 })
 * report.failures // => []
 * ```
 */
export function simulate<S extends Schema>(app: SimulatedApp<S>, options: SimulationOptions = {}): SimulationReport {
  const { seeds: [from, to] = [1, 48], first = [], shrinkRuns = 100, onResult, play = {} } = options
  const failures: SimulationFailure[] = []
  const total = { worlds: 0, writes: 0, merges: 0, cuts: 0, crashes: 0, sleeps: 0, rounds: 0, simulatedMs: 0 }
  const run = (script: VoterScript): void => {
    const result = playApp(script, app, play)
    total.worlds += 1
    for (const key of ['writes', 'merges', 'cuts', 'crashes', 'sleeps', 'rounds', 'simulatedMs'] as const)
      total[key] += result[key]
    onResult?.(result)
    if (result.wrong.length > 0) failures.push(failureOf(result, app, play, shrinkRuns))
  }
  for (const script of first) run(script)
  for (let seed = from; seed <= to; seed += 1) run(generateVoterScript(seed, options))
  return { ...total, failures }
}

function failureOf<S extends Schema>(
  { script, wrong }: VoterResult,
  app: SimulatedApp<S>,
  play: PlayVoterOptions,
  mostRuns: number,
): SimulationFailure {
  const fails = (candidate: VoterScript): boolean => playApp(candidate, app, play).wrong.length > 0
  const smallest = shrinkVoterScript(script, fails, mostRuns).script
  return { seed: script.seed, wrong, replay: writeReplayFile(smallest, wrong[0]) }
}
