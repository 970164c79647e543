// `npm run sim` and `npm run replay`: builds the simulator if it changed, then hands over. With --json, standard output
// holds nothing but the one object.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { buildQuietly } from './lib/build.mjs'
import { root } from './lib/steps.mjs'

buildQuietly('simulator')
const cli = join(root, 'packages/sim/dist/cli.js')
const { status, error } = spawnSync(process.execPath, [cli, ...process.argv.slice(2)], { stdio: 'inherit' })
if (error !== undefined) throw error
process.exitCode = status ?? 1
