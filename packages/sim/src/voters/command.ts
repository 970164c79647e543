/** The part of `npm run sim` and `npm run replay` that plays worlds of voters. */
import type { CommandHost } from '../command.ts'
import { type GenerateVoterOptions, generateVoterScript } from './generate.ts'
import { checkSeeds } from './options.ts'
import { playVoters, type VoterResult } from './play.ts'
import { readReplayFile } from './replay-file.ts'
import type { VoterScript } from './script.ts'
import { simulate } from './simulate.ts'
import { workloadApp } from './workload-app.ts'

/** Plays seeds of voters. @returns the exit status. */
export function simVoters(
  seeds: readonly [number, number],
  generate: GenerateVoterOptions,
  isJson: boolean,
  host: CommandHost,
): number {
  checkSeeds(seeds)
  const startedMs = host.elapsedMs()
  let nodeMs = 0
  let healed = 0
  let slowest: VoterResult | undefined
  if (!isJson) host.line(`seeds ${seeds.join('..')}`)
  const report = simulate(workloadApp, {
    ...generate,
    seeds,
    onResult: (result) => {
      const { script, simulatedMs, healMs, wrong } = result
      healed += wrong.length === 0 ? 1 : 0
      nodeMs += simulatedMs * (script.voters + script.clients)
      if (slowest === undefined || healMs > slowest.healMs) slowest = result
      if (!isJson && wrong.length > 0) host.line(`seed ${script.seed} (${script.script}) FAILED: ${wrong.join('; ')}`)
    },
  })
  const seconds = Math.max(0.001, (host.elapsedMs() - startedMs) / 1000)
  const { worlds, failures } = report
  if (isJson) host.line(JSON.stringify(report))
  else {
    for (const { seed, replay } of failures)
      host.line(`seed ${seed} made smaller, for a replay file:\n${replay.trim()}`)
    host.line(
      [
        `${worlds} worlds of voters from ${seeds[0]}, ${failures.length} wrong, ${round((healed / worlds) * 100)} % healed, ` +
          `slowest heal ${round((slowest?.healMs ?? 0) / 1000)} s (seed ${slowest?.script.seed})`,
        `${report.writes} writes, ${report.merges} merges, ${report.cuts} cuts, ${report.crashes} crashes, ${report.sleeps} sleeps, ` +
          `${report.rounds} rounds`,
        `${round(nodeMs / 3_600_000)} node hours in ${round(seconds)} s: ${round(worlds / seconds)} worlds a second`,
      ].join('\n'),
    )
  }
  const hasWorked =
    worlds > 0 && report.merges > 0 && report.rounds > 0 && report.cuts + report.crashes + report.sleeps > 0
  if (!hasWorked && !isJson) host.line('nothing was proved: worlds, merges, rounds and faults must all be above zero')
  return failures.length === 0 && hasWorked ? 0 : 1
}

/** Plays one script of voters: that of a seed, or that of a replay file's text. @returns the exit status. */
export function replayVoters(
  what: { readonly seed: number } | { readonly file: string },
  generate: GenerateVoterOptions,
  isJson: boolean,
  host: CommandHost,
): number {
  const script = 'seed' in what ? generateVoterScript(what.seed, generate) : readReplayFile(what.file)
  if (typeof script === 'string') {
    host.line(`not a replay file: ${script}`)
    return 1
  }
  const result = playVoters(script)
  host.line(isJson ? JSON.stringify(result) : describe(result, script))
  return result.wrong.length === 0 ? 0 : 1
}

function describe(result: VoterResult, script: VoterScript): string {
  const { voters, clients, core, faults, policy, weather } = script
  return [
    `seed ${script.seed}, ${script.script}, ${voters} voters (${policy.kind}) and ${clients} clients, latency ${weather.latencyMs.join(' to ')} ms`,
    core === undefined
      ? 'everything that breaks ends'
      : `well again in the end: ${core.map((node) => `r${node + 1}`).join(', ')}`,
    ...faults.map((fault) => `  ${JSON.stringify(fault)}`),
    ...result.wrong.map((words) => `WRONG ${words}`),
    `healed ${round(result.healMs / 1000)} s after the faults, alike after ${round(result.sameMs / 1000)} s; ` +
      `${result.writes} writes, ${result.rounds} rounds, ${result.suspicions} suspicions, ${result.pauses} pauses`,
    `fingerprint ${result.fingerprint}`,
  ].join('\n')
}

const round = (value: number): number => Math.round(value * 100) / 100
