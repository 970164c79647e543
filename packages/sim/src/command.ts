/** What `npm run sim` and `npm run replay` do, without a process: arguments in, lines and a status out. */
import { isRejoinError } from '@rejoin/state'
import { type GenerateOptions, generateScenario } from './generate.ts'
import { guidedMinute } from './guided-minute.ts'
import { playScenario, type RunResult } from './run.ts'
import { type Scenario, scenarioLimits } from './scenario.ts'
import { decodeScenario, encodeScenario } from './scenario-codec.ts'
import { replayVoters, simVoters } from './voters/command.ts'
import type { GenerateVoterOptions } from './voters/generate.ts'
import { checkSeeds, checkVoterOptions } from './voters/options.ts'

/** Where a command writes, and what it needs to say how fast it was. */
export interface CommandHost {
  line(text: string): void
  /** Real milliseconds from an arbitrary start. */
  elapsedMs(): number
  /** The text of a file. @throws whatever says that there is none. */
  read(path: string): string
}

const usage = `usage:
  npm run sim -- [--seeds FIRST..LAST] [--nodes N] [--world mesh|hub] [--json]
  npm run sim -- --world voters [--seeds FIRST..LAST] [--nodes N] [--script NAME] [--mode safety|liveness] [--json]
  npm run replay -- LINK|SEED|guided [--nodes N] [--world mesh|hub] [--json]
  npm run replay -- FILE.json|SEED --world voters [--nodes N] [--script NAME] [--mode safety|liveness] [--json]`

/** What `sim --json` prints. */
export interface SimSummary {
  readonly seeds: number
  readonly converged: number
  readonly violations: number
  readonly merges: number
  readonly cuts: number
  readonly heals: number
  readonly conflicts: number
  readonly writes: number
  readonly crashes: number
  readonly refusals: number
  readonly frames: number
  readonly bytes: number
  readonly simulatedHours: number
  readonly nodeHours: number
  readonly slowestHealSeconds: number
  readonly seedsPerSecond: number
  readonly failures: readonly { readonly seed: number; readonly replay: string; readonly reason: string }[]
}

/** Runs `sim` or `replay`. @returns the exit status. */
export function runCommand(command: string, args: readonly string[], host: CommandHost): number {
  try {
    return carryOut(command, args, host)
  } catch (error) {
    if (!isRejoinError(error) || error.code !== 'invalid-scenario') throw error
    host.line(`${error.reason}\n${usage}`)
    return 1
  }
}

function carryOut(command: string, args: readonly string[], host: CommandHost): number {
  const parsed = parse(args)
  if (typeof parsed === 'string') {
    host.line(`${parsed}\n${usage}`)
    return 1
  }
  if (command === 'sim') {
    return parsed.voters === undefined ? sim(parsed, host) : simVoters(parsed.seeds, parsed.voters, parsed.json, host)
  }
  if (command === 'replay') return replay(parsed, host)
  host.line(usage)
  return 1
}

interface Arguments {
  readonly seeds: readonly [number, number]
  readonly generate: GenerateOptions
  /** Of worlds of voters, where those are asked for. */
  readonly voters: GenerateVoterOptions | undefined
  readonly json: boolean
  readonly rest: readonly string[]
}

