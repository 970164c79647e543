// Damages a copy of a store in seeded ways and uses it; a crash of this process is the failure the test looks for.
// Usage: node lmdb-damage.mjs STORE SCRATCH ROUNDS SEED
import { closeSync, copyFileSync, fstatSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { lmdb } from '@rejoin/node'

const [store, scratch, rounds, seed] = process.argv.slice(2)
let state = Number(seed)
// mulberry32
function random(below) {
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) % below
}

const outcomes = {}
for (let round = 0; round < Number(rounds); round++) {
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch)
  copyFileSync(join(store, 'data.mdb'), join(scratch, 'data.mdb'))
  damage(join(scratch, 'data.mdb'))
  const storage = lmdb(scratch)
  count(await codeOf(storage.read('')))
  count(await codeOf(storage.write([{ kind: 'put', key: 'row/5', bytes: new Uint8Array(5000) }])))
  count(await codeOf(storage.write([{ kind: 'delete-prefix', prefix: 'other/' }])))
  await storage.close()
}
process.stdout.write(JSON.stringify(outcomes))

function damage(file) {
  const descriptor = openSync(file, 'r+')
  const { size } = fstatSync(descriptor)
  if (random(8) === 0) ftruncateSync(descriptor, random(size))
  else {
    const hits = 1 + random(40)
    for (let hit = 0; hit < hits; hit++) {
      // Page headers and node tables are what hurts; aim at them half of the time.
      const at = random(2) === 0 ? random(size) : random(size >> 12) * 4096 + random(64)
      writeSync(descriptor, Uint8Array.of(random(256)), 0, 1, at)
    }
  }
  closeSync(descriptor)
}

function count(outcome) {
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
}

async function codeOf(promise) {
  try {
    await promise
    return 'resolved'
  } catch (error) {
    return error.code ?? String(error)
  }
}
