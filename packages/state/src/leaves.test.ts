import { describe, expect, it } from 'vitest'
import { type AuthorId, createStore, Key, openDocument, type SetDraft, type Value } from './index.ts'
import { heal, split, World } from './leaves.test-helper.ts'
import { pull } from './replicas.test-helper.ts'
import { digestOf } from './store-digest.ts'
import { storeToPlain } from './to-plain.ts'

function addAll(draft: SetDraft<Value>, items: readonly Value[]): void {
  for (const item of items) draft.add(item)
}

describe('a register', () => {
  it('[LE1] reads the later clock among concurrent writes, on a tie the greater author, and any write that had seen the others', () => {
    const [alice, bob, carol] = split()
    alice.clock.now += 5
    alice.change((s) => s.phase.set('alice'))
    bob.change((s) => s.phase.set('bob'))
    heal(alice, bob, carol)
    expect(carol.snapshot.phase).toBe('alice')
    // Carol's clock is an hour slow, but she had seen the others.
    carol.clock.now -= 3_600_000
    carol.change((s) => s.phase.set('carol'))
    heal(alice, bob, carol)
    expect(alice.snapshot.phase).toBe('carol')

    const [ann, ben, cid] = split()
    cid.change((s) => s.phase.set('cid'))
    ann.change((s) => s.phase.set('ann'))
    ben.change((s) => s.phase.set('ben'))
    heal(ann, ben, cid)
    expect(ann.snapshot.phase).toBe('cid')
  })
})

describe('a multi-value register', () => {
  it('[LE2] keeps all concurrent writes, later clocks last, until somebody who saw them overwrites them', () => {
    const [alice, bob, carol] = split((one) => one.change((s) => s.tags.set('first')))
    bob.clock.now += 5
    bob.change((s) => s.tags.set('bob'))
    alice.change((s) => s.tags.set('alice'))
    heal(alice, bob, carol)
    expect(carol.snapshot.tags).toEqual(['alice', 'bob'])
    carol.change((s) => {
      expect(s.tags.concurrent()).toEqual(['alice', 'bob'])
      s.tags.set('carol')
    })
    heal(alice, bob, carol)
    expect(alice.snapshot.tags).toEqual(['carol'])
  })
})

describe('a counter', () => {
  it('[LE3] counts every addition once, whoever made it and however often it arrives', () => {
    const [alice, bob, carol] = split((one) => one.change((s) => s.score.add(1)))
    for (const one of [alice, bob, carol]) for (let i = 0; i < 3; i++) one.change((s) => s.score.add(2))
    bob.change((s) => s.score.add(-10))
    heal(alice, bob, carol)
    expect(alice.snapshot.score).toBe(10 + 1 + 18 - 10)
  })

  it('[LE3] goes on when an author opens again under a new incarnation', () => {
    const authors = ['1', '2'].map((digit) => digit.repeat(16) as AuthorId)
    const store = createStore({ newAuthor: () => authors.shift() as AuthorId, now: () => 1_700_000_000_000 })
    const doc = openDocument(World, store)
    doc.change((s) => s.score.add(1))
    store.renewAuthor()
    doc.change((s) => s.score.add(1))
    expect(store.version.size).toBe(2)
    expect(doc.snapshot.score).toBe(12)
  })

  it('[LE13] loses at a reset what the resetting side had seen, and nothing else', () => {
    const [alice, bob, carol] = split((one) => one.change((s) => s.score.add(7)))
    bob.change((s) => s.score.add(20))
    alice.change((s) => {
      s.score.add(1)
      s.score.reset()
      expect(s.score.get()).toBe(10)
      s.score.add(2)
    })
    carol.change((s) => s.score.reset())
    heal(alice, bob, carol)
    expect(carol.snapshot.score).toBe(10 + 20 + 2)
  })

  it('[LE4] loses at a deletion what the deleting side had seen, and nothing else', () => {
    const [alice, bob, carol] = split((one) => one.change((s) => s.players.get('ada').hp.add(-20)))
    alice.change((s) => s.players.delete('ada'))
    bob.change((s) => s.players.get('ada').hp.add(-5))
    carol.change((s) => s.players.delete('ada'))
    heal(alice, bob, carol)
    expect(alice.snapshot.players['ada']?.hp).toBe(95)
    alice.change((s) => s.players.delete('ada'))
    heal(alice, bob, carol)
    expect(bob.snapshot.players['ada']).toBeUndefined()
    bob.change((s) => s.players.get('ada').hp.add(-1))
    heal(alice, bob, carol)
    expect(alice.snapshot.players['ada']?.hp).toBe(99)
  })
})

