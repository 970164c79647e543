/**
 * The asking side of a join from below the floor: finds out which of its items the sender no longer has.
 *
 * Invariants
 * 1. What comes of a join is the whole state of its sender, or nothing: it is merged as any full bundle is, under the same
 *    checks, and kept as such, so that it holds beside whatever else is on the disk.
 * 2. It is that of the sender only if the sums of all live dots agree. A sketch that was tampered with, or whose items hide
 *    each other, ends in asking for the whole state.
 * 3. The work is bounded by the own state and by the bytes that came: a sender cannot make this side look for more
 *    differences than it has items.
 */
import {
  type Bundle,
  bundleSince,
  type Hash64,
  rowCount,
  type Store,
  Sum64,
  Version,
  visitRows,
  wholeFrom,
} from '@rejoin/state'
import type { SymbolRange } from '../sketch/coded-symbols.ts'
import { symbolsFor } from '../sketch/difference-estimate.ts'
import { SketchDecoder } from '../sketch/sketch-decoder.ts'
import { SketchEncoder } from '../sketch/sketch-encoder.ts'
import { DotHash } from './dot-hash.ts'
import { type Join, type JoinRequest, type JoinSymbols, joinLimits, rowBytes, symbolBytes } from './join-codec.ts'

/** What a join, or more of it, came to. */
export type Joined =
  | { readonly kind: 'whole'; readonly bundle: Bundle }
  /** More symbols are needed. */
  | { readonly kind: 'more'; readonly from: number; readonly count: number }
  /** This side has gone on since, or asked for nothing of the kind: ask for what is missing anew. */
  | { readonly kind: 'stale' }
  /** Nothing can come of it: ask for the whole state. */
  | { readonly kind: 'failed'; readonly reason: string }

/** The own state as it was when a join was asked for. */
interface Held {
  readonly salt: Hash64
  readonly version: Version
  readonly state: Bundle
  /** Hashes of the addresses of its rows, two lanes each, the high one first. */
  readonly hashes: Uint32Array
  /** Live items in it. */
  readonly items: number
}

interface Pending {
  readonly join: Join
  readonly held: Held
  readonly isReplaced: Uint8Array
  readonly decoder: SketchDecoder
  readonly set: SketchEncoder
  /** Of all that is live in the part and in the set. */
  readonly sum: Sum64
  readonly differences: number
  continuations: number
}

export class JoinReceiver {
  #held: Held | undefined
  #pending: Pending | undefined

  /** Asks for a join of what `store` lacks. `salt` is 64 random bits. */
  ask(store: Store, salt: Hash64): JoinRequest {
    this.#pending = undefined
    const held = hold(store, salt)
    this.#held = held
    return {
      version: held.version,
      salt,
      items: held.items,
      keys: held.hashes.length / 2,
      sample: leastOf(held.hashes),
    }
  }

  /** Takes in an answer, also one to an earlier question whose transfer went on. */
  take(join: Join, store: Store): Joined {
    const asked = this.#held
    const isAnswer = asked !== undefined && asked.salt.hi === join.salt.hi && asked.salt.lo === join.salt.lo
    const held = isAnswer ? asked : hold(store, join.salt)
    this.reset()
    if (!join.part.version.covers(held.version) || !held.version.covers(join.part.base)) return { kind: 'stale' }
    const hash = new DotHash(join.salt)
    const sum = new Sum64()
    const isReplaced = replacedRows(held, join.part, hash, sum)
    const set = new SketchEncoder(join.salt, held.hashes.length / 2)
    eachHashed(held, hash, (row) => {
      if (isReplaced[row] === 1) return
      set.add(hash.hi, hash.lo)
      sum.add(hash)
    })
    // Invariant 1 of the sender: all that it has of these, this side has too.
    const differences = set.size - join.setSize
    if (differences < 0) return { kind: 'failed', reason: `${-differences} items too many` }
    const maxSymbols = 2 * symbolsFor(differences) + 64
    const decoder = new SketchDecoder(set, { maxSymbols })
    this.#pending = { join, held, isReplaced, decoder, set, sum, differences, continuations: 0 }
    return this.#receive(join.symbols)
  }

  /** Takes in more symbols. */
  more({ salt, symbols }: JoinSymbols): Joined {
    const known = this.#pending?.join.salt
    if (known === undefined || known.hi !== salt.hi || known.lo !== salt.lo) return { kind: 'stale' }
    return this.#receive(symbols)
  }

  /** Forgets what was asked for and what came of it. */
  reset(): void {
    this.#held = undefined
    this.#pending = undefined
  }

