// `npm run verify`: all that a reviewer would look at, in the order one wants to hear of problems: slips that a
// formatter finds in a second, then wrong behaviour, then dead code, then what a user of the packages would meet.
import { runSteps } from './lib/steps.mjs'

runSteps([
  { name: 'lint and format', run: ['biome', 'ci', '--colors=off', '.'] },
  { name: 'npm test', run: ['node', 'scripts/test.mjs'], nested: true, needed: true },
  { name: 'unused code and dependencies', run: ['knip'] },
  { name: 'packages as published', run: ['node', 'scripts/check-packages.mjs'], nested: true },
  { name: 'size', run: ['node', 'scripts/size.mjs'] },
  { name: 'reference', run: ['typedoc'] },
])
