// What .ci/run does after installing: everything, summed up in one last line.
import { runSteps } from './lib/steps.mjs'

runSteps([
  { name: 'npm run verify', run: ['npm', 'run', '--silent', 'verify'], nested: true },
  { name: 'npm run test:system', run: ['npm', 'run', '--silent', 'test:system'], nested: true },
])