  #receive(ranges: readonly SymbolRange[]): Joined {
    const pending = this.#pending as Pending
    const { decoder } = pending
    for (const range of ranges) decoder.receive(range)
    const joined = decoder.state.status === 'reading' ? this.#ask(pending) : finish(pending)
    if (joined.kind !== 'more') this.reset()
    return joined
  }

  #ask(pending: Pending): Joined {
    const { decoder, differences, held } = pending
    const wanted = Math.max(symbolsFor(differences), Math.ceil(decoder.received * 1.15) + 8)
    if (pending.continuations === joinLimits.continuations) return { kind: 'failed', reason: 'too many continuations' }
    if (wanted * symbolBytes > (held.hashes.length / 2) * rowBytes + fewBytes) {
      return { kind: 'failed', reason: `${differences} differences cost more than the whole` }
    }
    pending.continuations += 1
    return { kind: 'more', from: decoder.received, count: wanted - decoder.received }
  }
}

/** A whole state of this size is not worth the question. */
const fewBytes = 2048

function finish({ join, held, isReplaced, decoder, set, sum }: Pending): Joined {
  const { state } = decoder
  if (state.status !== 'done') {
    return { kind: 'failed', reason: state.status === 'failed' ? state.reason : 'the decoder spent its budget' }
  }
  if (state.onlyThere.length > 0) return { kind: 'failed', reason: 'the sender has what was never sent' }
  const isGone = new Uint8Array(set.size)
  for (const position of state.onlyHere) {
    isGone[position] = 1
    sum.subtract(set.itemAt(position))
  }
  // Invariant 2.
  if (sum.hi !== join.sum.hi || sum.lo !== join.sum.lo) return { kind: 'failed', reason: 'the sums differ' }
  return { kind: 'whole', bundle: wholeFrom(held.state, join.part, isReplaced, isGone) }
}

function hold(store: Store, salt: Hash64): Held {
  const state = bundleSince(store, Version.empty)
  const hash = new DotHash(salt)
  const hashes = new Uint32Array(rowCount(state) * 2)
  let items = 0
  visitRows(state, {
    row: (row, key) => {
      hash.key(key)
      hashes[row * 2] = hash.hi
      hashes[row * 2 + 1] = hash.lo
    },
    item: () => items++,
  })
  return { salt, version: store.version, state, hashes, items }
}

/** Calls back for each live item with its hash in `hash`. */
function eachHashed({ state, hashes }: Held, hash: DotHash, visit: (row: number) => void): void {
  visitRows(state, {
    item: (row, author, seq) => {
      hash.dot(hashes[row * 2] as number, hashes[row * 2 + 1] as number, author, seq)
      visit(row)
    },
  })
}

/** Which rows the part has an address of, and the sum of what is live in the part. */
function replacedRows({ hashes }: Held, part: Bundle, hash: DotHash, sum: Sum64): Uint8Array {
  const named = new Float64Array(rowCount(part))
  hash.eachLive(
    part,
    () => sum.add(hash),
    (row) => {
      named[row] = numberOf(hash.hi, hash.lo)
    },
  )
  // Sorted, as a table of numbers that a peer chooses may be made slow.
  named.sort()
  const isReplaced = new Uint8Array(hashes.length / 2)
  for (let row = 0; row < isReplaced.length; row++) {
    // One hash for another would cost the join, by its sum, and nothing else.
    if (isAmong(named, numberOf(hashes[row * 2] as number, hashes[row * 2 + 1] as number))) isReplaced[row] = 1
  }
  return isReplaced
}

/** Whether a number is among sorted ones. */
function isAmong(sorted: Float64Array, number: number): boolean {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) < number) low = middle + 1
    else high = middle
  }
  return sorted[low] === number
}

/** 53 bits of a hash. */
function numberOf(hi: number, lo: number): number {
  return hi * 2 ** 21 + (lo >>> 11)
}

/** The low lanes of the hashes with the least high lanes: a sample that both sides can draw alike. */
function leastOf(hashes: Uint32Array): Uint32Array {
  const keys = hashes.length / 2
  const count = Math.min(joinLimits.sampleKeys, Math.ceil(keys / 32))
  if (count === 0) return new Uint32Array(0)
  const sorted = Uint32Array.from({ length: keys }, (_, row) => hashes[row * 2] as number).sort()
  const bound = sorted[count - 1] as number
  const sample: number[] = []
  for (let row = 0; row < keys && sample.length < count; row++) {
    if ((hashes[row * 2] as number) <= bound) sample.push(hashes[row * 2 + 1] as number)
  }
  return Uint32Array.from(sample)
}
