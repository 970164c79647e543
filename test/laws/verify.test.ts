import { encodeSnapshot, freeRemovals, loadSnapshot, recheck, verifyStore } from '@rejoin/state'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { giveBundle, history, openSite, play } from './history.ts'
import { leafTable, mixedActions } from './leaf-table.ts'

const numRuns = process.env['SOAK'] === '1' ? 2_000 : 60
const rows = [
  ...Object.entries(leafTable).map(([name, actions]) => [name, history(actions)] as const),
  ['a document that mixes leaves', mixedActions.chain(history)] as const,
]

describe.each(rows)('%s', (_, steps) => {
  it('[CK1] leaves a sound store behind, whatever was written, merged, freed and loaded', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const { sites } = play(history)
        const [merged, loaded] = [openSite('x'), openSite('y')]
        for (const site of sites) giveBundle(merged, site)
        freeRemovals(merged.store, merged.store.version)
        loadSnapshot(loaded.store, encodeSnapshot(merged.store, { compact: true }))
        for (const { store } of [...sites, merged, loaded]) {
          expect(verifyStore(store)).toEqual([])
          expect(recheck(store, Number.POSITIVE_INFINITY)).toEqual([])
        }
      }),
      { numRuns },
    )
  })
})
