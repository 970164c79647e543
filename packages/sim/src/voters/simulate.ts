import type { Schema } from '@rejoin/state'
import type { SimulatedApp, WriteTallies, WriteTally } from './app.ts'
import { type GenerateVoterOptions, generateVoterScript } from './generate.ts'
import { checkSimulation } from './options.ts'
import { type PlayVoterOptions, playApp, type VoterResult } from './play.ts'
import { writeReplayFile } from './replay-file.ts'
import type { VoterScript } from './script.ts'
import { kindOfFailure, shrinkVoterScript } from './shrink.ts'

/** Which worlds are played. */
export interface SimulationOptions extends GenerateVoterOptions {
  /**
   * First and last seed, 0 to 2^32 - 1. Default 1 to 48: each fault script with each outage. Where there is something to play
   * `first`, the last may be one less than the first: then nothing else is played.
   */
  readonly seeds?: readonly [number, number]
  /** Scripts of earlier failures: they are played first. */
  readonly first?: readonly VoterScript[]
  /** Runs that are spent on making a failing script smaller, from 0. Default 100. */
  readonly shrinkRuns?: number
  /** Told after each world. */
  readonly onResult?: (result: VoterResult) => void
  readonly play?: PlayVoterOptions
}

/** A world in which something was wrong; or all of them, where they proved nothing: that comes last, with the first world. */
export interface SimulationFailure {
  readonly seed: number
  readonly wrong: readonly string[]
  /** The smallest script that was found to fail in the way of the first of `wrong`, as the text of a replay file. */
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
 * holds everywhere, and that all are alike once the faults are over. What fails is made smaller as long as it fails in the same way
 * (by the first words of what is wrong, so let `check` begin with what kind of fault it found), and comes as a replay file. It is a failure,
 * too, where nothing was proved: where no world let the app write, or nobody began what only one may do.
 *
 * @example
 * ```ts
 * import { counter, schema } from '@rejoin/state'
 * const Votes = schema({ yes: counter(0) })
 * const report = simulate({ schema: Votes, write: (draft) => draft.yes.add(1) }, { seeds: [1, 2], voters: 3 })
 * report.failures // => []
 * ```
 * @throws RejoinError `invalid-scenario` for options that are out of range, and for a `write` or `check` that returns a promise.
 */
export function simulate<S extends Schema>(app: SimulatedApp<S>, options: SimulationOptions = {}): SimulationReport {
  checkSimulation(app, options)
  const { seeds: [from, to] = [1, 48], first = [], shrinkRuns = 100, onResult, play = {} } = options
  const failures: SimulationFailure[] = []
  const total = { worlds: 0, writes: 0, merges: 0, cuts: 0, crashes: 0, sleeps: 0, rounds: 0, simulatedMs: 0 }
  const tallies: WriteTallies[] = []
  let opening: VoterScript | undefined
  const run = (script: VoterScript): void => {
    const result = playApp(script, app, play)
    opening ??= script
    total.worlds += 1
    for (const key of ['writes', 'merges', 'cuts', 'crashes', 'sleeps', 'rounds', 'simulatedMs'] as const)
      total[key] += result[key]
    tallies.push(result.tallies)
    onResult?.(result)
    if (result.wrong.length > 0) failures.push(failureOf(result, app, play, shrinkRuns))
  }
  for (const script of first) run(script)
  for (let seed = from; seed <= to; seed += 1) run(generateVoterScript(seed, options))
  // In scripts of earlier failures, which were made as small as they could be, there is not always time to begin anything.
  const isBroad = to >= from && failures.length === 0
  const unproved = whyUnproved(app, tallies, isBroad)
  if (opening !== undefined && unproved !== undefined)
    failures.push({ seed: opening.seed, wrong: [unproved], replay: writeReplayFile(opening, unproved) })
  return { ...total, failures }
}

/** Why green worlds say nothing about an app: it never came to write. `isBroad`: they are such that it should have. */
function whyUnproved<S extends Schema>(
  { exclusive }: SimulatedApp<S>,
  tallies: readonly WriteTallies[],
  isBroad: boolean,
): string | undefined {
  const [write, alone] = [sumOf(tallies, 'write'), sumOf(tallies, 'exclusive')]
  if (write.written === 0 && write.refused > 0) return `nothing was proved: ${refusedWords('write', write)}`
  if (exclusive === undefined)
    return isBroad && write.written === 0 ? 'nothing was proved: write never wrote anything' : undefined
  if (alone.written > 0) return undefined
  if (alone.refused > 0) {
    const hint = `exclusive.lease is '${exclusive.lease}': the fenced fields that are written must name it, too`
    return `nothing was proved: ${refusedWords('exclusive.write', alone)} ${hint}`
  }
  if (!isBroad) return undefined
  return alone.tried > 0
    ? `nothing was proved: exclusive.write never wrote anything, though it was called ${alone.tried} times`
    : 'nothing was proved: exclusive.write was never called, as nobody held the lease when its turn came; play more seeds'
}

function sumOf(tallies: readonly WriteTallies[], kind: keyof WriteTallies): WriteTally {
  const sum: WriteTally = { tried: 0, written: 0, refused: 0 }
  for (const { [kind]: tally } of tallies) {
    sum.tried += tally.tried
    sum.written += tally.written
    sum.refused += tally.refused
    if (tally.refusal !== undefined) sum.refusal = tally.refusal
  }
  return sum
}

function refusedWords(what: string, { tried, refused, refusal }: WriteTally): string {
  return `${what} never wrote anything, and was refused ${refused} of ${tried} times, at last with ${refusal}`
}

function failureOf<S extends Schema>(
  { script, wrong }: VoterResult,
  app: SimulatedApp<S>,
  play: PlayVoterOptions,
  mostRuns: number,
): SimulationFailure {
  const kind = kindOfFailure(wrong[0] ?? '')
  const fails = (candidate: VoterScript): boolean =>
    playApp(candidate, app, play).wrong.some((words) => kindOfFailure(words) === kind)
  const smallest = shrinkVoterScript(script, fails, mostRuns).script
  return { seed: script.seed, wrong, replay: writeReplayFile(smallest, wrong[0]) }
}
