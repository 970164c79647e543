// `npm run test:system`: what needs real processes, disks and package installs, or the full size, and therefore minutes.
import { browserStep } from './lib/browser-step.mjs'
import { runSteps } from './lib/steps.mjs'

runSteps([
  { name: 'build', run: ['node', 'scripts/build.mjs'], needed: true },
  { name: 'full sizes', projects: ['full'], run: [] },
  { name: 'system', projects: ['system'], run: [] },
  browserStep('browsers', []),
])
