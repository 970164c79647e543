import type { Hash64 } from '@rejoin/state'

/**
 * A keyed hash of 32-bit words: HalfSipHash-2-4 with 64 bits of output (Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF", INDOCRYPT 2012, and its variant for 32-bit machines).
 *
 * Why keyed: whoever knows how items are hashed can choose items whose hashes are equal, and those hide each other in a
 * sketch. With a salt that is drawn at random for each connection nobody can choose them beforehand. So what names an
 * item (hashes of its key and value, author, seq) goes in word by word here; to salt an unkeyed hash afterwards leaves
 * equal hashes equal. The salt is no secret between the two ends: an end that cheats spoils its own exchange only.
 *
 * Reusable after `reset`; allocates nothing. About 0.1 microseconds for two words.
 */
export class SaltedHash implements Hash64 {
  /** The lanes, unsigned; they are the hash only after `finish`. */
  hi = 0
  lo = 0
  readonly #hi: number
  readonly #lo: number
  #v0 = 0
  #v1 = 0
  #v2 = 0
  #v3 = 0
  #words = 0

  /** @param salt 64 random bits, the same at both ends and new for each connection. */
  constructor(salt: Hash64) {
    this.#hi = salt.hi | 0
    this.#lo = salt.lo | 0
    this.reset()
  }

  reset(): this {
    this.#v0 = this.#lo
    this.#v1 = this.#hi ^ 0xee
    this.#v2 = this.#lo ^ 0x6c796765
    this.#v3 = this.#hi ^ 0x74656462
    this.#words = 0
    return this
  }

  /** Takes in the low 32 bits of a whole number. */
  word(value: number): this {
    this.#words++
    this.#v3 ^= value
    this.#mix(2)
    this.#v0 ^= value
    return this
  }

  /** Mixes to the end and leaves the hash in `hi` and `lo`. */
  finish(): this {
    // The last block holds the length in bytes, modulo 256, in its top byte.
    const length = this.#words << 26
    this.#v3 ^= length
    this.#mix(2)
    this.#v0 ^= length
    this.#v2 ^= 0xee
    this.#mix(4)
    this.lo = (this.#v1 ^ this.#v3) >>> 0
    this.#v1 ^= 0xdd
    this.#mix(4)
    this.hi = (this.#v1 ^ this.#v3) >>> 0
    return this
  }

  #mix(rounds: number): void {
    let v0 = this.#v0
    let v1 = this.#v1
    let v2 = this.#v2
    let v3 = this.#v3
    for (let round = 0; round < rounds; round++) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    this.#v0 = v0
    this.#v1 = v1
    this.#v2 = v2
    this.#v3 = v3
  }
}

/**
 * The hash that makes checks of items, under a key of its own that is derived from the salt: what is an item's hash
 * elsewhere says nothing about its check.
 */
export function checkHash(salt: Hash64): SaltedHash {
  return new SaltedHash(new SaltedHash(salt).word(CHECKS).finish())
}

/** Tells the key of checks from the salt itself. */
const CHECKS = 0x63686b73
