import { describe, expect, it } from 'vitest'
import {
  type AuthorId,
  type Change,
  type ChangeOptions,
  type Conflict,
  counter,
  createStore,
  earliest,
  fenced,
  flag,
  greatest,
  Key,
  leafKinds,
  least,
  list,
  map,
  mvRegister,
  openDocument,
  type RegisterField,
  ranked,
  reapply,
  register,
  resolved,
  resolver,
  type SetDraft,
  schema,
  set,
  type Value,
  Version,
} from './index.ts'

const World = schema({
  phase: register('lobby'),
  tags: mvRegister<string>(),
  score: counter(10),
  open: flag(false),
  sealed: flag(true, { wins: 'disable' }),
  items: set<Value>(),
  log: list<string>(),
  owner: ranked('nobody', { ranks: ['guest', 'member', 'admin'] }),
  bid: ranked('nobody'),
  round: fenced(0, { lease: 'round' }),
  best: resolved(0, greatest()),
  worst: resolved(0, least()),
  first: resolved('', earliest()),
  joined: resolved(
    '',
    resolver('joined', (texts: readonly string[]) => texts.join('+')),
  ),
  allowed: set<string>({ wins: 'remove' }),
  players: map({ name: register(''), hp: counter(100), bag: set<string>(), keys: set<string>({ wins: 'remove' }) }),
})

type Replica = ReturnType<typeof replica>

/** A replica with a clock that stands still unless it is set. */
function replica(author: string, clock = { now: 1_700_000_000_000 }) {
  const store = createStore({ newAuthor: () => author.repeat(16) as AuthorId, now: () => clock.now })
  return Object.assign(openDocument(World, store), { clock })
}

/** Three replicas that have lost each other after they had the same. */
function split(prepare?: (alice: Replica) => void): [Replica, Replica, Replica] {
  const replicas: [Replica, Replica, Replica] = [replica('a'), replica('b'), replica('c')]
  prepare?.(replicas[0])
  heal(...replicas)
  return replicas
}

/** Brings all to the same version, first one way round and then the other. */
function heal(...replicas: Replica[]): void {
  for (const to of replicas) for (const from of replicas) give(to, from)
  for (const to of replicas) for (const from of replicas) give(to, from)
  for (const one of replicas) expect(one.snapshot).toEqual(replicas[0]?.snapshot)
}

function addAll(draft: SetDraft<Value>, items: readonly Value[]): void {
  for (const item of items) draft.add(item)
}

