// `npm run soak -- [--minutes 10]`: a million damaged inputs and the laws with fresh seeds, then simulated worlds that
// nobody has seen yet until the time is up. What fails prints the seed, and stays a test under that seed.
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { runSteps } from './lib/steps.mjs'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } })
const minutes = Number(values.minutes)
if (!Number.isFinite(minutes) || minutes <= 0) {
  console.error(`--minutes ${values.minutes} is not a number of minutes`)
  process.exit(2)
}

const batch = 2_000
const until = Date.now() + minutes * 60_000
process.env['SOAK'] = '1'
process.env['SEED'] = String(randomInt(1, 2 ** 31))
console.log(`laws and codec: SOAK=1 SEED=${process.env['SEED']} npx vitest run --project laws`)

runSteps(steps())

/** Made one at a time, so that the clock decides how many batches of worlds there are: one at least. */
function* steps() {
  yield { name: 'build', run: ['node', 'scripts/build.mjs', '--filter=@rejoin/sim'], needed: true }
  const models = ['store-model', 'epoch-model', 'copies', 'clones'].map((name) => `test/simulation/${name}.test.ts`)
  yield {
    name: '50,000 schedules of stores, 20,000 of epochs, 2,000 of copies, clones',
    run: ['vitest', 'run', '--project', 'simulation', ...models],
  }
  yield { name: 'laws and a million damaged inputs', projects: ['laws'], run: [] }
  do {
    const first = randomInt(1_000_000, 2 ** 31)
    const seeds = `${first}..${first + batch - 1}`
    yield { name: `worlds ${seeds}`, run: ['node', 'scripts/sim.mjs', 'sim', '--seeds', seeds], needed: true }
  } while (Date.now() < until)
}
