// `npm run test:system`: what needs real processes, disks and package installs, and therefore minutes.
import { runSteps } from './lib/steps.mjs'

runSteps([
  { name: 'build', run: ['turbo', 'run', 'build', '--output-logs=new-only'], needed: true },
  { name: 'system', projects: ['system'], run: [] },
])
