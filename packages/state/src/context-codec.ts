/**
 * Contexts of a stream of changes, written by what differs from a version that the reader has.
 *
 * Invariants
 * 1. Both ends hold the same reference: the last context that went over this stream whole or by its difference. It is told
 *    exactly, above and below, so a bundle between two changes takes nothing from it (C2).
 * 2. Another version is referred to by its name, and only if the writer was told that the reader holds it.
 * 3. Each difference makes a reader copy a version. The entries copied for one frame are bounded, and the writer keeps to
 *    the same bound: beyond it contexts go whole.
 */
import type { ByteReader, ByteWriter } from './bytes.ts'
import type { AuthorId } from './ids.ts'
import type { AuthorReader, AuthorWriter } from './key-table.ts'
import {
  differences,
  entryBytes,
  readDifferences,
  readNamed,
  type VersionEntry,
  type VersionLookup,
  writeDifferences,
} from './relative-version.ts'
import type { Version } from './version.ts'
import { versionName, versionNameBytes, writeVersionName } from './version-name.ts'

/** Entries of versions that the contexts of one frame may make a reader copy. */
export const maxCopiedEntries: number = 1 << 22

const fewEntries = 16

const REFERENCE = 0
const NAMED = 1

/** How a context is told. */
export interface RelativeContext {
  /** The version that has a name; undefined for the reference of the stream. */
  readonly named: Version | undefined
  readonly entries: readonly VersionEntry[]
}

/** How contexts are told. */
export interface ContextTelling {
  /** A frame begins; with `isFresh` nothing of the earlier ones is referred to. */
  begin(isFresh: boolean): void
  /** How to tell a context by what differs; undefined where telling it whole costs no more. */
  relate(context: Version, author: AuthorId): RelativeContext | undefined
}

/** Writes a context as it is told. */
export function writeRelative(writer: ByteWriter, authors: AuthorWriter, { named, entries }: RelativeContext): void {
  writer.u8(named === undefined ? REFERENCE : NAMED)
  if (named !== undefined) writeVersionName(writer, versionName(named))
  writeDifferences(writer, authors, entries)
}

/** In a stream. */
export class ContextWriter implements ContextTelling {
  readonly #known: () => readonly Version[]
  #reference: Version | undefined
  #copied = 0

  /** `known`: versions that the reader holds by their names, in order of preference. */
  constructor(known: () => readonly Version[]) {
    this.#known = known
  }

  begin(isFresh: boolean): void {
    if (isFresh) this.#reference = undefined
    this.#copied = 0
  }

  /** Told whole or not, it is the reference then. */
  relate(context: Version): RelativeContext | undefined {
    const best = this.#best(context)
    this.#reference = context
    return best
  }

  #best(context: Version): RelativeContext | undefined {
    let best: RelativeContext | undefined
    let bytes = context.size * entryBytes
    let copied = 0
    const bases = this.#reference === undefined ? this.#known() : [this.#reference, ...this.#known()]
    for (const base of bases) {
      if (this.#copied + base.size + context.size > maxCopiedEntries) continue
      const entries = differences(context, base)
      const named = base === this.#reference ? undefined : base
      const cost = entries.length * entryBytes + (named === undefined ? 0 : versionNameBytes)
      if (cost >= bytes) continue
      best = { named, entries }
      bytes = cost
      copied = base.size + context.size
      // Comparing with another costs more time than it would spare bytes.
      if (entries.length <= fewEntries) break
    }
    this.#copied += copied
    return best
  }
}

/** What was told of one author. */
interface Told {
  readonly context: Version
  /** In what it differs from the base. */
  readonly entries: Map<AuthorId, number>
  readonly relative: RelativeContext | undefined
}

const keptAuthors = 32

/** In rows that are each read by themselves: all by what differs from one base. */
export class RowContexts implements ContextTelling {
  readonly #base: Version
  /** In order of use: what an author learned since its last row is little, and found without going through all authors. */
  readonly #told = new Map<AuthorId, Told>()
  #lastAuthor: AuthorId | undefined

  constructor(base: Version) {
    this.#base = base
  }

  begin(): void {}

  relate(context: Version, author: AuthorId): RelativeContext | undefined {
    const last = this.#told.get(author)
    if (last?.context === context && author === this.#lastAuthor) return last.relative
    const entries = this.#entriesOf(context, last)
    const isWhole = versionNameBytes + entries.size * entryBytes >= context.size * entryBytes
    const relative = isWhole ? undefined : { named: this.#base, entries: [...entries] }
    this.#told.delete(author)
    this.#told.set(author, { context, entries, relative })
    this.#lastAuthor = author
    for (const [oldest] of this.#told) {
      if (this.#told.size <= keptAuthors) break
      this.#told.delete(oldest)
    }
    return relative
  }

  #entriesOf(context: Version, last: Told | undefined): Map<AuthorId, number> {
    if (last === undefined) return new Map(differences(context, this.#base))
    const { entries } = last
    if (last.context === context) return entries
    for (const [author, seq] of differences(context, last.context)) {
      if (seq === this.#base.get(author)) entries.delete(author)
      else entries.set(author, seq)
    }
    return entries
  }
}

/** The reading end. */
export class ContextReader {
  readonly #lookup: VersionLookup | undefined
  #reference: Version | undefined
  #copied = 0

  constructor(lookup: VersionLookup | undefined) {
    this.#lookup = lookup
  }

  begin(isFresh: boolean): void {
    if (isFresh) this.#reference = undefined
    this.#copied = 0
  }

  /** Notes a context that came whole. */
  whole(context: Version): Version {
    this.#reference = context
    return context
  }

  /** Reads a context that is told by what differs. */
  read(reader: ByteReader, authors: AuthorReader): Version {
    const kind = reader.u8()
    if (kind > NAMED) reader.fail('malformed', 'an unknown way to tell a context')
    const base = kind === NAMED ? readNamed(reader, this.#lookup) : this.#reference
    if (base === undefined) reader.fail('malformed', 'a context that refers to none')
    const context = readDifferences(reader, authors, base)
    this.#copied += base.size + context.size
    if (this.#copied > maxCopiedEntries) reader.fail('too-large', 'contexts of too many authors in one frame')
    this.#reference = context
    return context
  }
}
