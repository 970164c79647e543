import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from '../docs/pages.ts'

/**
 * Runs a command to its end and returns what it printed.
 * @throws with all it said, when it does not end with status 0
 */
export function runCommand(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 120_000 })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}\n${stderr}`)
  return stdout
}

/** An installed tool of this repository, for use in any folder. */
export function tool(name: string): string {
  return join(root, 'node_modules/.bin', name)
}
