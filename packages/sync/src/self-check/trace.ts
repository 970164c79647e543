import { describeAt, type Path, type Store, type Version } from '@rejoin/state'

/** Characters of the content of one side, over all places. */
export const contentCharacters = 30_000
/** Authors of a version that are spelled; of more only their number. */
const authorsSpelled = 500

/** What two replicas that differ are told of each other. */
export interface TraceHeader {
  readonly document: string
  readonly atMs: number
  readonly replica: string
  readonly role: string
  readonly peer: string
  readonly version: Version
  readonly ours: string
  readonly theirs: string
  readonly paths: readonly Path[]
}

/** What stands in some places, in about `most` characters: a line of JSON. */
export function contentAt(store: Store, paths: readonly Path[], most: number): string {
  const each = Math.floor(most / Math.max(1, paths.length))
  return `[${paths.map((path) => describeAt(store, path, each)).join(',')}]`
}

/**
 * A trace of a divergence: three lines of JSON, which are what is known of it, what stood in the differing subtrees here,
 * and the same at the other side, as far as that told it. At most some 300 kB.
 */
export function traceOf(header: TraceHeader, ours: string, theirs: string): string {
  const { version, ...rest } = header
  const authors = version.size <= authorsSpelled ? version.toJSON() : { authors: version.size }
  const first = JSON.stringify({ format: 1, ...rest, version: authors })
  // The other side may have sent anything, or nothing: it has its line.
  return `${first}\n${ours}\n${(theirs || 'null').replace(/[\r\n\u2028\u2029]/g, ' ')}\n`
}
