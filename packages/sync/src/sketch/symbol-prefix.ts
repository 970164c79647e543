import { CodedSymbols } from './coded-symbols.ts'
import { nextSymbol, symbolLimit } from './symbol-mapping.ts'

/**
 * Items, and the coded symbols of them as far as anybody asked.
 *
 * Each item keeps the index of the next symbol that it will be part of, so that no symbol is made twice. The paper keeps
 * those cursors in a heap; here a pass over all of them makes a stretch of symbols that grows with the length of the
 * prefix. A pass reads 4 bytes per item in order, which is cheaper than the jumps of a heap or of linked buckets, and as
 * stretches grow, n symbols take O(log n) passes.
 *
 * An item is part of about 2 ln(n / 2) of the first n symbols. Memory: 20 bytes per item and per symbol.
 */
export class SymbolPrefix {
  /** Per item: its high and low lane, its check's high and low lane. */
  #lanes: Uint32Array
  #cursors: Uint32Array
  #size = 0
  #symbols = new CodedSymbols(0)

  constructor(capacity = 16) {
    this.#lanes = new Uint32Array(capacity * 4)
    this.#cursors = new Uint32Array(capacity)
  }

  /** How many items were added. */
  get size(): number {
    return this.#size
  }

  /** The symbols made so far; at least as many as the last `extend` asked for. */
  get symbols(): CodedSymbols {
    return this.#symbols
  }

  /** One of the four lanes of the item that was added as number `position`. */
  lane(position: number, lane: number): number {
    return this.#lanes[position * 4 + lane] as number
  }

  /** Adds an item to the symbols from `cursor` on, which must be an index that the item maps to. */
  add(hi: number, lo: number, checkHi: number, checkLo: number, cursor: number): void {
    if (this.#size === this.#cursors.length) this.#grow()
    const at = this.#size * 4
    this.#lanes[at] = hi
    this.#lanes[at + 1] = lo
    this.#lanes[at + 2] = checkHi
    this.#lanes[at + 3] = checkLo
    this.#cursors[this.#size] = cursor
    this.#size++
    if (cursor < this.#symbols.length) this.#advance(this.#size - 1, this.#symbols.length)
  }

  /** Makes the symbols below `to`, and some more so that asking for one after another stays cheap. */
  extend(to: number): void {
    const made = this.#symbols.length
    if (to <= made) return
    const length = Math.min(symbolLimit, Math.max(to, made + (made >>> 1), LEAST))
    this.#symbols = this.#symbols.copy(0, made, length)
    for (let position = 0; position < this.#size; position++) {
      if ((this.#cursors[position] as number) < length) this.#advance(position, length)
    }
  }

  /** Adds an item to the symbols from its cursor on and below `to`. */
  #advance(position: number, to: number): void {
    const symbols = this.#symbols
    const lanes = this.#lanes
    const at = position * 4
    const hi = lanes[at] as number
    const lo = lanes[at + 1] as number
    const checkHi = lanes[at + 2] as number
    const checkLo = lanes[at + 3] as number
    let cursor = this.#cursors[position] as number
    while (cursor < to) {
      symbols.add(cursor, hi, lo, checkHi, checkLo, 1)
      cursor = nextSymbol(checkHi, checkLo, cursor)
    }
    this.#cursors[position] = cursor
  }

  #grow(): void {
    const capacity = Math.max(16, this.#size * 2)
    const lanes = new Uint32Array(capacity * 4)
    lanes.set(this.#lanes)
    this.#lanes = lanes
    const cursors = new Uint32Array(capacity)
    cursors.set(this.#cursors)
    this.#cursors = cursors
  }
}

/** The first stretch. */
const LEAST = 64