function give(to: Replica, from: Replica): void {
  expect(['applied', 'duplicate']).toContain(to.store.applyBundle(from.store.since(to.store.version)))
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

describe('a ranked register', () => {
  it('[LE9] reads the highest rank among concurrent writes, then the later clock, and any write that had seen the others', () => {
    const [alice, bob, carol] = split()
    alice.change((s) => s.owner.set('alice', 'admin'))
    bob.clock.now += 5000
    bob.change((s) => s.owner.set('bob', 'member'))
    heal(alice, bob, carol)
    expect(carol.snapshot.owner).toBe('alice')
    carol.change((s) => s.owner.set('carol', 'guest'))
    heal(alice, bob, carol)
    expect(alice.snapshot.owner).toBe('carol')

    const [ann, ben, cid] = split()
    ann.change((s) => s.bid.set('ann', 50))
    ben.clock.now += 5
    ben.change((s) => s.bid.set('ben', 50))
    cid.clock.now += 50
    cid.change((s) => s.bid.set('cid', -3))
    heal(ann, ben, cid)
    expect(ann.snapshot.bid).toBe('ben')
  })

  it('[LE9] tells the ranks in a conflict, and writes a loser back with its own', () => {
    const [alice, bob] = split()
    alice.change((s) => s.bid.set('alice', 70))
    const heard: Conflict[] = []
    alice.store.subscribe(({ conflicts }) => heard.push(...conflicts))
    bob.change((s) => s.bid.set('bob', 9))
    give(alice, bob)
    expect(heard).toMatchObject([
      {
        rule: 'higher-rank',
        winner: 'ours',
        ours: { value: 'alice', rank: 70 },
        theirs: { value: 'bob', rank: 9 },
        result: 'alice',
      },
    ])
    reapply(alice.store, heard[0] as Conflict)
    expect(alice.snapshot.bid).toBe('bob')
    expect(alice.store.since(Version.empty).rows.flatMap((row) => row.items.map((item) => item.value))).toEqual([
      [9, 'bob'],
    ])
  })

  it('[LE9] refuses a rank that was not declared', () => {
    const [alice] = split()
    expect(() => alice.change((s) => s.owner.set('x', 'king' as 'admin'))).toThrow(/guest, member, admin/)
    expect(() => alice.change((s) => s.bid.set('x', 0.5))).toThrow(/whole number/)
    expect(() => ranked('', { ranks: ['a', 'a'] })).toThrow(/one name/)
    expect(alice.store.version.size).toBe(0)
  })
})

describe('a fenced register', () => {
  const token = (ballot: number, epoch = 1) => ({ token: { lease: 'round', epoch, ballot } })

  it('[LE10] is written under the token of its lease only', () => {
    const [alice] = split()
    const write = (options: ChangeOptions) => () => alice.change((s) => s.round.set(1), options)
    expect(write({})).toThrow(expect.objectContaining({ code: 'fencing-token-required' }))
    expect(write({ token: { lease: 'other', epoch: 1, ballot: 1 } })).toThrow(/without the token/)
    expect(write({ token: { lease: 'round', epoch: -1, ballot: 1 } })).toThrow(/whole numbers/)
    expect(alice.store.version.size).toBe(0)
    expect(write({ token: [token(3).token, { lease: 'disk', epoch: 0, ballot: 0 }] })).not.toThrow()
    expect(alice.snapshot.round).toBe(1)
  })

  it('[LE10] reads the highest token, whatever the clocks say, and refuses whoever knows of a higher one', () => {
    const [alice, bob, carol] = split()
    alice.change((s) => s.round.set(2), token(7))
    bob.clock.now += 60_000
    bob.change((s) => s.round.set(99), token(6))
    heal(alice, bob, carol)
    expect(carol.snapshot.round).toBe(2)
    expect(() => bob.change((s) => s.round.set(100), token(6))).toThrow(
      expect.objectContaining({ code: 'fencing-token-stale' }),
    )
    // A later roster is above any ballot of an earlier one.
    carol.change((s) => s.round.set(3), token(0, 2))
    heal(alice, bob, carol)
    expect(bob.snapshot.round).toBe(3)
    expect(bob.store.stats.liveItems).toBe(1)
  })

  it('[LE10] keeps a higher token beside a write that had seen it, in any order of arrival', () => {
    const [alice, bob, carol] = split()
    alice.change((s) => s.round.set(2), token(7))
    give(bob, alice)
    // A writer that ignores the refusal: same context, lower token.
    const rogue = bob.store.transact((transaction) => {
      transaction.put(bob.store.tree.node(['round']).leaf(leafKinds.fenced).entry('round'), [1, 6, 666])
    })
    if (rogue === undefined) throw new Error('nothing written')
    expect(alice.store.applyChange(rogue)).toBe('applied')
    expect(alice.snapshot.round).toBe(2)
    give(carol, alice)
    expect(carol.snapshot.round).toBe(2)
    carol.change((s) => s.round.set(4), token(7))
    give(alice, carol)
    expect(alice.store.stats.liveItems).toBe(1)
    expect(alice.snapshot.round).toBe(4)
  })

  it('[LE10] cannot be removed, and not be declared inside of a map', () => {
    const [alice, bob] = split()
    const change = alice.change((s) => s.round.set(2), token(1))
    if (change === undefined) throw new Error('nothing written')
    const removal: Change = { ...change, ops: change.ops.map(({ key }) => ({ type: 'remove', key })) }
    expect(bob.store.applyChange(removal)).toBe('invalid')
    alice.store.transact((transaction) => transaction.removeSubtree(alice.store.tree.root))
    expect(alice.snapshot.round).toBe(2)
    const inside = { round: fenced(0, { lease: 'round' }) } as unknown as { round: RegisterField<number> }
    expect(() => map({ deep: inside })).toThrow(/fixed|inside a map/)
  })
})

describe('a resolved register', () => {
  it('[LE11] reads what its rule makes of concurrent writes, and one write alone as it is', () => {
    const [alice, bob, carol] = split()
    alice.clock.now += 5
    alice.change((s) => {
      s.best.set(3)
      s.worst.set(3)
      s.first.set('alice')
      s.joined.set('alice')
    })
    expect(alice.snapshot).toMatchObject({ best: 3, worst: 3, first: 'alice', joined: 'alice' })
    bob.change((s) => {
      s.best.set(8)
      s.worst.set(8)
      s.first.set('bob')
      s.joined.set('bob')
    })
    heal(alice, bob, carol)
    expect(carol.snapshot).toMatchObject({ best: 8, worst: 3, first: 'bob', joined: 'bob+alice' })
    carol.change((s) => {
      expect(s.joined.get()).toBe('bob+alice')
      expect(s.joined.concurrent()).toEqual(['bob', 'alice'])
      s.best.set(1)
    })
    heal(alice, bob, carol)
    expect(alice.snapshot.best).toBe(1)
  })

  it('[LE11] has its rule in its address: another rule at the same path is another field', () => {
    const [alice] = split()
    const other = openDocument(schema({ best: resolved(0, least()) }), alice.store)
    alice.change((s) => s.best.set(5))
    expect(other.snapshot.best).toBe(0)
  })

  it('[LE11] tells a conflict that its rule settled', () => {
    const [alice, bob] = split()
    alice.change((s) => s.joined.set('alice'))
    const heard: Conflict[] = []
    alice.store.subscribe(({ conflicts }) => heard.push(...conflicts))
    bob.change((s) => s.joined.set('bob'))
    give(alice, bob)
    expect(heard).toMatchObject([{ rule: 'resolver', winner: 'both', result: 'alice+bob' }])
  })

  it('[LE11] refuses a second rule under one name, and names of no use', () => {
    expect(() => resolver('joined', (texts: readonly string[]) => texts[0] ?? '')).toThrow(/defined already/)
    expect(() => resolver('', () => 1)).toThrow(/name/)
  })
})

describe('a remove-wins set', () => {
  it('[LE12] drops an element that one side deleted while another added it', () => {
    const [alice, bob, carol] = split((one) => one.change((s) => s.allowed.add('ada')))
    alice.change((s) => expect(s.allowed.delete('ada')).toBe(true))
    bob.clock.now += 60_000
    bob.change((s) => s.allowed.add('ada'))
    heal(alice, bob, carol)
    expect(carol.snapshot.allowed).toEqual([])
    // Whoever has seen the deletion may add again.
    carol.change((s) => {
      expect(s.allowed.has('ada')).toBe(false)
      expect(s.allowed.delete('ada')).toBe(false)
      s.allowed.add('ada')
      expect(s.allowed.size).toBe(1)
    })
    heal(alice, bob, carol)
    expect(alice.snapshot.allowed).toEqual(['ada'])
  })

  it('[LE12] is removed with the map entry around it as far as it was seen', () => {
    const [alice, bob] = split((one) => one.change((s) => s.players.get('ada').keys.add('gate')))
    alice.change((s) => {
      s.players.delete('ada')
      expect(s.players.has('ada')).toBe(false)
    })
    expect(alice.snapshot.players['ada']).toBeUndefined()
    bob.change((s) => s.players.get('ada').keys.add('cellar'))
    heal(alice, bob)
    expect(alice.snapshot.players['ada']?.keys).toEqual(['cellar'])
    bob.change((s) => s.players.get('ada').keys.delete('cellar'))
    // Its only element is gone, and with it the entry.
    heal(alice, bob)
    expect(alice.snapshot.players['ada']).toBeUndefined()
  })

  it('[LE12] tells and undoes a conflict of a delete and an add', () => {
    const [alice, bob] = split((one) => one.change((s) => s.allowed.add('ada')))
    alice.change((s) => s.allowed.delete('ada'))
    const heard: Conflict[] = []
    alice.store.subscribe(({ conflicts }) => heard.push(...conflicts))
    bob.change((s) => s.allowed.add('ada'))
    give(alice, bob)
    expect(heard).toMatchObject([
      { rule: 'remove-wins', winner: 'ours', element: 'ada', ours: { value: undefined }, theirs: { value: null } },
    ])
    reapply(alice.store, heard[0] as Conflict)
    expect(alice.snapshot.allowed).toEqual(['ada'])
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
    give(carol, bob)
    expect(carol.store.toJSON()).toEqual({ phase: { '@kind-200': 'future', '@register': 'x' } })
    expect(carol.store.digest()).toBe(bob.store.digest())
    expect(carol.snapshot.phase).toBe('x')
  })
})

function unknownKey(key: Key): Key {
  return new Key(key.path, 200)
}
