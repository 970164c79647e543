import { type Value, valueKind } from './plain-value.ts'

/**
 * 64-bit hashes as two unsigned 32-bit lanes. They tell apart and alarm; they prove nothing against an adversary.
 * Sums of hashes modulo 2^64 are digests that do not depend on order and can be kept up to date item by item.
 */
export interface Hash64 {
  readonly hi: number
  readonly lo: number
}

/**
 * Takes in words, numbers, strings and values one after another, and gives the hash of the whole sequence. Every bit
 * of the input bears on every bit of both lanes. Reusable after `reset`; allocates nothing but the final hash.
 */
export class Hasher implements Hash64 {
  /** The lanes; they are the hash only after `finish`. */
  hi: number = SEED_HI
  lo: number = SEED_LO
  private words = 0

  reset(): this {
    this.hi = SEED_HI
    this.lo = SEED_LO
    this.words = 0
    return this
  }

  /** Takes in the low 32 bits of a whole number. */
  word(value: number): this {
    let first = Math.imul(value, 0x239b961b)
    first = Math.imul((first << 15) | (first >>> 17), 0xab0e9789)
    let hi = this.hi ^ first
    hi = ((hi << 13) | (hi >>> 19)) + this.lo
    this.hi = (Math.imul(hi, 5) + 0x561ccd1b) | 0
    let second = Math.imul(value, 0xa1e38b93)
    second = Math.imul((second << 18) | (second >>> 14), 0x38b34ae5)
    let lo = this.lo ^ second
    lo = ((lo << 17) | (lo >>> 15)) + this.hi
    this.lo = (Math.imul(lo, 5) + 0x96cd1c35) | 0
    this.words++
    return this
  }

  /** Takes in a number: -0 and 0 differ, all NaN are one. */
  number(value: number): this {
    if (Number.isNaN(value)) return this.word(1).word(0x7ff80000)
    scratch.setFloat64(0, value, true)
    return this.word(scratch.getUint32(0, true)).word(scratch.getUint32(4, true))
  }

  /** Takes in a string with its length, so that 'ab', 'c' is not 'a', 'bc'. */
  string(text: string): this {
    const units = text.length
    this.word(units)
    for (let i = 0; i < units; i += 2) {
      this.word(text.charCodeAt(i) | ((i + 1 < units ? text.charCodeAt(i + 1) : 0) << 16))
    }
    return this
  }

  bytes(bytes: Uint8Array): this {
    this.word(bytes.length)
    for (const byte of bytes) this.word(byte)
    return this
  }

  /** Takes in a whole hash, finished before. */
  hash(hash: Hash64): this {
    return this.word(hash.hi).word(hash.lo)
  }

  /** Takes in a value; values that `valuesEqual` calls equal are taken in alike. */
  value(value: Value): this {
    const kind = valueKind(value)
    switch (kind) {
      case 'number':
        return this.word(NUMBER).number(value as number)
      case 'string':
        return this.word(STRING).string(value as string)
      case 'boolean':
        return this.word(value ? TRUE : FALSE)
      case 'bigint':
        return this.word(BIGINT).string(String(value))
      case 'bytes':
        return this.word(BYTES).bytes(value as Uint8Array)
      case 'date':
        return this.word(DATE).number((value as Date).getTime())
      case 'array':
        return this.items(value as readonly Value[])
      case 'object':
        return this.entries(value as Readonly<Record<string, Value>>)
      default:
        return this.word(NULL)
    }
  }

  /** Mixes to the end and leaves the hash in `hi` and `lo`. */
  finish(): this {
    let hi = this.hi ^ this.words
    let lo = this.lo ^ this.words
    hi = (hi + lo) | 0
    lo = (lo + hi) | 0
    hi = avalanche(hi)
    lo = avalanche(lo)
    hi = (hi + lo) | 0
    this.hi = hi >>> 0
    this.lo = (lo + hi) >>> 0
    return this
  }

  private items(value: readonly Value[]): this {
    this.word(ARRAY).word(value.length)
    for (const item of value) this.value(item)
    return this
  }

  /** A sum over the entries: their order in the object is no matter. */
  private entries(value: Readonly<Record<string, Value>>): this {
    const keys = Object.keys(value)
    const sum = new Sum64()
    const entry = new Hasher()
    for (const key of keys)
      sum.add(
        entry
          .reset()
          .string(key)
          .value(value[key] as Value)
          .finish(),
      )
    return this.word(OBJECT).word(keys.length).hash(sum)
  }
}

/** A sum of hashes modulo 2^64: adding and subtracting the same hash in any order leaves it as it was. */
export class Sum64 implements Hash64 {
  hi = 0
  lo = 0

  add(hash: Hash64): void {
    const lo = (this.lo + hash.lo) >>> 0
    this.hi = (this.hi + hash.hi + (lo < this.lo ? 1 : 0)) >>> 0
    this.lo = lo
  }

  subtract(hash: Hash64): void {
    const borrow = this.lo < hash.lo ? 1 : 0
    this.lo = (this.lo - hash.lo) >>> 0
    this.hi = (this.hi - hash.hi - borrow) >>> 0
  }

  /** 16 lowercase hex digits. */
  toString(): string {
    return toHex16(this.hi, this.lo)
  }
}

/** The hash of a string. */
export function hashString(text: string): Hash64 {
  return lanesOf(new Hasher().string(text))
}

/** The hash of a value: the same for equal values. */
export function hashValue(value: Value): Hash64 {
  return lanesOf(new Hasher().value(value))
}

/** The hash of a sequence of hashes; order matters. */
export function mix(...hashes: readonly Hash64[]): Hash64 {
  const hasher = new Hasher()
  for (const hash of hashes) hasher.hash(hash)
  return lanesOf(hasher)
}

/** Two lanes as 16 lowercase hex digits. */
export function toHex16(hi: number, lo: number): string {
  return (hi >>> 0).toString(16).padStart(8, '0') + (lo >>> 0).toString(16).padStart(8, '0')
}

const SEED_HI = 0x2545f491
const SEED_LO = 0x4f6cdd1d
const [NULL, FALSE, TRUE, NUMBER, STRING, BIGINT, BYTES, DATE, ARRAY, OBJECT] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const
const scratch = new DataView(new ArrayBuffer(8))

function lanesOf(hasher: Hasher): Hash64 {
  hasher.finish()
  return { hi: hasher.hi, lo: hasher.lo }
}

/** Each input bit flips each output bit with a probability near one half. */
function avalanche(value: number): number {
  let mixed = value ^ (value >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
