// Runs named commands one after the other and ends with what came of them. Runs may be nested (`.ci/run` runs
// `verify`, which runs `npm test`): the outermost one sums up, so its last line always counts everything once.
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * @typedef {object} Step
 * @property {string} name what a person would call it
 * @property {readonly string[]} run the command and its arguments; commands of installed packages need no path
 * @property {readonly string[]} [projects] vitest projects to run instead of a command; their tests are counted
 * @property {boolean} [needed] when this fails, the steps after it would only repeat the bad news: stop
 * @property {boolean} [nested] the command runs steps of its own and records them itself
 */

/**
 * @typedef {object} Outcome
 * @property {string} name
 * @property {number} passed
 * @property {number} failed
 * @property {number} seconds
 */

const tallyVariable = 'REJOIN_TALLY'

/**
 * Runs the steps and sets the exit status. The last line printed by the outermost run is `N passed, M failed`, where a
 * step counts as one and a step that runs tests counts as its tests.
 * @param {Iterable<Step | string>} steps a string is a line to show in its place
 */
export function runSteps(steps) {
  const inherited = process.env[tallyVariable]
  const scratch = mkdtempSync(join(tmpdir(), 'rejoin-steps-'))
  const tally = inherited ?? join(scratch, 'tally.jsonl')
  if (inherited === undefined) writeFileSync(tally, '')
  let failed = false
  /** @type {string[]} */
  const notes = []
  for (const step of steps) {
    if (typeof step === 'string') {
      notes.push(step)
      console.log(`\n${step}`)
      continue
    }
    console.log(`\n── ${step.name}`)
    const before = recorded(tally).length
    const outcome = runStep(step, tally, scratch)
    const reportedItself = step.nested === true && recorded(tally).length > before
    const ownFailures = recorded(tally)
      .slice(before)
      .some((inner) => inner.failed > 0)
    if (!reportedItself || (outcome.failed > 0 && !ownFailures)) record(tally, outcome)
    failed ||= outcome.failed > 0
    if (outcome.failed > 0 && step.needed === true) break
  }
  if (inherited === undefined) summarize(recorded(tally), notes)
  rmSync(scratch, { recursive: true, force: true })
  if (failed) process.exitCode = 1
}

/**
 * @param {Step} step
 * @param {string} tally
 * @param {string} scratch
 * @returns {Outcome}
 */
function runStep(step, tally, scratch) {
  const started = performance.now()
  const report = join(scratch, 'vitest.json')
  rmSync(report, { force: true })
  const [command, ...args] = step.projects === undefined ? step.run : vitestCommand(step, report)
  const path = `${join(root, 'node_modules/.bin')}:${process.env['PATH']}`
  const env = { ...process.env, PATH: path, [tallyVariable]: tally }
  const { status, error } = spawnSync(/** @type {string} */ (command), args, { cwd: root, stdio: 'inherit', env })
  if (error !== undefined) console.error(`${step.name} did not start: ${error.message}`)
  const seconds = (performance.now() - started) / 1000
  const ok = status === 0
  if (step.projects === undefined) return { name: step.name, passed: ok ? 1 : 0, failed: ok ? 0 : 1, seconds }
  const tests = testCounts(report)
  // A file that cannot be loaded fails the run without failing any test of it.
  const failed = ok ? tests.failed : Math.max(1, tests.failed)
  return { name: step.name, passed: tests.passed, failed, seconds }
}

/**
 * @param {Step} step
 * @param {string} report
 */
function vitestCommand(step, report) {
  const projects = (step.projects ?? []).flatMap((name) => ['--project', name])
  return ['vitest', 'run', ...projects, ...step.run, '--reporter=default', '--reporter=json', `--outputFile=${report}`]
}

/** @param {string} report */
function testCounts(report) {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'))
    return { passed: Number(numPassedTests), failed: Number(numFailedTests) }
  } catch {
    return { passed: 0, failed: 1 }
  }
}

/**
 * @param {string} tally
 * @param {Outcome} outcome
 */
function record(tally, outcome) {
  appendFileSync(tally, `${JSON.stringify(outcome)}\n`)
}

/**
 * @param {string} tally
 * @returns {Outcome[]}
 */
function recorded(tally) {
  const lines = readFileSync(tally, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
}

/**
 * @param {readonly Outcome[]} outcomes
 * @param {readonly string[]} notes
 */
function summarize(outcomes, notes) {
  console.log('')
  for (const { name, passed, failed, seconds } of outcomes) {
    const result = failed > 0 ? `FAILED (${failed})` : passed === 1 ? 'ok' : `${passed} tests`
    console.log(`${name.padEnd(34)} ${result.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s`)
  }
  for (const note of notes) console.log(note)
  const total = (/** @type {'passed' | 'failed'} */ key) => outcomes.reduce((sum, outcome) => sum + outcome[key], 0)
  console.log(`\n${total('passed')} passed, ${total('failed')} failed`)
}