describe('a flag', () => {
  it('[LE5] reads the side that wins among concurrent writes, whatever the clocks say', () => {
    const [alice, bob, carol] = split()
    alice.clock.now += 1000
    alice.change((s) => {
      s.open.disable()
      s.sealed.enable()
    })
    bob.change((s) => {
      s.open.enable()
      s.sealed.disable()
    })
    heal(alice, bob, carol)
    expect(carol.snapshot).toMatchObject({ open: true, sealed: false })
    carol.change((s) => {
      s.open.disable()
      s.sealed.enable()
    })
    heal(alice, bob, carol)
    expect(alice.snapshot).toMatchObject({ open: false, sealed: true })
  })
})

describe('a set', () => {
  it('[LE6] keeps an element that was added beside a concurrent delete, and drops one that all had seen', () => {
    const [alice, bob, carol] = split((one) => one.change((s) => addAll(s.items, ['kept', 'gone'])))
    alice.change((s) => {
      s.items.delete('kept')
      s.items.delete('gone')
    })
    bob.change((s) => s.items.add('kept'))
    heal(alice, bob, carol)
    expect(carol.snapshot.items).toEqual(['kept'])
  })

  it('[LE6] compares elements by value and lists them in canonical order', () => {
    const [alice, bob] = split()
    alice.change((s) => addAll(s.items, [{ a: 1, b: [2] }, 'x', 1, -0, new Date(0)]))
    bob.change((s) => addAll(s.items, [{ b: [2], a: 1 }, 'x', 1, 0, new Date(0)]))
    heal(alice, bob)
    expect(alice.snapshot.items.length).toBe(6)
    alice.change((s) => {
      expect(s.items.has({ b: [2], a: 1 })).toBe(true)
      expect(s.items.delete({ a: 1, b: [2] })).toBe(true)
      expect(s.items.delete('never')).toBe(false)
      expect(s.items.size).toBe(5)
    })
    heal(alice, bob)
    expect(bob.snapshot.items).toEqual(alice.snapshot.items)
  })
})

describe('a map', () => {
  it('[LE7] makes one entry of a key that both sides create', () => {
    const [alice, bob] = split()
    alice.change((s) => s.players.get('ada').name.set('Ada'))
    bob.change((s) => s.players.get('ada').bag.add('rope'))
    heal(alice, bob)
    expect(alice.snapshot.players['ada']).toEqual({ name: 'Ada', hp: 100, bag: ['rope'], keys: [] })
  })

  it('[LE7] keeps of a deleted entry only what was written beside the deletion', () => {
    const [alice, bob] = split((one) =>
      one.change((s) => {
        s.players.get('ada').name.set('Ada')
        s.players.get('ada').bag.add('rope')
        s.players.get('bo').name.set('Bo')
      }),
    )
    alice.change((s) => {
      expect(s.players.delete('ada')).toBe(true)
      s.players.delete('bo')
      expect(s.players.has('ada')).toBe(false)
    })
    bob.change((s) => s.players.get('ada').bag.add('lamp'))
    heal(alice, bob)
    expect(alice.snapshot.players).toEqual({ ada: { name: '', hp: 100, bag: ['lamp'], keys: [] } })
  })

  it('[LE7] has entries that are only present, and keys that are no properties elsewhere', () => {
    const [alice, bob] = split()
    alice.change((s) => {
      s.players.add('__proto__')
      s.players.add('constructor')
      expect(s.players.keys()).toEqual(['__proto__', 'constructor'])
    })
    heal(alice, bob)
    expect(Object.keys(bob.snapshot.players)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(bob.snapshot.players)).toBe(null)
  })
})

describe('a leaf of a kind that this build does not know', () => {
  it('[LE8] merges by the same rule and goes on untouched', () => {
    const [alice, bob, carol] = split((one) => one.change((s) => s.phase.set('x')))
    const change = alice.change((s) => s.phase.set('future'))
    if (change === undefined) throw new Error('no change')
    const strange = { ...change, ops: change.ops.map((op) => ({ ...op, key: unknownKey(op.key) })) }
    expect(bob.store.applyChange(strange)).toBe('applied')
    pull(carol, bob)
    expect(storeToPlain(carol.store)).toEqual({ phase: { '@kind-200': 'future', '@register': 'x' } })
    expect(digestOf(carol.store)).toBe(digestOf(bob.store))
    expect(carol.snapshot.phase).toBe('x')
  })
})

function unknownKey(key: Key): Key {
  return new Key(key.path, 200)
}