function parse(args: readonly string[]): Arguments | string {
  let seeds: readonly [number, number] = [1, 200]
  let generate: GenerateOptions = {}
  let voters: GenerateVoterOptions | undefined
  let drawn: GenerateVoterOptions = {}
  let json = false
  const rest: string[] = []
  for (let i = 0; i < args.length; i += 1) {
    const [name, inline] = splitOption(args[i] as string)
    const value = (): string => {
      if (inline !== undefined) return inline
      i += 1
      return args[i] ?? ''
    }
    if (name === '--json') json = true
    else if (name === '--seeds') {
      const match = /^(\d{1,10})(?:\.\.(\d{1,10}))?$/.exec(value())
      if (match === null) return '--seeds takes FIRST..LAST, for instance 1..1000'
      seeds = [Number(match[1]), Number(match[2] ?? match[1])]
      if (seeds[1] > 0xffff_ffff) return 'a seed is at most 4294967295'
    } else if (name === '--nodes') {
      const nodes = Number(value())
      if (!(Number.isInteger(nodes) && nodes >= 1 && nodes <= scenarioLimits.nodes)) {
        return `--nodes takes 2 to ${scenarioLimits.nodes}, and from 1 for --world voters`
      }
      generate = { ...generate, nodes }
    } else if (name === '--world') {
      const world = value()
      if (world === 'voters') voters = {}
      else if (world === 'mesh' || world === 'hub') generate = { ...generate, world }
      else return '--world takes mesh, hub or voters'
    } else if (name === '--script') {
      drawn = { ...drawn, script: value() as NonNullable<GenerateVoterOptions['script']> }
    } else if (name === '--mode') {
      drawn = { ...drawn, mode: value() as NonNullable<GenerateVoterOptions['mode']> }
    } else if (name.startsWith('--')) return `unknown option ${name}`
    else rest.push(args[i] as string)
  }
  const { nodes } = generate
  if (nodes !== undefined) drawn = { ...drawn, voters: nodes }
  checkVoterOptions(drawn)
  if (voters !== undefined) voters = drawn
  else if (nodes !== undefined && nodes < 2) return '--nodes takes 2 or more, but for --world voters'
  return { seeds, generate, voters, json, rest }
}

