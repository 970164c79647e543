// Runs one (engine, workload) in a process of its own and collects what it tells. A step that lasts too long is ended from
// here, as a child deep in WASM cannot end itself; whatever it had told by then is kept.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('./child.mjs', import.meta.url))
/** How much longer a step may take of which nothing is measured. */
const ASIDE = 4
const NODE_FLAGS = ['--expose-gc', '--max-old-space-size=6144']

/**
 * @typedef {{ metrics: Map<string, number>, notes: string[], wrong: string[], stopped?: string, failed?: string, ms: number }} Outcome
 */

function runPhase({ engine, workload, phase, seed, scale, directory, stepLimitMs }, outcome) {
  return new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      [...NODE_FLAGS, CHILD, engine, workload, phase, String(seed), String(scale), directory],
      { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
    )
    let step = 'start'
    let done = false
    let errors = ''
    let limit
    const enter = (label, isAside = false) => {
      step = label
      clearTimeout(limit)
      const limitMs = isAside ? ASIDE * stepLimitMs : stepLimitMs
      limit = setTimeout(() => {
        outcome.stopped = `step "${step}" passed ${limitMs / 1000} s`
        child.kill('SIGKILL')
      }, limitMs)
    }
    enter(step)
    child.stderr.on('data', (chunk) => {
      errors = `${errors}${chunk}`.slice(-2000)
    })
    createInterface({ input: child.stdio[3] }).on('line', (text) => {
      const line = JSON.parse(text)
      if ('step' in line) enter(line.step, line.isAside)
      else if ('metric' in line) outcome.metrics.set(line.metric, line.value)
      else if ('note' in line) outcome.notes.push(line.note)
      else if ('wrong' in line) outcome.wrong.push(line.wrong)
      else if ('done' in line) done = true
    })
    child.on('close', (code) => {
      clearTimeout(limit)
      if (!done && outcome.stopped === undefined)
        outcome.failed = `ended with ${code} in step "${step}": ${errors.trim()}`
      resolve()
    })
  })
}

/**
 * Runs an engine through a workload, and through its cold phase where it has one.
 * @returns {Promise<Outcome>}
 */
export async function runOnce({ engine, workload, cold, seed, scale, stepLimitMs }) {
  /** @type {Outcome} */
  const outcome = { metrics: new Map(), notes: [], wrong: [], ms: 0 }
  const directory = mkdtempSync(join(tmpdir(), 'rejoin-bench-'))
  const began = performance.now()
  const shared = { engine, workload, seed, scale, directory, stepLimitMs }
  try {
    await runPhase({ ...shared, phase: 'run' }, outcome)
    if (cold && outcome.failed === undefined && outcome.stopped === undefined) {
      await runPhase({ ...shared, phase: 'cold' }, outcome)
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  outcome.ms = performance.now() - began
  return outcome
}
