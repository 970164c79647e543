// Leaves in which something other than the clock decides among concurrent writes.

import { describe, expect, it } from 'vitest'
import {
  type AuthorId,
  type Change,
  type ChangeOptions,
  type Conflict,
  createStore,
  fenced,
  leafKinds,
  least,
  map,
  openDocument,
  type RegisterField,
  ranked,
  reapply,
  resolved,
  resolver,
  schema,
  Version,
} from './index.ts'
import { heal, split } from './leaves.test-helper.ts'
import { pull } from './replicas.test-helper.ts'
import { bundleSince } from './since.ts'

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
    pull(alice, bob)
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
    expect(bundleSince(alice.store, Version.empty).rows.flatMap((row) => row.items.map((item) => item.value))).toEqual([
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
    const refused = (reason: string, given: string[]) =>
      expect.objectContaining({
        code: 'fencing-token-required',
        reason,
        details: { lease: 'round', path: 'round', given },
      })
    const start = 'The fenced field "round" was written without the token of its lease "round"; '
    expect(write({})).toThrow(refused(`${start}none was given.`, []))
    expect(write({ token: { lease: 'other', epoch: 1, ballot: 1 } })).toThrow(
      refused(`${start}given was that of "other".`, ['other']),
    )
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
    pull(bob, alice)
    // A writer that ignores the refusal: same context, lower token.
    const rogue = bob.store.transact((transaction) => {
      const { tree } = bob.store
      transaction.put(tree.entry(tree.node(['round']), leafKinds.fenced, 'round'), [1, 6, 666])
    })
    if (rogue === undefined) throw new Error('nothing written')
    expect(alice.store.applyChange(rogue)).toBe('applied')
    expect(alice.snapshot.round).toBe(2)
    pull(carol, alice)
    expect(carol.snapshot.round).toBe(2)
    carol.change((s) => s.round.set(4), token(7))
    pull(alice, carol)
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
    pull(alice, bob)
    expect(heard).toMatchObject([{ rule: 'resolver', winner: 'both', result: 'alice+bob' }])
  })

  it('[LE11] reads the newest where its rule throws or gives what cannot be stored, and merges all the same', () => {
    const broken = resolver('broken', (texts: readonly string[]) => {
      if (texts.includes('bad')) throw new Error('a mistake of the app')
      return undefined as unknown as string
    })
    const Card = schema({ title: resolved('', broken) })
    for (const text of ['bad', 'good']) {
      const clock = { now: 1 }
      const open = (id: string) =>
        openDocument(Card, createStore({ newAuthor: () => id.repeat(16) as AuthorId, now: () => clock.now }))
      const [ann, ben] = [open('a'), open('b')]
      const change = ann.change((s) => s.title.set(text)) as Change
      clock.now = 2
      ben.change((s) => s.title.set('newest'))
      expect(ben.store.applyChange(change)).toBe('applied')
      expect(ben.snapshot.title).toBe('newest')
      expect(ben.store.version.size).toBe(2)
    }
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
    pull(alice, bob)
    expect(heard).toMatchObject([
      { rule: 'remove-wins', winner: 'ours', element: 'ada', ours: { value: undefined }, theirs: { value: null } },
    ])
    reapply(alice.store, heard[0] as Conflict)
    expect(alice.snapshot.allowed).toEqual(['ada'])
  })
})
