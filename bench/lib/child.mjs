// One engine, one workload, one process: node --expose-gc lib/child.mjs ENGINE WORKLOAD PHASE SEED SCALE DIRECTORY.
// What it finds goes to the parent as JSON lines on file descriptor 3, written at once, so that nothing measured is lost
// when the parent stops a child in the middle of a long step.

import { readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { loadEngine } from '../engines/index.mjs'
import { loadWorkload } from '../workloads/index.mjs'
import { firstDifference } from './same.mjs'

const REPORT_FD = 3

/** What a workload may do: name its steps, hand out metrics, and hold the outcome against what it should be. */
export class Context {
  constructor(seed, scale, directory) {
    this.seed = seed
    this.scale = scale
    this.directory = directory
  }

  tell(line) {
    writeSync(REPORT_FD, `${JSON.stringify(line)}\n`)
  }

  /** A count of the full workload at the scale of this run, in whole hundreds where it is that large. */
  scaled(full) {
    if (this.scale === 1) return full
    const count = Math.ceil(full * this.scale)
    return full >= 10_000 ? Math.max(100, Math.round(count / 100) * 100) : count
  }

  step(label) {
    this.tell({ step: label })
  }

  /** A step of which nothing is measured, as making what is there before and checking what came out: slow is not stuck. */
  aside(label) {
    this.tell({ step: label, isAside: true })
  }

  metric(metric, value) {
    this.tell({ metric, value })
  }

  note(text) {
    this.tell({ note: text })
  }

  check(holds, claim) {
    if (!holds) this.tell({ wrong: claim })
  }

  same(actual, expected, claim) {
    const difference = firstDifference(actual, expected)
    this.check(difference === undefined, `${claim} (${difference})`)
  }

  /** Leaves bytes for the cold phase of this workload, which runs in another process. */
  keep(label, bytes) {
    writeFileSync(join(this.directory, label), bytes)
  }

  kept(label) {
    return readFileSync(join(this.directory, label))
  }
}

async function main([engineName, workloadName, phase, seed, scale, directory]) {
  const context = new Context(Number(seed), Number(scale), directory)
  const workload = await loadWorkload(workloadName)
  const engine = await loadEngine(engineName)
  await (phase === 'cold' ? workload.runCold(context, engine) : workload.run(context, engine))
  context.tell({ done: true })
}

await main(process.argv.slice(2))
process.exit(0)
