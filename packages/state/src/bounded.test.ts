import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AuthorId,
  bounded,
  type Change,
  createStore,
  decodeChanges,
  encodeChanges,
  encodeSnapshot,
  loadSnapshot,
  map,
  openDocument,
  type RegisterField,
  type Rights,
  schema,
} from './index.ts'
import { pull } from './replicas.test-helper.ts'

const Raid = schema({ potions: bounded({ initial: 10 }), seats: bounded({ initial: 2, min: 1, max: 5 }) })

function replica(name: string, isAnchor = false) {
  let openings = 0
  const store = createStore({
    newAuthor: () => (name.repeat(15) + (openings++).toString(16)) as AuthorId,
    now: () => 1_700_000_000_000,
    authority: { grantRights: () => isAnchor },
  })
  return openDocument(Raid, store)
}

type Replica = ReturnType<typeof replica>

function heal(...replicas: Replica[]): void {
  for (const _ of replicas) for (const to of replicas) for (const from of replicas) pull(to, from)
}

function authorOf(one: Replica): AuthorId {
  one.change((s) => s.potions.ask({}))
  return one.store.author as AuthorId
}

function rights(one: Replica): Rights {
  let held: Rights = { spend: 0, room: 0 }
  one.change((s) => {
    held = { spend: s.seats.spendable(), room: s.seats.room() }
  })
  return held
}

/** An anchor that has granted everything, and two replicas that know of it. */
function raid(): [Replica, Replica, Replica] {
  const anchor = replica('a', true)
  const [bob, carol] = [replica('b'), replica('c')]
  anchor.change((s) => {
    s.potions.grant()
    s.seats.grant()
  })
  heal(anchor, bob, carol)
  return [anchor, bob, carol]
}

const refused = (code: string) => expect.objectContaining({ code })

