// What the packages weigh in a page, minified and compressed: `size-limit` with its table, and what that cannot say, what
// one entry costs on top of another.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './lib/steps.mjs'

const without = 'sync (with all of state)'
/** The most that the partition layer may add, bytes. */
const extra = {
  'sync with partitions, for who only watches': 15_000,
  'sync with partitions, for who holds leases': 20_800,
  'sync with partitions, for a voter': 38_800,
}

const { stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/size-limit'), ['--json'], {
  cwd: root,
  encoding: 'utf8',
})
if (!stdout.startsWith('[')) throw new Error(`size-limit: ${stdout}${stderr}`)
/** @type {{ name: string, passed: boolean, size: number, sizeLimit: number }[]} */
const entries = JSON.parse(stdout)
const sizeOf = new Map(entries.map(({ name, size }) => [name, size]))
const rows = entries.map(({ name, size, sizeLimit }) => ({ name, size, most: sizeLimit }))
for (const [name, most] of Object.entries(extra)) {
  const size = (sizeOf.get(name) ?? Number.NaN) - (sizeOf.get(without) ?? Number.NaN)
  rows.push({ name: `  of these, ${name.slice('sync with '.length)}`, size, most })
}
for (const { name, size, most } of rows) {
  const isOver = !(size <= most)
  console.log(`${String(size).padStart(8)} of ${String(most).padEnd(8)} ${name}${isOver ? ' TOO LARGE' : ''}`)
  if (isOver) process.exitCode = 1
}
