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

const { summary, modules } = cruise([...sources, fixtures])
const isPlanted = (/** @type {string} */ path) => path.startsWith(`${fixtures}/`)
const violations = summary.violations.filter(({ from }) => !isPlanted(from))
for (const { from, to, rule } of violations) console.error(`${from} -> ${to}: ${rule.name} (${ruleComment(rule.name)})`)
const missed = Object.entries(expected).filter(
  ([file, rule]) => !summary.violations.some((v) => v.from === `${fixtures}/${file}` && v.rule.name === rule),
)
for (const [file, rule] of missed) console.error(`planted violation not caught: ${file} should break ${rule}`)

const real = modules.filter(({ source }) => !isPlanted(source))
const imports = real.reduce((sum, { dependencies }) => sum + dependencies.length, 0)
const count = Object.keys(expected).length
console.log(
  `layers: ${real.length} modules, ${imports} imports, ${violations.length} violations; ` +
    `${count - missed.length} of ${count} planted violations caught`,
)
if (real.length === 0 || violations.length > 0 || missed.length > 0) process.exitCode = 1

/**
 * @param {readonly string[]} paths
 * @returns {import('dependency-cruiser').ICruiseResult}
 */
function cruise(paths) {
  const cli = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  const args = [cli, '--config', '.dependency-cruiser.mjs', '--output-type', 'json', ...paths]
  // The exit status counts violations; the report on stdout is complete all the same.
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (stdout === '') throw new Error(`dependency-cruiser gave no report: ${stderr}`)
  return JSON.parse(stdout)
}

/** @param {string} name */
function ruleComment(name) {
  return summary.ruleSetUsed?.forbidden?.find((rule) => rule.name === name)?.comment ?? ''
}