describe('a bounded counter', () => {
  it('[LE15] has no rights before the anchor granted them, and is granted once, by the anchor only', () => {
    const [anchor, bob] = [replica('a', true), replica('b')]
    expect(bob.snapshot.potions).toBe(10)
    expect(() => bob.change((s) => s.potions.subtract(1))).toThrow(refused('rights-insufficient'))
    expect(() => bob.change((s) => s.potions.grant())).toThrow(refused('rights-refused'))
    expect(bob.store.version.size).toBe(0)
    anchor.change((s) => s.potions.grant())
    expect(() => anchor.change((s) => s.potions.grant())).toThrow(/granted already/)
    pull(bob, anchor)
    expect(() => bob.change((s) => s.potions.subtract(1))).toThrow(refused('rights-insufficient'))
    anchor.change((s) => s.potions.subtract(4))
    expect(anchor.snapshot.potions).toBe(6)
  })

  it('[LE14] counts what is taken as room and what is added as something to take', () => {
    const [anchor] = raid()
    expect(rights(anchor)).toEqual({ spend: 1, room: 3 })
    anchor.change((s) => {
      s.seats.add(3)
      expect(s.seats.get()).toBe(5)
      expect(s.seats.spendable()).toBe(4)
      expect(() => s.seats.add(1)).toThrow(refused('rights-insufficient'))
      s.seats.subtract(4)
    })
    expect(rights(anchor)).toEqual({ spend: 0, room: 4 })
    expect(anchor.snapshot.seats).toBe(1)
    anchor.change((s) => expect(s.potions.room()).toBe(Number.POSITIVE_INFINITY))
    anchor.change((s) => s.potions.add(1_000))
    expect(anchor.snapshot.potions).toBe(1_010)
  })

  it('[LE14] never lets two sides of a split spend the same', () => {
    const [anchor, bob, carol] = raid()
    const bobs = authorOf(bob)
    anchor.change((s) => s.potions.give(bobs, { spend: 6 }))
    // The gift is on its way: gone here, not yet there.
    anchor.change((s) => {
      expect(s.potions.spendable()).toBe(4)
      expect(() => s.potions.subtract(5)).toThrow(refused('rights-insufficient'))
    })
    bob.change((s) => expect(s.potions.spendable()).toBe(0))
    pull(bob, anchor)
    anchor.change((s) => s.potions.subtract(4))
    bob.change((s) => s.potions.subtract(6))
    heal(anchor, bob, carol)
    expect(carol.snapshot.potions).toBe(0)
    for (const one of [anchor, bob, carol]) {
      one.change((s) => expect(s.potions.spendable()).toBe(0))
      expect(() => one.change((s) => s.potions.subtract(1))).toThrow(refused('rights-insufficient'))
    }
  })

  it('[LE15] leaves a restored copy without rights', () => {
    const [anchor, bob] = raid()
    const bobs = authorOf(bob)
    anchor.change((s) => s.potions.give(bobs, { spend: 6 }))
    pull(bob, anchor)
    const backup = encodeSnapshot(bob.store)
    bob.change((s) => s.potions.subtract(6))
    const restored = replica('d')
    loadSnapshot(restored.store, backup)
    expect(restored.snapshot.potions).toBe(10)
    expect(() => restored.change((s) => s.potions.subtract(1))).toThrow(refused('rights-insufficient'))
    heal(anchor, bob, restored)
    expect(restored.snapshot.potions).toBe(4)
  })

  it('[LE15] hands over the rights of an author that has ended, once', () => {
    const [anchor, bob, carol] = raid()
    const bobs = authorOf(bob)
    anchor.change((s) => s.potions.give(bobs, { spend: 6 }))
    pull(bob, anchor)
    bob.change((s) => s.potions.subtract(2))
    pull(anchor, bob)
    expect(() => anchor.change((s) => s.potions.takeOver(bobs))).toThrow(refused('rights-refused'))
    bob.change((s) => {
      s.potions.subtract(1)
      s.potions.end()
      expect(s.potions.spendable()).toBe(0)
    })
    expect(() => bob.change((s) => s.potions.subtract(1))).toThrow(refused('rights-insufficient'))
    expect(() => bob.change((s) => s.potions.ask({ spend: 1 }))).toThrow(/last word/)
    pull(anchor, bob)
    expect(() => carol.change((s) => s.potions.takeOver(bobs))).toThrow(refused('rights-refused'))
    let taken: Rights | undefined
    anchor.change((s) => {
      taken = s.potions.takeOver(bobs)
      expect(s.potions.spendable()).toBe(7)
    })
    expect(taken).toEqual({ spend: 3, room: 0 })
    expect(() => anchor.change((s) => s.potions.takeOver(bobs))).toThrow(refused('rights-refused'))
    heal(anchor, bob, carol)
    expect(carol.snapshot.potions).toBe(7)
  })

  it('[LE15] tells what was asked for until it is given', () => {
    const [anchor, bob] = raid()
    bob.change((s) => s.potions.ask({ spend: 5 }))
    bob.change((s) => {
      s.potions.ask({ spend: 1 })
      expect(s.potions.asked()).toEqual({ spend: 6, room: 0 })
    })
    anchor.change((s) => s.potions.give(bob.store.author as AuthorId, { spend: 5 }))
    pull(bob, anchor)
    bob.change((s) => expect(s.potions.asked()).toEqual({ spend: 1, room: 0 }))
  })

  it('[LE15] refuses amounts, bounds and places that no bound could be kept with', () => {
    const [anchor] = raid()
    for (const amount of [-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER + 1]) {
      expect(() => anchor.change((s) => s.potions.subtract(amount))).toThrow(refused('invalid-value'))
    }
    expect(anchor.snapshot.potions).toBe(10)
    for (const options of [{ initial: -1 }, { min: 3, max: 2 }, { initial: 9, max: 5 }, { initial: 0.5 }]) {
      expect(() => bounded(options)).toThrow(refused('invalid-schema'))
    }
    const inside = { potions: bounded() } as unknown as { potions: RegisterField<number> }
    expect(() => map(inside)).toThrow(/inside a map/)
  })

  it("[LE15] refuses writes to another author's part and values of another form", () => {
    const [anchor, bob] = raid()
    const change = anchor.change((s) => s.potions.subtract(1)) as Change
    const bad = [
      [-1, 0, [0, 0], {}, null, false],
      [0, 0, [0, 0], { x: [1, 1] }, null, false],
      [0, 0, [0, 0], {}, [0, 1, 0], false],
      [0, 0, [0], {}, null, false],
      [0, 0, [0, 0], {}, null, 1],
      7,
      null,
    ]
    for (const value of bad) {
      const ops = change.ops.map(({ key }) => ({ type: 'put' as const, key, value }))
      const bytes = encodeChanges([{ ...change, ops }])
      const decoded = decodeChanges(bytes)
      if (!decoded.ok) throw new Error('not decoded')
      expect(decoded.value.map((one) => bob.store.applyChange(one))).toEqual(['invalid'])
    }
    const removal: Change = { ...change, ops: change.ops.map(({ key }) => ({ type: 'remove', key })) }
    expect(bob.store.applyChange(removal)).toBe('invalid')
    const foreign = { ...change, ops: change.ops, author: '9'.repeat(16) as AuthorId, seq: 1 }
    expect(bob.store.applyChange(foreign)).toBe('invalid')
    expect(bob.store.applyChange(change)).toBe('applied')
  })

  it('[LE14] keeps its bounds whatever anybody does in whatever order it arrives', () => {
    const act = fc.record({
      who: fc.nat(2),
      do: fc.constantFrom('subtract', 'add', 'give', 'pull', 'renew', 'end', 'takeOver'),
      amount: fc.nat(4),
      other: fc.nat(2),
    })
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const replicas = raid()
        const authors = replicas.map(authorOf)
        for (const { who, do: what, amount, other } of acts) {
          const one = replicas[who] as Replica
          const to = authors[other] as AuthorId
          try {
            if (what === 'pull') pull(one, replicas[other] as Replica)
            else if (what === 'renew') {
              one.store.renewAuthor()
              authors[who] = authorOf(one)
            } else
              one.change(({ seats }) => {
                if (what === 'subtract') seats.subtract(amount)
                else if (what === 'add') seats.add(amount)
                else if (what === 'give') seats.give(to, { spend: amount, room: amount % 2 })
                else if (what === 'end') seats.end()
                else seats.takeOver(to)
              })
          } catch (error) {
            expect((error as { code: string }).code).toMatch(/^rights-/)
          }
          for (const { snapshot } of replicas) {
            expect(snapshot.seats).toBeGreaterThanOrEqual(1)
            expect(snapshot.seats).toBeLessThanOrEqual(5)
          }
        }
        heal(...replicas)
        expect(new Set(replicas.map(({ snapshot }) => snapshot.seats)).size).toBe(1)
      }),
      { numRuns: 200 },
    )
  })
})
