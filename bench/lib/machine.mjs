// What a reader of figures must know: machine, load, versions, commit.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { engineFacts } from '../engines/index.mjs'

const BENCH = new URL('../', import.meta.url)

function git(...args) {
  try {
    return execFileSync('git', args, { cwd: BENCH, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return ''
  }
}

/** The installed version of an npm package of this bench. */
function packageVersion(name) {
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, BENCH), 'utf8')).version
}

/** The commit that is measured, marked when the packages were changed on top of it. */
function commit() {
  const hash = git('rev-parse', '--short=12', 'HEAD')
  if (hash === '') return 'unknown'
  return git('status', '--porcelain', '--', '../packages', '.') === '' ? hash : `${hash} with uncommitted changes`
}

/** Load averages of the last 1, 5 and 15 minutes, as text. */
export const load = () =>
  loadavg()
    .map((average) => average.toFixed(2))
    .join(' ')

/** @param {string[]} engines */
export function describeMachine(engines) {
  const packages = [...new Set(engines.flatMap((engine) => engineFacts[engine].packages))]
  const processors = cpus()
  return {
    commit: commit(),
    node: process.version,
    machine: `${processors.length} x ${processors[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    versions: packages.map((name) => `${name} ${packageVersion(name)}`).join(', '),
  }
}
