import {
  applyBundle,
  bundleSince,
  compactBundle,
  decodeBundle,
  digestOf,
  encodeBundle,
  encodeSnapshot,
  loadSnapshot,
  Version,
} from '@rejoin/state'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { history, numbersFrom, openSite, play, type Site, stateOf } from './history.ts'
import { anyAction } from './leaf-table.ts'
import { lie, poolOf } from './lies.ts'

const soak = process.env['SOAK'] === '1'
if (soak) vi.setConfig({ testTimeout: 3_600_000 })
const inputs = soak ? 100_000 : 10_000
const seed = Number(process.env['SEED'] ?? 1)

const played = fc.sample(history(anyAction), { seed: 3, numRuns: 20 }).map(play)
const changes = played.flatMap(({ sent }) => sent.map(({ change }) => change))
const bundles = played.flatMap(({ sites }) =>
  sites.flatMap(({ store }) => [
    bundleSince(store, Version.empty),
    bundleSince(store, halfOf(store.version)),
    compactBundle(store),
  ]),
)

describe('well-formed lies', () => {
  it(`[ST6] ${inputs} changes made of parts of others are refused without effect, or taken in soundly`, () => {
    const pool = poolOf(changes)
    tryAll((site, draw) => site.store.applyChange(lie(pick(changes, draw), pool, draw)))
  })

  it(`[ST6] ${inputs} bundles made of parts of others are refused without effect, or taken in soundly`, () => {
    const pool = poolOf(bundles)
    tryAll((site, draw) => {
      // By way of the wire, where the items of one dot have one stamp.
      const told = decodeBundle(encodeBundle(lie(pick(bundles, draw), pool, draw)))
      return told.ok ? applyBundle(site.store, told.value) : told.error.kind
    })
  })
})

function tryAll(attack: (site: Site, draw: () => number) => string): void {
  const draw = numbersFrom(seed)
  const victims = played.slice(0, 5).map(({ sites }) => encodeSnapshot((sites[0] as Site).store))
  const tally: Record<string, number> = {}
  let site = fresh(pick(victims, draw))
  let before = markOf(site)
  for (let i = 0; i < inputs; i++) {
    const outcome = attack(site, draw)
    tally[outcome] = (tally[outcome] ?? 0) + 1
    if (outcome !== 'applied') {
      if (markOf(site) !== before) throw new Error(`lie ${i} of seed ${seed} was '${outcome}' and still had effect`)
      if (i % 50 > 0) continue
    } else {
      expectSound(site, i)
    }
    site = fresh(pick(victims, draw))
    before = markOf(site)
  }
  expect(tally['invalid']).toBeGreaterThan(inputs / 100)
  expect(tally['applied']).toBeGreaterThan(inputs / 100)
}

/** What was taken in reads, goes on to others as it is, and can be written to. */
function expectSound(site: Site, i: number): void {
  try {
    const copy = openSite()
    const decoded = decodeBundle(encodeBundle(bundleSince(site.store, Version.empty)))
    if (!decoded.ok) throw new Error(`it cannot be given on: ${JSON.stringify(decoded.error)}`)
    expect(applyBundle(copy.store, decoded.value)).toBe('applied')
    expect(stateOf(copy)).toEqual(stateOf(site))
    site.doc.change((draft) => {
      draft.phase.set('after')
      draft.players.delete('ada')
      draft.log.push(1)
    })
    expect(site.doc.snapshot.phase).toBe('after')
  } catch (error) {
    throw new Error(`lie ${i} of seed ${seed} left an unsound store`, { cause: error })
  }
}

function fresh(snapshot: Uint8Array): Site {
  const site = openSite('e')
  expect(loadSnapshot(site.store, snapshot).ok).toBe(true)
  return site
}

function markOf({ store }: Site): string {
  return `${store.revision} ${digestOf(store)} ${store.version.describe()}`
}

function halfOf(version: Version): Version {
  return Version.from([...version.entries()].map(([author, seq]) => [author, seq >> 1] as const))
}

function pick<T>(items: readonly T[], draw: () => number): T {
  return items[Math.floor(draw() * items.length)] as T
}
