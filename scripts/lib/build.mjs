import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './steps.mjs'

/**
 * Builds what changed, in the order of the import table.
 * @param {readonly string[]} [more] further arguments for turbo, such as `--filter=@rejoin/state`
 * @returns {boolean} whether it went well
 */
export function build(more = []) {
  return turbo(['--output-logs=new-only', ...more], 'inherit').status === 0
}

/**
 * Builds what changed without a word, so that standard output belongs to what comes next. What went wrong goes to
 * standard error, and ends the process.
 * @param {readonly string[]} [more] further arguments for turbo
 */
export function buildQuietly(more = []) {
  const { status, stdout, stderr } = turbo(['--output-logs=errors-only', ...more], 'pipe')
  if (status === 0) return
  process.stderr.write(`${stdout}${stderr}\nthe build failed\n`)
  process.exit(1)
}

/**
 * @param {readonly string[]} args
 * @param {'inherit' | 'pipe'} stdio
 */
function turbo(args, stdio) {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1' }
  const shell = process.platform === 'win32'
  const command = join(root, 'node_modules/.bin/turbo')
  const result = spawnSync(command, ['run', 'build', ...args], { cwd: root, stdio, env, shell, encoding: 'utf8' })
  if (result.error !== undefined) throw result.error
  return result
}
