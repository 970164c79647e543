import {
  applyBundle,
  authorIdFromBytes,
  bundleSince,
  createStore,
  digestOf,
  encodeBundle,
  freeRemovals,
  Key,
  leafKinds,
  type Store,
  Version,
} from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { SketchEncoder } from '../sketch/sketch-encoder.ts'
import { seededRandom } from '../world.test-helper.ts'
import { DotHash } from './dot-hash.ts'
import { decodeJoin, decodeJoinSymbols, encodeJoin, encodeJoinSymbols, type Join, rangesOf } from './join-codec.ts'
import { JoinReceiver } from './join-receiver.ts'
import { JoinSender } from './join-sender.ts'

const salt = { hi: 0x5eed, lo: 0xbeef }
let authors = 0

function newStore(): Store {
  return createStore({
    newAuthor: () => authorIdFromBytes(Uint8Array.of(1, 1, 1, 1, 1, 1, 1, ++authors)),
    now: () => 0,
  })
}

function write(store: Store, name: string, value: number | undefined): void {
  store.transact((transaction) => {
    const entry = store.tree.entry(store.tree.node(['cells', name]), leafKinds.register, '')
    if (value === undefined) transaction.remove(entry)
    else transaction.put(entry, value)
  })
}

/** Two stores: one is below the floor of the other, which has written 20 of 300 keys and removed 10. */
function pair(): { sender: Store; receiver: Store } {
  const sender = newStore()
  for (let i = 0; i < 300; i++) write(sender, `cell ${i}`, i)
  const receiver = newStore()
  applyBundle(receiver, bundleSince(sender, Version.empty))
  for (let i = 0; i < 20; i++) write(sender, `cell ${i}`, -i)
  for (let i = 20; i < 30; i++) write(sender, `cell ${i}`, undefined)
  freeRemovals(sender, sender.version)
  return { sender, receiver }
}

function answered(): { sender: Store; receiver: Store; asking: JoinReceiver; bytes: Uint8Array; join: Join } {
  const { sender, receiver } = pair()
  const asking = new JoinReceiver()
  const bytes = JoinSender.answer(sender, asking.ask(receiver, salt), 1)?.bytes ?? new Uint8Array(0)
  const join = decodeJoin(bytes)
  if (!join.ok) throw new Error(join.error.message)
  return { sender, receiver, asking, bytes, join: join.value }
}

