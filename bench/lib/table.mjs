// From outcomes of repetitions to medians, and from medians to the table of one workload.

import { engineFacts } from '../engines/index.mjs'

/** Heap below this is within the noise of two readings, so no ratio is taken to it; by unit. */
const LEAST_HEAP = { MB: 0.05, 'heap B': 1 }

export function median(values) {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Medians per engine and metric.
 * @param {Map<string, import('./spawn.mjs').Outcome[]>} outcomes by engine
 * @returns {Map<string, Map<string, number>>} engine -> metric -> median
 */
export function medians(outcomes) {
  const result = new Map()
  for (const [engine, runs] of outcomes) {
    const gathered = new Map()
    for (const run of runs) {
      for (const [metric, value] of run.metrics) gathered.set(metric, [...(gathered.get(metric) ?? []), value])
    }
    result.set(engine, new Map([...gathered].map(([metric, values]) => [metric, median(values)])))
  }
  return result
}

/** A figure in a table: four digits and a suffix. */
export function short(value) {
  const size = Math.abs(value)
  if (size >= 10_000_000) return `${(value / 1_000_000).toFixed(1)}M`
  if (size >= 1_000_000) return `${(value / 1_000_000).toFixed(2)}M`
  if (size >= 10_000) return `${(value / 1_000).toFixed(1)}k`
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1)
  return value.toFixed(2)
}

const ratioText = (ratio) => (ratio >= 10 ? `${ratio.toFixed(0)}x` : `${ratio.toFixed(1)}x`)

/** Whether a value may be compared with others: heap of a WASM engine lies outside what was read. */
function comparable(engine, unit, value) {
  return LEAST_HEAP[unit] === undefined || (!engineFacts[engine].wasm && value >= LEAST_HEAP[unit])
}

/** The best value of a metric among some engines, or undefined where none can be compared. */
export function best(table, metric, unit, engines) {
  const values = engines
    .map((engine) => [engine, table.get(engine)?.get(metric)])
    .filter(([engine, value]) => value !== undefined && comparable(engine, unit, value))
    .sort((left, right) => left[1] - right[1])
  return values.length === 0 ? undefined : { engine: values[0][0], value: values[0][1] }
}

function cell(engine, value, unit, least) {
  if (value === undefined) return '-'
  if (least === undefined || !comparable(engine, unit, value)) return short(value)
  return `${short(value)} (${ratioText(least.value === 0 ? 1 : value / least.value)})`
}

/** The markdown table of one workload: a metric per row, the ratio to the row's best in brackets. */
export function workloadTable(workload, engines, table) {
  const lines = [`| metric | ${engines.join(' | ')} |`, `|---|${engines.map(() => '---:|').join('')}`]
  for (const [metric, unit] of workload.metrics) {
    const least = best(table, metric, unit, engines)
    const cells = engines.map((engine) => cell(engine, table.get(engine)?.get(metric), unit, least))
    lines.push(`| ${metric} | ${cells.join(' | ')} |`)
  }
  return lines.join('\n')
}

/** What a reader must know beside the figures: who was stopped, ran once, or is not there and why. */
export function remarks(workloadName, engines, outcomes, runs, slowMs) {
  const lines = []
  for (const engine of engines) {
    const why = engineFacts[engine].without?.[workloadName]
    if (why !== undefined) lines.push(`- ${engine}: not run, ${why}`)
    const done = outcomes.get(engine) ?? []
    const stopped = done.find((run) => run.stopped !== undefined)
    if (stopped) lines.push(`- ${engine}: stopped, ${stopped.stopped}; times per op in it are of the part done`)
    else if (done.length > 0 && done.length < runs) {
      const why = done.some((run) => run.ms > slowMs) ? 'slow, ' : ''
      lines.push(`- ${engine}: ${why}${done.length} run(s) only`)
    }
    const failed = done.find((run) => run.failed !== undefined)
    if (failed) lines.push(`- ${engine}: FAILED, ${failed.failed}`)
    for (const claim of new Set(done.flatMap((run) => run.wrong))) lines.push(`- ${engine}: WRONG OUTCOME, ${claim}`)
    const notes = done[0]?.notes ?? []
    if (notes.length > 0) lines.push(`- ${engine}: ${notes.join(', ')}`)
  }
  return lines.join('\n')
}
