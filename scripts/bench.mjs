// `npm run bench`: installs the engines we compare with (they are no business of `npm ci`), builds ours, runs bench/.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { buildQuietly } from './lib/build.mjs'
import { root } from './lib/steps.mjs'

const bench = join(root, 'bench')
const installed = join(bench, 'node_modules/.package-lock.json')
const lock = join(bench, 'package-lock.json')

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) run('npm', ['ci'], bench)
buildQuietly('packages')
run(process.execPath, [join(bench, 'run.mjs'), ...process.argv.slice(2)], root)

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {string} cwd
 */
function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' })
  if (error !== undefined) throw error
  if (status !== 0) process.exit(status ?? 1)
}