describe('a join whose sender lies', () => {
  it('[JO4] is exact where it does not', () => {
    const { sender, receiver, asking, join } = answered()
    const joined = asking.take(join, receiver)
    if (joined.kind !== 'whole') throw new Error(joined.kind)
    expect(applyBundle(receiver, joined.bundle)).toBe('applied')
    expect(digestOf(receiver)).toBe(digestOf(sender))
    expect(receiver.floor.equals(sender.floor)).toBe(true)
  })

  it('[JO4] comes to nothing with any bit of its symbols, its sum or its size turned', () => {
    const rounds = process.env['FULL_SIZES'] === '1' ? 2_000 : 500
    const { receiver, bytes, join } = answered()
    const random = seededRandom(5)
    const part = encodeBundle(join.part).length
    const outcomes = new Map<string, number>()
    for (let round = 0; round < rounds; round++) {
      const damaged = bytes.slice()
      // Past salt and format: the sum and the sizes before the part, or the symbols after it.
      const places = damaged.length - part - 10
      const place = 10 + Math.floor(random.float() * places)
      const index = place < 22 ? place : place + part
      damaged[index] = (damaged[index] as number) ^ (1 << Math.floor(random.float() * 8))
      const read = decodeJoin(damaged)
      const outcome = read.ok ? new JoinReceiver().take(read.value, receiver).kind : 'refused'
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    expect(outcomes.get('whole')).toBeUndefined()
    expect(outcomes.get('failed')).toBeGreaterThan(rounds / 20)
    expect(outcomes.get('refused')).toBeGreaterThan(0)
  })

  it('[JO4] comes to nothing where its sketch is of another set than its sum', () => {
    const { receiver, join, asking } = answered()
    const hash = new DotHash(salt)
    const set = new SketchEncoder(salt)
    for (const { key, items } of bundleSince(receiver, Version.empty).rows) {
      const { hi, lo } = hash.key(key)
      for (const { author, seq } of items) if (seq > 40) set.add(hash.dot(hi, lo, author, seq).hi, hash.lo)
    }
    const symbols = rangesOf((from, to) => set.symbols(from, to), 0, 200)
    expect(asking.take({ ...join, setSize: set.size, symbols }, receiver)).toEqual({
      kind: 'failed',
      reason: 'the sums differ',
    })
  })

  it('[JO4] comes to nothing where it names more than there can be', () => {
    const { receiver, join, asking } = answered()
    const joined = asking.take({ ...join, setSize: 5_000, symbols: [] }, receiver)
    expect(joined).toMatchObject({ kind: 'failed' })
  })

  it('[JO4] is not asked for more symbols than the whole state is worth, nor for ever', () => {
    const { receiver, join } = answered()
    const asking = new JoinReceiver()
    asking.ask(receiver, salt)
    let joined = asking.take({ ...join, symbols: [] }, receiver)
    let rounds = 0
    for (; joined.kind === 'more' && rounds < 100; rounds++) joined = asking.more({ salt, symbols: [] })
    expect(joined).toMatchObject({ kind: 'failed' })
    expect(rounds).toBe(4)
    expect(new JoinReceiver().take({ ...join, setSize: 0, symbols: [] }, receiver)).toMatchObject({ kind: 'failed' })
  })

  it('[JO7] is asked for anew where this side has written since and forgot its question', () => {
    const { sender, receiver, asking, join } = answered()
    const forgetful = new JoinReceiver()
    write(receiver, 'cell 250', 7)
    expect(forgetful.take(join, receiver)).toEqual({ kind: 'stale' })
    // Who remembers is none the worse for it.
    const joined = asking.take(join, receiver)
    if (joined.kind !== 'whole') throw new Error(joined.kind)
    applyBundle(receiver, joined.bundle)
    applyBundle(sender, bundleSince(receiver, sender.version))
    expect(digestOf(receiver)).toBe(digestOf(sender))
  })

  it('[JO4] more symbols of a join that was never begun are turned away', () => {
    expect(new JoinReceiver().more({ salt, symbols: [] })).toEqual({ kind: 'stale' })
  })
})

describe('hashes of a join', () => {
  it('[JO5] are others under another salt, from the names on', () => {
    const author = authorIdFromBytes(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
    const hashes = new Set<string>()
    const keys = [['a', 'bc'], ['ab', 'c'], ['a', 'b', 'c'], ['abc'], ['a', 'bd'], []].map(
      (path) => new Key(path, leafKinds.register),
    )
    keys.push(new Key(['a', 'bc'], leafKinds.set, 'x'), new Key(['a', 'bc'], leafKinds.set, 'y'))
    for (const other of [salt, { hi: salt.hi, lo: salt.lo + 1 }]) {
      const hash = new DotHash(other)
      for (const key of keys) {
        const { hi, lo } = hash.key(key)
        hashes.add(`${hi} ${lo}`)
        for (const seq of [1, 2]) hashes.add(`${hash.dot(hi, lo, author, seq).hi} ${hash.lo}`)
      }
    }
    expect(hashes.size).toBe(2 * keys.length * 3)
  })

  it('[JO5] are equal for equal addresses, whichever way their keys were made', () => {
    const { sender } = pair()
    const hash = new DotHash(salt)
    for (const { key } of bundleSince(sender, Version.empty).rows) {
      const { hi, lo } = hash.key(key)
      const same = new DotHash(salt).key(new Key(key.path, key.kind, key.member))
      expect([same.hi, same.lo]).toEqual([hi, lo])
    }
  })
})

describe('the codec of joins', () => {
  it('[JO8] brings joins and symbols back', () => {
    const { bytes, join } = answered()
    expect(encodeJoin({ ...join, part: encodeBundle(join.part) })).toEqual(bytes)
    const more = encodeJoinSymbols({ salt, symbols: join.symbols })
    const read = decodeJoinSymbols(more)
    expect(read.ok && encodeJoinSymbols(read.value)).toEqual(more)
  })

  it('[JO8] answers any bytes with a join or a plain error, and what is decoded harms nobody', () => {
    const { sender, receiver, bytes } = answered()
    const random = seededRandom(6)
    for (let round = 0; round < 1_000; round++) {
      const damaged = bytes.slice(0, random.float() < 0.2 ? Math.floor(random.float() * bytes.length) : bytes.length)
      for (let flips = 1 + Math.floor(random.float() * 3); flips > 0; flips--) {
        damaged[Math.floor(random.float() * damaged.length)] = Math.floor(random.float() * 256)
      }
      decodeJoinSymbols(damaged)
      const read = decodeJoin(damaged)
      if (!read.ok) continue
      const joined = new JoinReceiver().take(read.value, receiver)
      if (joined.kind !== 'whole') continue
      const copy = newStore()
      applyBundle(copy, bundleSince(receiver, Version.empty))
      const before = digestOf(copy)
      if (applyBundle(copy, joined.bundle) === 'invalid') expect(digestOf(copy)).toBe(before)
      bundleSince(copy, Version.empty)
    }
    expect(receiver.version.covers(sender.version)).toBe(false)
  })
})
