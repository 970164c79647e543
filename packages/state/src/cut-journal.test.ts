import { describe, expect, it } from 'vitest'
import { type CutCopies, CutJournal } from './cut-journal.ts'
import { type AuthorId, authorIdFrom } from './ids.ts'
import type { Item } from './item-table.ts'
import { leafKinds } from './key.ts'
import type { Row } from './rows.ts'
import { Tree } from './tree.ts'

const author = authorIdFrom('a'.repeat(16)) as AuthorId

function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** What one cut should tell: a map and a set of its own, filled at every touch. */
class PlainCopies {
  readonly tree: Tree
  readonly copies = new Map<Row, readonly Item[]>()
  readonly merged = new Set<Row>()
  collects = true

  constructor(tree: Tree) {
    this.tree = tree
  }

  touch(entry: Row, merging: boolean): void {
    if (!this.collects) return
    if (merging) this.merged.add(entry)
    if (!this.copies.has(entry)) this.copies.set(entry, this.tree.items(entry))
  }
}

describe('the journal of cuts', () => {
  it('tells every cut what a record of its own would, however cuts begin, end, are read and go', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const below = random(seed)
      const tree = new Tree()
      const entries = Array.from({ length: 400 }, (_, i) =>
        tree.entry(tree.node(['keys', `${i}`]), leafKinds.register, ''),
      )
      const journal = new CutJournal(tree)
      const cuts: [CutCopies, PlainCopies][] = []
      const agree = ([copies, plain]: [CutCopies, PlainCopies]) => {
        const found = [...copies.copies].map(([entry, { items }]) => [tree.name(entry), items.map(({ seq }) => seq)])
        expect(found).toEqual(
          [...plain.copies].map(([entry, items]) => [tree.name(entry), items.map(({ seq }) => seq)]),
        )
        const names = (some: ReadonlySet<Row>) => [...some].map((entry) => tree.name(entry)).sort()
        expect(names(copies.merged)).toEqual(names(plain.merged))
      }
      for (let step = 0; step < 40_000; step++) {
        const chance = below(1000)
        const at = below(Math.max(1, cuts.length))
        const [copies, plain] = cuts[at] ?? []
        if (chance === 0 && cuts.length < 6) cuts.push([journal.begin(), new PlainCopies(tree)])
        else if (chance === 1 && copies !== undefined && plain !== undefined) {
          copies.end()
          plain.collects = false
        } else if (chance === 2) cuts.forEach(agree)
        else if (chance === 3) for (const [gone] of cuts.splice(at, 1)) gone.drop()
        else {
          const entry = entries[below(entries.length)] as Row
          const merging = below(2) === 0
          journal.touch(entry, merging)
          for (const [, kept] of cuts) kept.touch(entry, merging)
          tree.fill(entry, tree.slot(author), step, 0, step)
        }
      }
      cuts.forEach(agree)
    }
  })

  it('stays as small as what its cuts have touched, however many others come and go beside an old one', () => {
    const tree = new Tree()
    const entries = Array.from({ length: 100 }, (_, i) => tree.entry(tree.node([`${i}`]), leafKinds.register, ''))
    const journal = new CutJournal(tree)
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
