/** A 64-bit item and its 64-bit check, as four unsigned lanes of 32 bits. */
export interface CheckedItem {
  readonly hi: number
  readonly lo: number
  readonly checkHi: number
  readonly checkLo: number
}

/**
 * A row of coded symbols. Each is a sum over the items that map to it: their xor, the xor of their checks, and how many
 * they are. So the difference of the symbols of two sets is the symbol of what only one of them has.
 *
 * 20 bytes per symbol.
 */
export class CodedSymbols {
  readonly length: number
  /** Per symbol: the item's high and low lane, the check's high and low lane. */
  readonly #lanes: Uint32Array
  readonly #counts: Int32Array

  constructor(length: number) {
    this.length = length
    this.#lanes = new Uint32Array(length * 4)
    this.#counts = new Int32Array(length)
  }

  /** The xor of the items of a symbol and of their checks. */
  sumAt(index: number): CheckedItem {
    return {
      hi: this.lane(index, 0),
      lo: this.lane(index, 1),
      checkHi: this.lane(index, 2),
      checkLo: this.lane(index, 3),
    }
  }

  /** One of the four lanes: 0 and 1 of the items, 2 and 3 of the checks; high lanes first. */
  lane(index: number, lane: number): number {
    return this.#lanes[index * 4 + lane] as number
  }

  /** How many items a symbol has; negative in a difference where more are missing than present. */
  countAt(index: number): number {
    return this.#counts[index] as number
  }

  /** Whether nothing is left in a symbol. Items that cancel each other do not make it so: their checks do not. */
  isEmpty(index: number): boolean {
    const at = index * 4
    const lanes = this.#lanes
    if (this.#counts[index] !== 0 || lanes[at] !== 0 || lanes[at + 1] !== 0) return false
    return lanes[at + 2] === 0 && lanes[at + 3] === 0
  }

  /** Adds (`sign` 1) or takes away (`sign` -1) an item, or a whole symbol with its count as `sign`. */
  add(index: number, hi: number, lo: number, checkHi: number, checkLo: number, sign: number): void {
    const lanes = this.#lanes
    const at = index * 4
    lanes[at] = (lanes[at] as number) ^ hi
    lanes[at + 1] = (lanes[at + 1] as number) ^ lo
    lanes[at + 2] = (lanes[at + 2] as number) ^ checkHi
    lanes[at + 3] = (lanes[at + 3] as number) ^ checkLo
    this.#counts[index] = (this.#counts[index] as number) + sign
  }

  /** Adds or takes away the symbol at `from` of other symbols. */
  addSymbol(index: number, other: CodedSymbols, from: number, sign: 1 | -1): void {
    const lanes = other.#lanes
    const at = from * 4
    this.add(
      index,
      lanes[at] as number,
      lanes[at + 1] as number,
      lanes[at + 2] as number,
      lanes[at + 3] as number,
      sign * (other.#counts[from] as number),
    )
  }

  /** A copy of the symbols `from` .. `to` - 1, in `length` places with empty ones behind. */
  copy(from: number, to: number, length: number = to - from): CodedSymbols {
    const copy = new CodedSymbols(length)
    copy.#lanes.set(this.#lanes.subarray(from * 4, to * 4))
    copy.#counts.set(this.#counts.subarray(from, to))
    return copy
  }
}

/** A stretch of the coded symbols of one set, as it travels: those of index `from` onwards. */
export interface SymbolRange {
  readonly from: number
  /** How many items the set has. */
  readonly setSize: number
  readonly symbols: CodedSymbols
}
