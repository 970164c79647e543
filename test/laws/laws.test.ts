import { applyBundle, type Bundle, bundleSince, encodeSnapshot, freeRemovals, loadSnapshot } from '@rejoin/state'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import {
  causalOrder,
  expectSame,
  give,
  giveBundle,
  history,
  numbersFrom,
  openSite,
  type Played,
  play,
  pull,
  type Sent,
  type Site,
  shuffled,
  VersionLedger,
} from './history.ts'
import { leafTable, mixedActions } from './leaf-table.ts'

const soak = process.env['SOAK'] === '1'
if (soak) vi.setConfig({ testTimeout: 3_600_000 })

const mixed = 'a document that mixes leaves'
const rows = [
  ...Object.entries(leafTable).map(([name, actions]) => [name, history(actions)] as const),
  [mixed, mixedActions.chain(history)] as const,
]

describe.each(rows)('%s', (name, steps) => {
  const runs = { numRuns: (name === mixed ? 60 : 25) * (soak ? 20 : 1) }
  const seed = fc.nat()

  it('[ST3] merging changes gives one state in any causal order, each once or more often', () => {
    fc.assert(
      fc.property(steps, seed, (history, seed) => {
        const played = play(history)
        const draw = numbersFrom(seed)
        const sites = [0, 1, 2].map(() => {
          const site = openSite()
          const order = causalOrder(played.sent, draw)
          order.forEach(({ bytes }, i) => {
            expect(give(site, bytes)).toEqual(['applied'])
            if (draw() < 0.3) expect(give(site, pick(order.slice(0, i + 1), draw).bytes)).toEqual(['duplicate'])
          })
          return site
        })
        expectSame([...sites, ...converged(played)])
      }),
      runs,
    )
  })

  it('[ST5] changes that come before what they depend on wait, and make no difference', () => {
    fc.assert(
      fc.property(steps, seed, (history, seed) => {
        const played = play(history)
        const draw = numbersFrom(seed)
        const site = openSite()
        for (const { bytes } of shuffled([...played.sent, ...played.sent], draw)) give(site, bytes)
        expect(site.store.waiting).toEqual({ changes: 0, bytes: 0 })
        expectSame([site, ...converged(played)])
      }),
      runs,
    )
  })

  it('[ST4] merging bundles is commutative, associative and idempotent', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const { sites } = play(history)
        const [a, b, c] = sites as [Site, Site, Site]
        const orders = [
          [a, b, c],
          [c, b, a],
          [b, a, c],
          [c, a, b, a],
        ]
        const merged = orders.map((order) => {
          const site = openSite()
          for (const from of order) giveBundle(site, from)
          return site
        })
        const [bc, abc] = [openSite(), openSite()]
        giveBundle(bc, b)
        giveBundle(bc, c)
        giveBundle(abc, a)
        giveBundle(abc, bc)
        const whole = bundleSince(abc.store, openSite().store.version)
        const revision = abc.store.revision
        expect(applyBundle(abc.store, whole)).toBe('duplicate')
        expect(abc.store.revision).toBe(revision)
        expectSame([...merged, abc])
      }),
      runs,
    )
  })

  it('[ST2] equal versions have equal digests and snapshots, whatever mix of changes, bundles and relays made them', () => {
    fc.assert(
      fc.property(steps, seed, (history, seed) => {
        const played = play(history)
        const draw = numbersFrom(seed)
        const relays = [openSite(), openSite(), openSite()]
        const ledger = new VersionLedger()
        for (let i = 0; i < 12 && played.sent.length > 0; i++) {
          const relay = pick(relays, draw)
          const all = [...relays, ...played.sites]
          relayStep(relay, pick(all, draw), pick(all, draw), played.sent, draw)
          ledger.check(relay)
        }
        for (const site of played.sites) ledger.check(site)
        const [first] = relays as [Site]
        for (const site of played.sites) giveBundle(first, site)
        for (const relay of relays) giveBundle(relay, first)
        expectSame([...relays, ...converged(played)])
      }),
      runs,
    )
  })

  it('[CO8] a snapshot loads to the same state and goes on merging, whole or compact', () => {
    fc.assert(
      fc.property(steps, fc.boolean(), fc.nat(2), (history, compact, who) => {
        const played = play(history)
        const source = played.sites[who] as Site
        const site = openSite()
        const loaded = loadSnapshot(site.store, encodeSnapshot(source.store, { compact }))
        expect(loaded.ok).toBe(true)
        expectSame([site, source])
        for (const other of played.sites) giveBundle(site, other)
        expectSame([site, ...converged(played)])
      }),
      runs,
    )
  })
})

function relayStep(relay: Site, from: Site, other: Site, sent: readonly Sent[], draw: () => number): void {
  const kind = draw()
  if (kind < 0.3) giveBundle(relay, from)
  else if (kind < 0.5) giveMisdirected(relay, bundleSince(from.store, other.store.version))
  else if (kind < 0.8) pull(relay, from, draw() < 0.5 ? 'changes' : 'author', sent)
  else for (let i = 0; i < 3; i++) give(relay, pick(sent, draw).bytes)
  if (draw() < 0.1) freeRemovals(relay.store, relay.store.version)
}

/** A bundle that was made for somebody else: it fits, or it is turned away. */
function giveMisdirected(relay: Site, bundle: Bundle): void {
  const fits = bundle.full || relay.store.version.covers(bundle.base)
  const news = !relay.store.version.covers(bundle.version)
  expect(applyBundle(relay.store, bundle)).toBe(!news ? 'duplicate' : fits ? 'applied' : 'gap')
}

/** The three sites of a history after all have everything. */
function converged({ sites }: Played): readonly Site[] {
  for (const site of sites) for (const other of sites) if (other !== site) giveBundle(site, other)
  const [first] = sites as [Site]
  for (const site of sites) if (site !== first) giveBundle(site, first)
  return sites
}

function pick<T>(items: readonly T[], draw: () => number): T {
  return items[Math.floor(draw() * items.length)] as T
}
