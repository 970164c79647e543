import type { AuthorId, Dot } from './ids.ts'
import type { EntrySum } from './version-name.ts'

/** How two versions relate. */
export type Order = 'equal' | 'before' | 'after' | 'concurrent'

/** Up to here a row of single raises costs less to walk than to fold. */
const longestRow = 16
const unraised: ReadonlyMap<AuthorId, number> = new Map()

/** Below this many, going through all entries costs less than to remember what was found. */
const fewEntries = 256
/** Whether entries in which two sets of them differ are few beside all, and worth remembering. */
const areFew = (apart: number, all: number): boolean => apart ** 2 <= 8 * all

/** Entries that many versions share. They do not change any more once a version has them. */
class Entries extends Map<AuthorId, number> {
  /** The sum over them, where names of versions are asked for. */
  sum: EntrySum | undefined = undefined
  /** Authors whose entries differ from those of others that these were compared with; undefined where they are many. */
  #apart: WeakMap<Entries, readonly AuthorId[] | undefined> | undefined

  /** Authors whose entries differ from `others`; undefined where these are many, or all entries few. */
  apart(others: Entries): readonly AuthorId[] | undefined {
    if (Math.min(this.size, others.size) < fewEntries) return undefined
    if (!areFew(Math.abs(this.size - others.size), this.size)) return undefined
    if (this.#apart?.has(others)) return this.#apart.get(others)
    if (others.#apart?.has(this)) return others.#apart.get(this)
    const apart = this.#differing(others)
    this.#apart ??= new WeakMap()
    this.#apart.set(others, apart)
    return apart
  }

  #differing(others: Entries): AuthorId[] | undefined {
    const differing: AuthorId[] = []
    for (const [author, seq] of this) {
      if (others.get(author) === seq) continue
      differing.push(author)
      if (!areFew(differing.length, this.size)) return undefined
    }
    const shared = this.size - differing.filter((author) => !others.has(author)).length
    if (shared === others.size) return differing
    for (const author of others.keys()) {
      if (this.has(author)) continue
      differing.push(author)
      if (!areFew(differing.length, this.size)) return undefined
    }
    return differing
  }
}

/** One entry raised, and the one raised before it. */
interface Raise {
  readonly author: AuthorId
  readonly seq: number
  readonly before: Raise | undefined
  /** How many there are, this one included. */
  readonly length: number
}

/**
 * A version vector: for each author the highest contiguous seq. Immutable; absent authors count as 0.
 * Merge is commutative, associative and idempotent.
 *
 * A version that was raised from another shares its entries and keeps the raised ones beside them, so that a long row of
 * contexts with many authors takes neither the time nor the memory of one copy each. Raising an entry costs amortised
 * O(square root of authors / 16), comparing with a version a few raises away O(raises), other operations O(authors). Of
 * versions that share no entries, as one made here and one that a peer told, it is remembered in which few authors the entries
 * of both differ: comparing again costs these and what was raised.
 */
export class Version {
  /** The version of nothing. */
  static readonly empty: Version = new Version(new Entries())

  readonly #base: Entries
  /** Entries raised above `#base`, or new beside it. */
  readonly #raised: ReadonlyMap<AuthorId, number>
  /** Entries raised above both, the last one first. */
  readonly #last: Raise | undefined
  /** Number of authors with a seq above 0. */
  readonly size: number

  private constructor(
    base: Entries,
    raised: ReadonlyMap<AuthorId, number> = unraised,
    last: Raise | undefined = undefined,
    size: number = base.size,
  ) {
    this.#base = base
    this.#raised = raised
    this.#last = last
    this.size = size
  }

  /** The version with these entries; entries of 0 are left out, of equal authors the greatest counts. */
  static from(entries: Iterable<readonly [AuthorId, number]>): Version {
    const seqs = new Entries()
    for (const [author, seq] of entries) if (seq > (seqs.get(author) ?? 0)) seqs.set(author, seq)
    return seqs.size === 0 ? Version.empty : new Version(seqs)
  }

  /** Highest contiguous seq of `author`, 0 when unknown. */
  get(author: AuthorId): number {
    for (let raise = this.#last; raise !== undefined; raise = raise.before) {
      if (raise.author === author) return raise.seq
    }
    return this.#raised.get(author) ?? this.#base.get(author) ?? 0
  }

  /**
   * The sum that names are made of. Where it is known of the entries that versions share, that of the next one is told from
   * it; `sumOf` makes it where it is not.
   */
  sum(sumOf: (entries: ReadonlyMap<AuthorId, number>) => EntrySum): EntrySum {
    this.#base.sum ??= sumOf(this.#base)
    return this.#sum(this.#base.sum)
  }

  /** Author and seq pairs, in no fixed order. */
  entries(): IterableIterator<[AuthorId, number]> {
    const isPlain = this.#raised.size === 0 && this.#last === undefined
    return isPlain ? this.#base.entries() : this.#joined().entries()
  }

