import { type AuthorId, type Bundle, type Hash64, type KeyParts, visitRows } from '@rejoin/state'
import { SaltedHash } from '../sketch/salted-hash.ts'

type Branch = NonNullable<KeyParts['branch']>

/**
 * Hashes of addresses and dots under the salt of one join. All that names an item goes through the keyed hash, names
 * included: whoever knew two addresses of one hash could write both with one dot, and those would hide each other.
 *
 * What addresses of one branch have in common is hashed once.
 */
export class DotHash implements Hash64 {
  /** Lanes of the last hash. */
  hi = 0
  lo = 0
  readonly #hash: SaltedHash
  readonly #branches = new Map<Branch, Hash64>()
  readonly #authors = new Map<AuthorId, Hash64>()
  #lastBranch: Branch | undefined
  #ofLastBranch: Hash64 = { hi: 0, lo: 0 }

  constructor(salt: Hash64) {
    this.#hash = new SaltedHash(salt)
  }

  /** The hash of an address. */
  key(key: KeyParts): this {
    const { branch } = key
    const above = branch === undefined ? noHash : this.#branch(branch)
    this.#hash.reset().word(above.hi).word(above.lo).word(key.kind)
    this.#text(key.name)
    this.#text(key.member)
    return this.#finish()
  }

  /** The hash of a dot at an address that has the hash `hi`, `lo`. */
  dot(hi: number, lo: number, author: AuthorId, seq: number): this {
    let id = this.#authors.get(author)
    if (id === undefined) {
      id = { hi: Number.parseInt(author.slice(0, 8), 16), lo: Number.parseInt(author.slice(8), 16) }
      this.#authors.set(author, id)
    }
    this.#hash.reset().word(hi).word(lo).word(id.hi).word(id.lo).word(seq)
    return this.#finish()
  }

  /**
   * Calls back for each row of a state with the hash of its address in here, and for each live item with its own, and with the
   * low lane of that of its address.
   */
  eachLive(
    state: Bundle,
    item: (row: number, author: AuthorId, seq: number, keyLo: number) => void,
    row?: (row: number) => void,
  ): void {
    let hi = 0
    let lo = 0
    visitRows(state, {
      row: (at, key) => {
        this.key(key)
        hi = this.hi
        lo = this.lo
        row?.(at)
      },
      item: (at, author, seq) => {
        this.dot(hi, lo, author, seq)
        item(at, author, seq, lo)
      },
    })
  }

  #finish(): this {
    const { hi, lo } = this.#hash.finish()
    this.hi = hi
    this.lo = lo
    return this
  }

  #branch(branch: Branch): Hash64 {
    if (branch === this.#lastBranch) return this.#ofLastBranch
    let known = this.#branches.get(branch)
    if (known === undefined) {
      const above = branch.above === undefined ? noHash : this.#branch(branch.above)
      this.#hash.reset().word(above.hi).word(above.lo)
      this.#text(branch.name)
      const { hi, lo } = this.#hash.finish()
      known = { hi, lo }
      this.#branches.set(branch, known)
    }
    this.#lastBranch = branch
    this.#ofLastBranch = known
    return known
  }

  /** Two characters to a word, after their number. */
  #text(text: string): void {
    const { length } = text
    this.#hash.word(length)
    for (let i = 0; i < length; i += 2) {
      this.#hash.word((text.charCodeAt(i) << 16) | (i + 1 < length ? text.charCodeAt(i + 1) : 0))
    }
  }
}

const noHash: Hash64 = { hi: 0, lo: 0 }
