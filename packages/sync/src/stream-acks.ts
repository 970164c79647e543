import { type AuthorId, Version } from '@rejoin/state'

/** What was acknowledged on a stream, so that each step of the disk is told once. */
export class StreamAcks {
  readonly #told = new Map<AuthorId, number>()
  /** What the other side knows to be here, and was not on the disk by then. */
  readonly #owed = new Map<AuthorId, number>()
  /** What was looked at last: most of the time nothing has changed since. */
  #seen: { readonly durable: Version; readonly authors: number } | undefined

  /** What `durable` adds for the authors that the other side brought; undefined when there is nothing to tell. */
  risen(durable: Version, brought: ReadonlySet<AuthorId>): Version | undefined {
    if (this.#seen?.durable === durable && this.#seen.authors === brought.size) return undefined
    this.#seen = { durable, authors: brought.size }
    const risen: [AuthorId, number][] = []
    for (const author of brought) {
      const seq = durable.get(author)
      if (seq <= (this.#told.get(author) ?? 0)) continue
      this.#told.set(author, seq)
      risen.push([author, seq])
    }
    for (const [author, seq] of this.#owed) {
      if (durable.get(author) < seq) continue
      this.#owed.delete(author)
      risen.push([author, seq])
    }
    return risen.length === 0 ? undefined : Version.from(risen)
  }

  /** What the other side will not bring, as it knows that it is here: it is told once it is on the disk. */
  owe(entries: Iterable<readonly [AuthorId, number]>): void {
    for (const [author, seq] of entries) this.#owed.set(author, seq)
  }

  /** Nothing counts as told. */
  reset(): void {
    this.#told.clear()
    this.#owed.clear()
    this.#seen = undefined
  }
}
