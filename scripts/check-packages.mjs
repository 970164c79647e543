// Judges every package as npm would publish it: publint (is it packed and described correctly) and
// arethetypeswrong (does it resolve, with its types, for the ways people import it).
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, runSteps } from './lib/steps.mjs'

const packages = readdirSync(join(root, 'packages')).filter((name) => {
  const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
  return manifest.private !== true
})

runSteps(
  packages.flatMap((name) => [
    { name: `publint ${name}`, run: ['publint', '--strict', `packages/${name}`] },
    { name: `types of ${name}`, run: ['attw', '--pack', `packages/${name}`, '--profile', 'esm-only', '--quiet'] },
  ]),
)
