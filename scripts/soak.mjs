// `npm run soak -- [--minutes 10]`: models of stores, epochs and disks over tens of thousands of fresh seeds, a million damaged
// inputs and the laws, worlds of voters, splits of a day and of thirty days, then simulated worlds that nobody has seen yet until the time
// is up: two hours at least on two cores. What fails prints the seed, and stays a test under that seed.
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
const worldsOfVoters = 20_000
const until = Date.now() + minutes * 60_000
process.env['SOAK'] = '1'
process.env['SEED'] = String(randomInt(1, 2 ** 31))
console.log(`again: SOAK=1 SEED=${process.env['SEED']} npx vitest run --project simulation (or laws)`)

runSteps(steps())

/** Made one at a time, so that the clock decides how many batches of worlds there are: one at least. */
function* steps() {
  yield { name: 'build', run: ['node', 'scripts/build.mjs', '--filter=@rejoin/sim'], needed: true }
  const models = ['mixed-model', 'store-model', 'epoch-model', 'copies', 'clones']
  yield {
    name: '50,000 mixed schedules of stores, 50,000 plain ones, 20,000 of epochs, 2,000 of copies, clones',
    run: ['vitest', 'run', '--project', 'simulation', ...models.map((name) => `test/simulation/${name}.test.ts`)],
  }
  const firstVoters = randomInt(1_000_000, 2 ** 31)
  yield {
    name: `${worldsOfVoters} worlds of voters: leases, rosters, incidents, servers that replicate to each other`,
    run: [
      ...['node', 'scripts/sim.mjs', 'sim', '--world', 'voters'],
      ...['--seeds', `${firstVoters}..${firstVoters + worldsOfVoters - 1}`],
    ],
  }
  yield {
    name: 'splits, a flapping heal, a day and thirty days apart: servers that vote',
    run: ['vitest', 'run', '--project', 'simulation', 'test/simulation/voter-figures.test.ts'],
  }
  yield { name: 'laws and a million damaged inputs', projects: ['laws'], run: [] }
  do {
    const first = randomInt(1_000_000, 2 ** 31)
    const seeds = `${first}..${first + batch - 1}`
    yield { name: `worlds ${seeds}`, run: ['node', 'scripts/sim.mjs', 'sim', '--seeds', seeds], needed: true }
  } while (Date.now() < until)
}
