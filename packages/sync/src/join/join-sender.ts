/**
 * The answering side of a join from below the floor.
 *
 * Invariants
 * 1. Only whoever covers the version of the request answers by sketch: then what is live here from before that version is
 *    live there, too, and the sketch has nothing to say but what is gone.
 * 2. The sketch is of the state that the part was cut from: more symbols come from the set that was kept, or not at all.
 */
import {
  type Bundle,
  bundleSince,
  encodeBundle,
  hasCrossed,
  partOf,
  rowCount,
  rowsAfter,
  type Store,
  Sum64,
  Version,
} from '@rejoin/state'
import { symbolsFor } from '../sketch/difference-estimate.ts'
import { SketchEncoder } from '../sketch/sketch-encoder.ts'
import { symbolLimit } from '../sketch/symbol-mapping.ts'
import { DotHash } from './dot-hash.ts'
import {
  encodeJoin,
  encodeJoinSymbols,
  type JoinRequest,
  joinLimits,
  rangesOf,
  rowBytes,
  symbolBytes,
} from './join-codec.ts'

export class JoinSender {
  /** The join in bytes. */
  readonly bytes: Uint8Array
  readonly version: Version
  readonly #request: JoinRequest
  readonly #set: SketchEncoder
  /** What the whole state would take, about. */
  readonly #wholeBytes: number
  #continuations = 0

  private constructor(request: JoinRequest, version: Version, bytes: Uint8Array, set: SketchEncoder, whole: number) {
    this.#request = request
    this.version = version
    this.bytes = bytes
    this.#set = set
    this.#wholeBytes = whole
  }

  /**
   * Answers a request; undefined where the answer would take more than `share` of the whole state. `known` and `packs` as
   * for `encodeBundle`.
   */
  static answer(
    store: Store,
    request: JoinRequest,
    share: number,
    known?: Version,
    packs = false,
  ): JoinSender | undefined {
    // Invariant 1. Before an epoch the same dots may mean something else.
    if (!store.version.covers(request.version) || !hasCrossed(store, request.version)) return undefined
    const whole = bundleSince(store, Version.empty)
    const isAfter = rowsAfter(whole, request.version)
    const part = encodeBundle(partOf(whole, isAfter, request.version), known, packs)
    const rows = isAfter.reduce((sum, is) => sum + is, 0)
    const wholeBytes = part.length + (isAfter.length - rows) * (rows < fewRows ? rowBytes : part.length / rows)
    if (part.length > share * wholeBytes) return undefined

    const found = hashLive(whole, isAfter, request)
    const atMost = Math.max(0, request.items - found.set.size - found.olderElsewhere)
    // Where the part is large, some symbols more cost little beside it.
    const guess = Math.max(guessGone(request, found.sampled), fewGone + part.length / (8 * symbolBytes))
    const symbols = Math.min(symbolLimit, symbolsFor(Math.min(atMost, guess)))
    if (part.length + symbols * symbolBytes > share * wholeBytes) return undefined
    const ranges = rangesOf((from, to) => found.set.symbols(from, to), 0, symbols)
    const join = { salt: request.salt, sum: found.sum, setSize: found.set.size, part, symbols: ranges }
    return new JoinSender(request, store.version, encodeJoin(join), found.set, wholeBytes)
  }

  /** How many items the set has that is kept for more symbols. */
  get items(): number {
    return this.#set.size
  }

  /** The bytes of `count` more symbols; undefined where the whole state is the better answer by now. */
  more(from: number, count: number): Uint8Array | undefined {
    this.#continuations += 1
    const to = from + count
    if (this.#continuations > joinLimits.continuations || to > symbolLimit) return undefined
    if (to * symbolBytes > this.#wholeBytes) return undefined
    const symbols = rangesOf((start, end) => this.#set.symbols(start, end), from, to)
    return encodeJoinSymbols({ salt: this.#request.salt, symbols })
  }
}

/** Below this many rows their mean size says little. */
const fewRows = 64
/** So many items may be gone without costing another round trip, also where the sample says that none is. */
const fewGone = 100

interface Live {
  /** What is live in rows that the part does not have. */
  readonly set: SketchEncoder
  readonly sum: Sum64
  /** Live items from before the request, in rows of the part. */
  readonly olderElsewhere: number
  /** How many addresses of the sample are not here any more. */
  readonly sampled: number
}

function hashLive(whole: Bundle, isAfter: Uint8Array, request: JoinRequest): Live {
  const { salt, version } = request
  const hash = new DotHash(salt)
  const set = new SketchEncoder(salt, rowCount(whole))
  const sum = new Sum64()
  const missing = new Set(request.sample)
  let olderElsewhere = 0
  hash.eachLive(whole, (row, author, seq, keyLo) => {
    missing.delete(keyLo)
    sum.add(hash)
    if (isAfter[row] === 0) set.add(hash.hi, hash.lo)
    else if (seq <= version.get(author)) olderElsewhere++
  })
  return { set, sum, olderElsewhere, sampled: missing.size }
}

/** How many items of the requester are probably gone, with some to spare: too few cost another round trip. */
function guessGone({ keys, sample }: JoinRequest, gone: number): number {
  if (sample.length === 0) return 0
  const margin = keys > sample.length ? 1.7 * Math.sqrt(gone + 1) : 0
  return Math.ceil(((gone + margin) * keys) / sample.length)
}
