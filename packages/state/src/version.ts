import type { AuthorId, Dot } from './ids.ts'

/** How two versions relate. */
export type Order = 'equal' | 'before' | 'after' | 'concurrent'

/**
 * A version vector: for each author the highest contiguous seq. Immutable; absent authors count as 0.
 * Merge is commutative, associative and idempotent. All binary operations cost O(authors).
 */
export class Version {
  /** The version of nothing. */
  static readonly empty: Version = new Version(new Map())

  readonly #seqs: ReadonlyMap<AuthorId, number>

  private constructor(seqs: ReadonlyMap<AuthorId, number>) {
    this.#seqs = seqs
  }

  /** The version with these entries; entries of 0 are left out, of equal authors the greatest counts. */
  static from(entries: Iterable<readonly [AuthorId, number]>): Version {
    const seqs = new Map<AuthorId, number>()
    for (const [author, seq] of entries) if (seq > (seqs.get(author) ?? 0)) seqs.set(author, seq)
    return seqs.size === 0 ? Version.empty : new Version(seqs)
  }

  /** Number of authors with a seq above 0. */
  get size(): number {
    return this.#seqs.size
  }

  /** Highest contiguous seq of `author`, 0 when unknown. */
  get(author: AuthorId): number {
    return this.#seqs.get(author) ?? 0
  }

  /** Author and seq pairs, in no fixed order. */
  entries(): IterableIterator<[AuthorId, number]> {
    return this.#seqs.entries()
  }

  /** Whether this version includes the event `dot`. */
  has(dot: Dot): boolean {
    return this.get(dot.author) >= dot.seq
  }

  /** Whether this version includes all of `other`. */
  covers(other: Version): boolean {
    if (other === this) return true
    for (const [author, seq] of other.#seqs) if (this.get(author) < seq) return false
    return true
  }

  /** Whether both include the same events. */
  equals(other: Version): boolean {
    return this.size === other.size && this.covers(other) && other.covers(this)
  }

  /** How this version relates to `other`, in four words. */
  compare(other: Version): Order {
    const covers = this.covers(other)
    const covered = other.covers(this)
    if (covers) return covered ? 'equal' : 'after'
    return covered ? 'before' : 'concurrent'
  }

  /** Least version that includes both (join). */
  merge(other: Version): Version {
    if (this.covers(other)) return this
    if (other.covers(this)) return other
    const seqs = new Map(this.#seqs)
    for (const [author, seq] of other.#seqs) if (seq > (seqs.get(author) ?? 0)) seqs.set(author, seq)
    return new Version(seqs)
  }

  /** Greatest version included in both (meet). */
  meet(other: Version): Version {
    if (this.covers(other)) return other
    if (other.covers(this)) return this
    const common: [AuthorId, number][] = []
    for (const [author, seq] of this.#seqs) common.push([author, Math.min(seq, other.get(author))])
    return Version.from(common)
  }

  /** This version with `author` raised to `seq`; itself when it is there already. */
  with(author: AuthorId, seq: number): Version {
    if (this.get(author) >= seq) return this
    const seqs = new Map(this.#seqs)
    seqs.set(author, seq)
    return new Version(seqs)
  }

  /** This version without `author`. */
  without(author: AuthorId): Version {
    if (!this.#seqs.has(author)) return this
    const seqs = new Map(this.#seqs)
    seqs.delete(author)
    return seqs.size === 0 ? Version.empty : new Version(seqs)
  }

  /** Entries sorted by author, as plain JSON. */
  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.#seqs].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** For people and expected output in tests: `3f2a:4 91bc:2`, authors cut to four digits. */
  describe(): string {
    const parts = Object.entries(this.toJSON()).map(([author, seq]) => `${author.slice(0, 4)}:${seq}`)
    return parts.length === 0 ? '(empty)' : parts.join(' ')
  }
}
