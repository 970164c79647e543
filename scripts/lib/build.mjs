import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './steps.mjs'

/**
 * What can be built, each with what it needs. The compiler knows what changed and in which order packages refer to each other.
 * @typedef {'packages' | 'simulator' | 'demo'} Part
 */

const compiler = 'node_modules/typescript/bin/tsc'
/** @type {Record<Part, readonly (readonly string[])[]>} */
const commands = {
  packages: [[compiler, '-b', 'tsconfig.json']],
  simulator: [[compiler, '-b', 'packages/sim']],
  // The packages too: the demo is served by one of them.
  demo: [
    [compiler, '-b', 'tsconfig.json', 'apps/demo'],
    ['node_modules/vite/bin/vite.js', 'build', 'apps/demo', '--logLevel', 'warn'],
  ],
}

/**
 * Builds a part.
 * @param {Part} part
 * @returns {boolean} whether it went well
 */
export function build(part) {
  return commands[part].every((command) => run(command, 'inherit').status === 0)
}

/**
 * Builds a part without a word, so that standard output belongs to what comes next. What went wrong goes to standard error,
 * and ends the process.
 * @param {Part} part
 */
export function buildQuietly(part) {
  for (const command of commands[part]) {
    const { status, stdout, stderr } = run(command, 'pipe')
    if (status === 0) continue
    process.stderr.write(`${stdout}${stderr}\nthe build failed\n`)
    process.exit(1)
  }
}

/**
 * @param {readonly string[]} command
 * @param {'inherit' | 'pipe'} stdio
 */
function run([script, ...args], stdio) {
  const result = spawnSync(process.execPath, [join(root, /** @type {string} */ (script)), ...args], {
    cwd: root,
    stdio,
    encoding: 'utf8',
  })
  if (result.error !== undefined) throw result.error
  return result
}
