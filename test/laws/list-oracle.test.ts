import { SequenceOracle } from '@rejoin/state/sequence-oracle.test-helper'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { causalOrder, expectSame, giveBundle, history, numbersFrom, openSite, play, type Sent } from './history.ts'
import { leafTable } from './leaf-table.ts'

/** The list of the oracle after these changes, which must be in a causal order. */
function oracleList(sent: readonly Sent[]): unknown[] {
  const oracle = new SequenceOracle()
  for (const { change } of sent) {
    for (const op of change.ops) {
      if (op.type === 'insert') oracle.apply(op.run)
      if (op.type === 'erase') for (const target of op.targets) oracle.remove(target)
    }
  }
  return oracle.toArray()
}

describe('a list in a document', () => {
  it('[LI2] reads like the oracle at every version, whatever way the changes came', () => {
    fc.assert(
      fc.property(history(leafTable.list), fc.nat(), (steps, seed) => {
        const { sites, sent } = play(steps)
        for (const { store, doc } of sites) {
          const known = sent.filter(({ change }) => store.version.has(change))
          expect(doc.snapshot.log).toEqual(oracleList(known))
        }
        const joined = openSite()
        for (const site of sites) giveBundle(joined, site)
        expect(joined.doc.snapshot.log).toEqual(oracleList(causalOrder(sent, numbersFrom(seed))))
        for (const site of sites) giveBundle(site, joined)
        expectSame([joined, ...sites])
      }),
      { numRuns: 150 },
    )
  })

  it('[LI5] never interleaves what three people type at one place while they are apart', () => {
    const typing = fc.record({ backward: fc.boolean(), letters: fc.integer({ min: 1, max: 8 }) })
    fc.assert(
      fc.property(fc.array(typing, { minLength: 3, maxLength: 3 }), fc.nat(3), (people, gap) => {
        const base = openSite('a')
        base.doc.change((draft) => draft.log.push(0, 0, 0))
        const sites = people.map(({ backward, letters }, i) => {
          const site = openSite('bcd'[i])
          giveBundle(site, base)
          for (let n = 0; n < letters; n++)
            site.doc.change((draft) => draft.log.insert(backward ? gap : gap + n, i + 1))
          return site
        })
        const joined = openSite()
        for (const site of sites) giveBundle(joined, site)
        const runs = joined.doc.snapshot.log.filter((who, i, all) => who !== 0 && who !== all[i - 1])
        expect([...runs].sort()).toEqual([1, 2, 3])
      }),
      { numRuns: 100 },
    )
  })
})
