// `npm test`: what must pass before a change is shared. Everything here needs only `npm ci`.
import { browserIsRequired, findChromium } from './lib/find-chromium.mjs'
import { runSteps } from './lib/steps.mjs'

runSteps([
  { name: 'build', run: ['node', 'scripts/build.mjs'], needed: true },
  { name: 'layers', run: ['node', 'scripts/check-layers.mjs'] },
  { name: 'types of tests', run: ['tsc', '-p', 'tsconfig.test.json'] },
  { name: 'unit', projects: ['unit'], run: [] },
  { name: 'laws, scenarios, contracts', projects: ['laws'], run: [] },
  { name: 'simulation', projects: ['simulation'], run: [] },
  { name: 'docs', projects: ['docs'], run: [] },
  browserStep(),
])

/** @returns {import('./lib/steps.mjs').Step | string} */
function browserStep() {
  if (findChromium() !== undefined || browserIsRequired()) return { name: 'browser', projects: ['e2e'], run: [] }
  return 'browser tests left out: no Chromium or Chrome found (install one, or set CHROME_PATH)'
}
