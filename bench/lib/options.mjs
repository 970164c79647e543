// The command line of the harness.

import { parseArgs } from 'node:util'
import { engineNames } from '../engines/index.mjs'
import { workloadNames } from '../workloads/index.mjs'

export const usage = `npm run bench -- [options]
  --only w1,w2         only these workloads (${workloadNames.join(', ')})
  --engines a,b        only these engines (${engineNames.join(', ')})
  --json FILE          writes rows {workload, metric, engine, value, unit}
  --write              writes bench/results.md (a full run: all workloads, all engines, full scale)
  --runs N             repetitions, of which the median counts (3)
  --scale X            a fraction of each workload, to try the harness out; such figures say nothing (1)
  --seed N             seed of the inputs of the first repetition (1)`

/** A mistake on the command line, worth one line and no stack. */
export class UsageError extends Error {}

function chosen(text, known, what) {
  if (text === undefined) return known
  const names = text.split(',').map((name) => name.trim())
  for (const name of names) {
    if (!known.includes(name)) throw new UsageError(`unknown ${what} "${name}"; known: ${known.join(', ')}`)
  }
  return known.filter((name) => names.includes(name))
}

function numberIn(text, what, least, most) {
  const value = Number(text)
  if (!(value >= least && value <= most)) throw new UsageError(`${what} must be a number from ${least} to ${most}`)
  return value
}

/** @param {string[]} args */
export function readOptions(args) {
  let values
  try {
    values = parseArgs({
      args,
      options: {
        only: { type: 'string' },
        engines: { type: 'string' },
        json: { type: 'string' },
        write: { type: 'boolean', default: false },
        runs: { type: 'string', default: '3' },
        scale: { type: 'string', default: '1' },
        seed: { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new UsageError(error.message)
  }
  const options = {
    help: values.help,
    workloads: chosen(values.only, workloadNames, 'workload'),
    engines: chosen(values.engines, engineNames, 'engine'),
    json: values.json,
    write: values.write,
    runs: Math.floor(numberIn(values.runs, '--runs', 1, 99)),
    scale: numberIn(values.scale, '--scale', 0.0001, 1),
    seed: Math.floor(numberIn(values.seed, '--seed', 0, 2 ** 31)),
  }
  const whole = values.only === undefined && values.engines === undefined && options.scale === 1
  if (options.write && !whole) throw new UsageError('--write needs a full run: no --only, --engines or --scale')
  return options
}
