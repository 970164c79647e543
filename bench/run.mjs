// The one harness: every chosen engine through every chosen workload, repetitions outermost so that a busy minute of the
// machine meets all engines alike, each pair in a process of its own. See README.md for what is measured.

import { writeFileSync } from 'node:fs'
import { engineFacts } from './engines/index.mjs'
import { barsTable } from './lib/bars.mjs'
import { describeMachine, load } from './lib/machine.mjs'
import { readOptions, UsageError, usage } from './lib/options.mjs'
import { runOnce } from './lib/spawn.mjs'
import { medians, remarks, workloadTable } from './lib/table.mjs'
import { loadWorkload } from './workloads/index.mjs'

/** A pair that took this long is not repeated, unless its workload says otherwise. */
const SLOW_MS = 30_000
/** A pair whose step takes this long is stopped and marked. */
const STEP_LIMIT_MS = 60_000

const RESULTS = new URL('./results.md', import.meta.url)

const slowMsOf = (workload) => workload.slowMs ?? SLOW_MS
const isLast = (workload, runs) => runs.some((run) => run.ms > slowMsOf(workload) || run.stopped || run.failed)

/** Set by an interrupt: what is running is finished, and the report is made of what there is. */
let isInterrupted = false

/** One repetition of one workload for all engines. */
async function repeat(workload, outcomes, repetition, options, log) {
  // Everybody is first once: whatever the machine does at the start of a round is shared out.
  const turn = repetition % options.engines.length
  for (const engine of [...options.engines.slice(turn), ...options.engines.slice(0, turn)]) {
    const runs = outcomes.get(engine)
    if (isInterrupted || engineFacts[engine].without?.[workload.name] !== undefined || isLast(workload, runs)) continue
    const outcome = await runOnce({
      engine,
      workload: workload.name,
      cold: workload.runCold !== undefined,
      seed: options.seed + repetition,
      scale: options.scale,
      stepLimitMs: STEP_LIMIT_MS,
    })
    runs.push(outcome)
    const trouble = outcome.failed ?? outcome.stopped ?? outcome.wrong[0]
    const took = `${(outcome.ms / 1000).toFixed(1)} s${trouble ? ` (${trouble})` : ''}`
    log(`${workload.name} ${engine} ${repetition + 1}/${options.runs}: ${took}`)
  }
}

/** All repetitions of all workloads: workload -> engine -> outcomes. */
async function measure(workloads, options, log) {
  const measured = new Map()
  for (const { name } of workloads) measured.set(name, new Map(options.engines.map((engine) => [engine, []])))
  for (let repetition = 0; repetition < options.runs; repetition++) {
    for (const workload of workloads) await repeat(workload, measured.get(workload.name), repetition, options, log)
  }
  return measured
}

/** The rows of the JSON file: the metrics that every run of this harness has had, so that files can be compared. */
function rowsOf(workload, engines, table) {
  const rows = []
  for (const [metric, unit, place] of workload.metrics) {
    if (place === 'report only') continue
    for (const engine of engines) {
      const value = table.get(engine)?.get(metric)
      if (value !== undefined) rows.push({ workload: workload.name, metric, engine, value, unit })
    }
  }
  return rows
}

async function main() {
  const options = readOptions(process.argv.slice(2))
  if (options.help) {
    console.log(usage)
    return true
  }
  const machine = describeMachine(options.engines)
  const began = new Date()
  const loadBefore = load()
  const sections = []
  const rows = []
  const tables = new Map()
  let sound = true
  const workloads = await Promise.all(options.workloads.map(loadWorkload))
  process.once('SIGINT', () => {
    isInterrupted = true
  })
  const measured = await measure(workloads, options, (line) => console.error(line))
  for (const workload of workloads) {
    const { name } = workload
    const outcomes = measured.get(name)
    const table = medians(outcomes)
    tables.set(name, table)
    rows.push(...rowsOf(workload, options.engines, table))
    sound &&= ![...outcomes.values()].flat().some((run) => run.failed !== undefined || run.wrong.length > 0)
    const engines = options.engines.filter((engine) => (outcomes.get(engine)?.length ?? 0) > 0)
    const parts = [`## ${name}`, `${workload.title}.`, workloadTable(workload, engines, table)]
    const told = remarks(name, options.engines, outcomes, options.runs, slowMsOf(workload))
    sections.push([...parts, ...(told === '' ? [] : [told])].join('\n\n'))
  }
  const minutes = ((Date.now() - began.getTime()) / 60_000).toFixed(1)
  const head = [
    '# Results',
    'Written by `npm run bench -- --write`; what the figures mean and do not mean is in [README.md](README.md). In brackets: ratio to the best of the row.',
    [
      `- ${began.toISOString().slice(0, 16)}Z, ${minutes} minutes, median of ${options.runs} runs, engines interleaved${isInterrupted ? ', interrupted before the last' : ''}${options.scale === 1 ? '' : `, SCALE ${options.scale}: these figures say nothing`}`,
      `- commit ${machine.commit}`,
      `- ${machine.machine}; Node ${machine.node}; load averages before ${loadBefore}, after ${load()} (one core is this run)`,
      `- ${machine.versions}`,
    ].join('\n'),
  ]
  const bars = barsTable(tables, options.engines)
  if (bars !== undefined) head.push('## Bars of this release', bars)
  const report = `${[...head, ...sections].join('\n\n')}\n`
  console.log(report)
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(rows, null, 2)}\n`)
  if (!sound) console.error('an engine failed or ended with a wrong outcome; see above')
  else if (options.write) writeFileSync(RESULTS, report)
  return sound
}

try {
  process.exitCode = (await main()) ? 0 : 1
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message}\n\n${usage}`)
  process.exitCode = 2
}
