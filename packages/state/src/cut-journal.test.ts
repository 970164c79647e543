import { describe, expect, it } from 'vitest'
import { type CutCopies, CutJournal } from './cut-journal.ts'
import { type AuthorId, authorIdFrom } from './ids.ts'
import { leafKinds } from './key.ts'
import { AuthorSlot, type Entry, Item, itemTypes, Tree } from './tree.ts'

const slot = new AuthorSlot(authorIdFrom('a'.repeat(16)) as AuthorId)

function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** What one cut should tell: a map and a set of its own, filled at every touch. */
class PlainCopies {
  readonly copies = new Map<Entry, readonly Item[]>()
  readonly merged = new Set<Entry>()
  collects = true

  touch(entry: Entry, merging: boolean): void {
    if (!this.collects) return
    if (merging) this.merged.add(entry)
    if (!this.copies.has(entry)) this.copies.set(entry, entry.liveItems())
  }
}

describe('the journal of cuts', () => {
  it('tells every cut what a record of its own would, however cuts begin, end, are read and go', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const below = random(seed)
      const tree = new Tree()
      const entries = Array.from({ length: 400 }, (_, i) =>
        tree
          .node(['keys', `${i}`])
          .leaf(leafKinds.register)
          .entry(''),
      )
      const journal = new CutJournal()
      const cuts: [CutCopies, PlainCopies][] = []
      const agree = ([copies, plain]: [CutCopies, PlainCopies]) => {
        const found = [...copies.copies].map(([entry, { items }]) => [entry.name, items.map(({ seq }) => seq)])
        expect(found).toEqual([...plain.copies].map(([entry, items]) => [entry.name, items.map(({ seq }) => seq)]))
        const names = (some: ReadonlySet<Entry>) => [...some].map(({ name }) => name).sort()
        expect(names(copies.merged)).toEqual(names(plain.merged))
      }
      for (let step = 0; step < 40_000; step++) {
        const chance = below(1000)
        const at = below(Math.max(1, cuts.length))
        const [copies, plain] = cuts[at] ?? []
        if (chance === 0 && cuts.length < 6) cuts.push([journal.begin(), new PlainCopies()])
        else if (chance === 1 && copies !== undefined && plain !== undefined) {
          copies.end()
          plain.collects = false
        } else if (chance === 2) cuts.forEach(agree)
        else if (chance === 3) for (const [gone] of cuts.splice(at, 1)) gone.drop()
        else {
          const entry = entries[below(entries.length)] as Entry
          const merging = below(2) === 0
          journal.touch(entry, merging)
          for (const [, kept] of cuts) kept.touch(entry, merging)
          entry.first = new Item(itemTypes.live, entry, slot, step, 0, step)
        }
      }
      cuts.forEach(agree)
    }
  })

  it('stays as small as what its cuts have touched, however many others come and go beside an old one', () => {
    const tree = new Tree()
    const entries = Array.from({ length: 100 }, (_, i) =>
      tree
        .node([`${i}`])
        .leaf(leafKinds.register)
        .entry(''),
    )
    const journal = new CutJournal()
    const old = journal.begin()
    for (let round = 0; round < 1000; round++) {
      const cut = journal.begin()
      for (const entry of entries) journal.touch(entry, true)
      cut.drop()
    }
    expect(journal.size).toBeLessThan(5000)
    expect([old.copies.size, old.merged.size]).toEqual([100, 100])
    old.drop()
    expect(journal.size).toBe(0)
  })
})
