import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './steps.mjs'

/**
 * Builds what changed, in the order of the import table.
 * @param {readonly string[]} [more] further arguments for turbo, such as `--filter=@rejoin/state`
 * @returns {boolean} whether it went well
 */
export function build(more = []) {
  const turbo = join(root, 'node_modules/.bin/turbo')
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1' }
  const { status, error } = spawnSync(
    turbo,
    [
      'run',
      'build',
      ...(more.some((flag) => flag.startsWith('--output-logs')) ? [] : ['--output-logs=new-only']),
      ...more,
    ],
    {
      cwd: root,
      stdio: 'inherit',
      shell: process.platform === 'win32',
      env,
    },
  )
  if (error !== undefined) throw error
  return status === 0
}