  /** The entries in which this version is ahead of `other`. */
  above(other: Version): (readonly [AuthorId, number])[] {
    const above: (readonly [AuthorId, number])[] = []
    if (other.#base === this.#base && other.#raised === this.#raised) {
      for (let raise = this.#last; raise !== undefined && raise !== other.#last; raise = raise.before) {
        const { author, seq } = raise
        if (seq > other.get(author) && !above.some(([known]) => known === author)) above.push([author, seq])
      }
      return above
    }
    const apart = this.#base === other.#base ? [] : this.#base.apart(other.#base)
    if (apart === undefined) {
      for (const [author, seq] of this.entries()) if (seq > other.get(author)) above.push([author, seq])
      return above
    }
    const raised = this.#folded()
    for (const [author, seq] of raised) if (seq > other.get(author)) above.push([author, seq])
    for (const author of apart) {
      const seq = raised.has(author) ? 0 : (this.#base.get(author) ?? 0)
      if (seq > other.get(author)) above.push([author, seq])
    }
    return above
  }

  /** Whether this version includes the event `dot`. */
  has(dot: Dot): boolean {
    return this.get(dot.author) >= dot.seq
  }

  /** Whether this version includes all of `other`. With `known`, a part of `other` that it is known to include. */
  covers(other: Version, known: Version = Version.empty): boolean {
    if (other === this || other === known) return true
    if (known.#base === other.#base) {
      for (const [author, seq] of other.above(known)) if (this.get(author) < seq) return false
      return true
    }
    if (other.#base !== this.#base && !this.#coversEntries(other.#base)) return false
    if (other.#raised !== this.#raised || other.#base !== this.#base) {
      for (const [author, seq] of other.#raised) if (this.get(author) < seq) return false
    }
    for (let raise = other.#last; raise !== undefined; raise = raise.before) {
      if (raise === this.#last && other.#raised === this.#raised) return true
      if (this.get(raise.author) < raise.seq) return false
    }
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
    return this.#raise(other.above(this))
  }

  /** Greatest version included in both (meet). */
  meet(other: Version): Version {
    if (this.covers(other)) return other
    if (other.covers(this)) return this
    const common: [AuthorId, number][] = []
    for (const [author, seq] of this.entries()) common.push([author, Math.min(seq, other.get(author))])
    return Version.from(common)
  }

  /** This version with `author` raised to `seq`; itself when it is there already. */
  with(author: AuthorId, seq: number): Version {
    return this.get(author) >= seq ? this : this.#raise([[author, seq]])
  }

  /** This version without `author`. */
  without(author: AuthorId): Version {
    if (this.get(author) === 0) return this
    const seqs = this.#joined()
    seqs.delete(author)
    return seqs.size === 0 ? Version.empty : new Version(seqs)
  }

  /** This version with these entries in place of its own; an entry of 0 takes the author away. */
  patched(entries: readonly (readonly [AuthorId, number])[]): Version {
    if (entries.every(([author, seq]) => seq > this.get(author)))
      return entries.length === 0 ? this : this.#raise(entries)
    const seqs = this.#joined()
    for (const [author, seq] of entries) {
      if (seq === 0) seqs.delete(author)
      else seqs.set(author, seq)
    }
    if (seqs.size === 0) return Version.empty
    seqs.sum = this.#base.sum && this.#sum(this.#base.sum).with(entries, (author) => this.get(author))
    return new Version(seqs)
  }

  /** Entries sorted by author, as plain JSON. */
  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.entries()].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** For people and expected output in tests: `3f2a:4 91bc:2`, authors cut to four digits. */
  describe(): string {
    const parts = Object.entries(this.toJSON()).map(([author, seq]) => `${author.slice(0, 4)}:${seq}`)
    return parts.length === 0 ? '(empty)' : parts.join(' ')
  }

  #coversEntries(entries: Entries): boolean {
    const apart = this.#base.apart(entries)
    if (apart !== undefined) return apart.every((author) => this.get(author) >= (entries.get(author) ?? 0))
    for (const [author, seq] of entries) if (this.get(author) < seq) return false
    return true
  }

  #joined(): Entries {
    const seqs = new Entries()
    const add = (seq: number, author: AuthorId) => seqs.set(author, seq)
    // Neither takes a pair for each entry, as copying by iteration does.
    this.#base.forEach(add)
    this.#folded().forEach(add)
    return seqs
  }

  #sum(ofBase: EntrySum): EntrySum {
    if (this.#raised.size === 0 && this.#last === undefined) return ofBase
    return ofBase.with(this.#folded(), (author) => this.#base.get(author) ?? 0)
  }

  /** What was raised above `#base`. */
  #folded(): ReadonlyMap<AuthorId, number> {
    if (this.#last === undefined) return this.#raised
    const raised = new Map(this.#raised)
    const known = new Set<AuthorId>()
    for (let raise: Raise | undefined = this.#last; raise !== undefined; raise = raise.before) {
      if (!known.has(raise.author)) raised.set(raise.author, raise.seq)
      known.add(raise.author)
    }
    return raised
  }

  /** Entries of different authors, each above what is here. */
  #raise(entries: readonly (readonly [AuthorId, number])[]): Version {
    let last = this.#last
    let { size } = this
    for (const [author, seq] of entries) {
      if (this.get(author) === 0) size++
      // One author after another: the raise before says nothing more.
      const before = last?.author === author ? last.before : last
      last = { author, seq, before, length: (before?.length ?? 0) + 1 }
    }
    const version = new Version(this.#base, this.#raised, last, size)
    if (last === undefined || last.length <= longestRow) return version
    const raised = version.#folded()
    // Past the square root of both, a copy of all costs no more than the copies of what was raised did together.
    const shares = raised.size ** 2 <= 2 * this.#base.size
    if (shares) return new Version(this.#base, raised, undefined, size)
    const joined = version.#joined()
    // Where names are asked for, the next one is told from this one.
    joined.sum = this.#base.sum && version.#sum(this.#base.sum)
    return new Version(joined)
  }
}
