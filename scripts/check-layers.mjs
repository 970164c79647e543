// Checks the import table twice: the real tree must pass, and every violation planted in scripts/fixtures/layers must
// be caught by the rule that is there for it. A rule that silently stopped matching would otherwise look like success.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const fixtures = 'scripts/fixtures/layers/packages'
const expected = {
  'state/src/imports-upward.ts': 'layer-state',
  'sync/src/uses-platform.ts': 'pure-no-platform',
  'sync/src/uses-library.ts': 'pure-no-packages',
  'sync/src/reaches-inside.ts': 'public-entry-only',
  'web/src/needs-process.ts': 'layer-web',
}

// Source folders are named one by one: with --include-only, imports made by package name are dropped unseen.
const sources = ['packages', 'apps'].flatMap((group) =>
  readdirSync(join(root, group))
    .map((name) => `${group}/${name}/src`)
    .filter((path) => existsSync(join(root, path))),
)

const real = cruise(sources)
for (const violation of real.violations) {
  console.error(
    `${violation.from} -> ${violation.to}: ${violation.rule.name} (${ruleComment(real, violation.rule.name)})`,
  )
}
const planted = cruise([fixtures])
const missed = Object.entries(expected).filter(
  ([file, rule]) => !planted.violations.some((v) => v.from === `${fixtures}/${file}` && v.rule.name === rule),
)
for (const [file, rule] of missed) console.error(`planted violation not caught: ${file} should break ${rule}`)

const count = Object.keys(expected).length
console.log(
  `layers: ${real.totalCruised} modules, ${real.totalDependenciesCruised} imports, ${real.violations.length} violations; ` +
    `${count - missed.length} of ${count} planted violations caught`,
)
if (real.totalCruised === 0 || real.violations.length > 0 || missed.length > 0) process.exitCode = 1

/**
 * @typedef {import('dependency-cruiser').ISummary} Summary
 * @param {readonly string[]} paths
 * @returns {Summary}
 */
function cruise(paths) {
  const cli = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  const args = [cli, '--config', '.dependency-cruiser.mjs', '--output-type', 'json', ...paths]
  // The exit status counts violations; the report on stdout is complete all the same.
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (stdout === '') throw new Error(`dependency-cruiser gave no report: ${stderr}`)
  return JSON.parse(stdout).summary
}

/**
 * @param {Summary} summary
 * @param {string} name
 */
function ruleComment(summary, name) {
  return summary.ruleSetUsed?.forbidden?.find((rule) => rule.name === name)?.comment ?? ''
}