function splitOption(text: string): [string, string | undefined] {
  const at = text.startsWith('--') ? text.indexOf('=') : -1
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function sim({ seeds: [first, last], generate, json }: Arguments, host: CommandHost): number {
  const startedMs = host.elapsedMs()
  const total = {
    ...{ seeds: 0, converged: 0, violations: 0, merges: 0, cuts: 0, heals: 0, conflicts: 0, writes: 0 },
    ...{ crashes: 0, refusals: 0, frames: 0, bytes: 0 },
  }
  let simulatedMs = 0
  let nodeMs = 0
  let slowestHealMs = 0
  const failures: { seed: number; replay: string; reason: string }[] = []
  if (!json) host.line(`seeds ${first}..${last}`)
  for (let seed = first; seed <= last; seed += 1) {
    const result = playScenario(generateScenario(seed, generate))
    total.seeds += 1
    total.converged += result.converged ? 1 : 0
    total.violations += result.violations.length
    for (const key of [
      'merges',
      'cuts',
      'heals',
      'conflicts',
      'writes',
      'crashes',
      'refusals',
      'frames',
      'bytes',
    ] as const) {
      total[key] += result[key]
    }
    simulatedMs += result.simulatedMs
    nodeMs += result.simulatedMs * result.scenario.nodes
    slowestHealMs = Math.max(slowestHealMs, result.healMs)
    if (result.converged && result.violations.length === 0) continue
    const failure = { seed, replay: replayCommand(seed, generate), reason: reasonOf(result) }
    failures.push(failure)
    if (!json) host.line(`seed ${seed} FAILED: ${failure.reason}\n  ${failure.replay}`)
  }
  const seconds = Math.max(0.001, (host.elapsedMs() - startedMs) / 1000)
  const summary: SimSummary = {
    ...total,
    simulatedHours: round(simulatedMs / 3_600_000),
    nodeHours: round(nodeMs / 3_600_000),
    slowestHealSeconds: round(slowestHealMs / 1000),
    seedsPerSecond: round(total.seeds / seconds),
    failures,
  }
  host.line(json ? JSON.stringify(summary) : describe(summary, seconds))
  const hasWorked = total.seeds > 0 && total.merges > 0 && total.cuts > 0 && total.heals > 0
  if (!hasWorked && !json) host.line('nothing was proved: seeds, merges, cuts and heals must all be above zero')
  return failures.length === 0 && hasWorked ? 0 : 1
}

function describe(summary: SimSummary, seconds: number): string {
  const perMinute = round((summary.simulatedHours / seconds) * 60)
  return [
    `${summary.seeds} seeds, ${summary.converged} converged, ${summary.violations} violations`,
    `${summary.writes} writes, ${summary.merges} merges, ${summary.conflicts} conflicts, ${summary.cuts} cuts, ` +
      `${summary.heals} heals, ${summary.crashes} crashes, ${summary.refusals} refusals`,
    `${summary.frames} frames, ${round(summary.bytes / 1e6)} MB, slowest heal ${summary.slowestHealSeconds} s`,
    `${summary.simulatedHours} simulated hours (${summary.nodeHours} node hours) in ${round(seconds)} s: ` +
      `${summary.seedsPerSecond} seeds/s, ${perMinute} simulated hours per minute`,
  ].join('\n')
}

function replay({ generate, voters, json, rest }: Arguments, host: CommandHost): number {
  const [what = ''] = rest
  if (what.endsWith('.json')) {
    try {
      return replayVoters({ file: host.read(what) }, {}, json, host)
    } catch (error) {
      host.line(`${what} cannot be read: ${String(error)}`)
      return 1
    }
  }
  if (voters !== undefined && /^\d{1,10}$/.test(what)) {
    const seed = Number(what)
    checkSeeds([seed, seed])
    return replayVoters({ seed }, voters, json, host)
  }
  const scenario = scenarioOf(rest[0] ?? '', generate)
  if (typeof scenario === 'string') {
    host.line(`${scenario}\n${usage}`)
    return 1
  }
  const result = playScenario(scenario)
  if (json) host.line(JSON.stringify(result))
  else host.line(describeReplay(result))
  return result.converged && result.violations.length === 0 ? 0 : 1
}

/** The scenario that a link (alone or in a URL), a seed, or the word `guided` names; else what is wrong with it. */
function scenarioOf(text: string, generate: GenerateOptions): Scenario | string {
  if (text === '') return 'a link or a seed is needed'
  if (text === 'guided') return guidedMinute()
  if (/^\d{1,10}$/.test(text) && Number(text) <= 0xffff_ffff) return generateScenario(Number(text), generate)
  const link = /[#=]([A-Za-z0-9_-]+)$/.exec(text)?.[1] ?? text
  const decoded = decodeScenario(link)
  return decoded.ok ? decoded.value : `not a link: ${decoded.error.kind}: ${decoded.error.message}`
}

function describeReplay(result: RunResult): string {
  const { scenario } = result
  const lines = [
    `seed ${scenario.seed}, ${scenario.world}, ${scenario.nodes} nodes, ${scenario.actions.length} actions`,
  ]
  for (const { name, digest, version } of result.atEnd) lines.push(`  at the end ${name} ${digest} ${version}`)
  lines.push(result.converged ? 'converged' : `NOT converged: ${result.pending.join('; ')}`)
  for (const { name, digest, version } of result.nodes) lines.push(`  ${name} ${digest} ${version}`)
  for (const { atMs, kind, message } of result.violations)
    lines.push(`VIOLATION ${kind} at ${Math.round(atMs)} ms: ${message}`)
  lines.push(`fingerprint ${result.fingerprint}`)
  lines.push(`link ${linkOf(scenario)}`)
  return lines.join('\n')
}

function linkOf(scenario: Scenario): string {
  try {
    return encodeScenario(scenario)
  } catch (error) {
    if (isRejoinError(error)) return `(none: ${error.reason})`
    throw error
  }
}

function replayCommand(seed: number, { nodes, world }: GenerateOptions): string {
  return `npm run replay -- ${seed}${nodes === undefined ? '' : ` --nodes ${nodes}`}${world === undefined ? '' : ` --world ${world}`}`
}

function reasonOf(result: RunResult): string {
  const [violation] = result.violations
  if (violation !== undefined) return `${violation.kind}: ${violation.message}`
  return `not converged: ${result.pending.slice(0, 3).join('; ')}`
}

const round = (value: number): number => Math.round(value * 100) / 100
