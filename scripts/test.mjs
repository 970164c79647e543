// `npm test`: what must pass before a change is shared. Everything here needs only `npm ci`.
import { browserStep } from './lib/browser-step.mjs'
import { runSteps } from './lib/steps.mjs'

runSteps([
  { name: 'build', run: ['node', 'scripts/build.mjs'], needed: true },
  { name: 'layers', run: ['node', 'scripts/check-layers.mjs'] },
  { name: 'types of tests', run: ['tsc', '-p', 'tsconfig.test.json'] },
  { name: 'unit', projects: ['unit'], run: [] },
  { name: 'laws, scenarios, contracts', projects: ['laws'], run: [] },
  { name: 'simulation', projects: ['simulation', 'mutants'], run: [] },
  { name: 'docs', projects: ['docs'], run: [] },
  browserStep('browser smoke', ['test/e2e/split-heal.test.ts']),
])
