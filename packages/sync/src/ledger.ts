/**
 * The acknowledgement ladder: memory -> disk -> server, or refused.
 *
 * Invariants
 * 1. A receipt reaches `disk` only after the flush of its row, `server` only after a server said that its own flush is
 *    done; neither is ever taken back.
 * 2. `unsaved` counts the changes of this profile, of any opening, that no server has acknowledged. It is counted from
 *    versions, not from messages, so that lost or repeated acknowledgements cannot make it drift.
 */
import { type AuthorId, type Change, lastSeq, rejoinError, type Version } from '@rejoin/state'
import { type Deferred, deferred, type Later, rejected, resolved } from './later.ts'

/** How far a change has come. */
export type Level = 'memory' | 'disk' | 'server' | 'refused'

/** What one call of `change()` can be followed by. */
export interface Receipt {
  /** The change; undefined when nothing was written. */
  readonly change: Change | undefined
  readonly level: Level
  /**
   * Settles when the change has come to `level`, however long that takes.
   * Rejects with RejoinError `refused` when a server refused it, `closed` when this replica is closed first.
   */
  reached(level: 'memory' | 'disk' | 'server'): Later<void>
}

/** Work of this profile that no server has. */
export interface Unsaved {
  readonly changes: number
  readonly bytes: number
}

interface Entry {
  readonly seq: number
  readonly last: number
  readonly bytes: number
  readonly receipt: PendingReceipt | undefined
}

export interface Ledger {
  readonly unsaved: Unsaved
  /** Notes a change of this profile; `local` ones get a live receipt. */
  add(change: Change, bytes: number, local: boolean): Receipt
  /** Everything in `version` is on the disk here. */
  diskReached(version: Version): void
  /** A server has everything in `version` durably. */
  serverReached(version: Version): void
  /** These will never be acknowledged. */
  refuse(changes: Iterable<Change>, code: string, reason: string): void
  /** Rejects what still waits. */
  close(): void
  /** Called when `unsaved` changed. */
  onChange: () => void
}

/** A receipt of a call that wrote nothing: it has reached everything. */
export const emptyReceipt: Receipt = { change: undefined, level: 'server', reached: () => resolved(undefined) }

class PendingReceipt implements Receipt {
  readonly change: Change
  level: Level = 'memory'
  onDisk = false
  onServer = false
  #failure: unknown
  #waiting: { readonly level: 'disk' | 'server'; readonly pair: Deferred<void> }[] = []

  constructor(change: Change) {
    this.change = change
  }

  reached(level: 'memory' | 'disk' | 'server'): Later<void> {
    if (level === 'memory' || (level === 'disk' ? this.onDisk : this.onServer)) return resolved(undefined)
    if (this.#failure !== undefined) return rejected(this.#failure)
    const pair = deferred<void>()
    this.#waiting.push({ level, pair })
    return pair.later
  }

  arrive(level: 'disk' | 'server'): void {
    if (level === 'disk') this.onDisk = true
    else this.onServer = true
    this.level = this.onServer ? 'server' : 'disk'
    const waiting = this.#waiting
    this.#waiting = waiting.filter((item) => item.level !== level)
    for (const item of waiting) if (item.level === level) item.pair.resolve()
  }

  fail(error: unknown, refused: boolean): void {
    if (refused) this.level = 'refused'
    this.#failure = error
    const waiting = this.#waiting
    this.#waiting = []
    for (const item of waiting) item.pair.reject(error)
  }
}

export function createLedger(): Ledger {
  /** By author, in order of seq: what no server has. */
  const unsavedBy = new Map<AuthorId, Entry[]>()
  /** By author, in order of seq: what is not on disk. */
  const unwrittenBy = new Map<AuthorId, Entry[]>()
  let changes = 0
  let bytes = 0

  const take = (lists: Map<AuthorId, Entry[]>, version: Version, taken: (entry: Entry) => void): void => {
    for (const [author, entries] of lists) {
      const seq = version.get(author)
      let count = 0
      while (count < entries.length && (entries[count] as Entry).last <= seq) count += 1
      if (count === 0) continue
      const gone = entries.splice(0, count)
      if (entries.length === 0) lists.delete(author)
      gone.forEach(taken)
    }
  }

  const ledger: Ledger = {
    onChange: () => {},
    get unsaved(): Unsaved {
      return { changes, bytes }
    },
    add: (change, size, local) => {
      const known = unsavedBy.get(change.author)?.some((entry) => entry.seq === change.seq) ?? false
      if (known) return emptyReceipt
      const receipt = local ? new PendingReceipt(change) : undefined
      const entry: Entry = { seq: change.seq, last: lastSeq(change), bytes: size, receipt }
      append(unsavedBy, change.author, entry)
      if (local) append(unwrittenBy, change.author, entry)
      changes += 1
      bytes += size
      ledger.onChange()
      return receipt ?? emptyReceipt
    },
    diskReached: (version) => take(unwrittenBy, version, (entry) => entry.receipt?.arrive('disk')),
    serverReached: (version) => {
      const before = changes
      take(unsavedBy, version, (entry) => {
        changes -= 1
        bytes -= entry.bytes
        entry.receipt?.arrive('server')
      })
      if (changes !== before) ledger.onChange()
    },
    refuse: (refused, code, reason) => {
      for (const change of refused) {
        const entries = unsavedBy.get(change.author)
        const at = entries?.findIndex((entry) => entry.seq === change.seq) ?? -1
        if (entries === undefined || at < 0) continue
        const [entry] = entries.splice(at, 1) as [Entry]
        changes -= 1
        bytes -= entry.bytes
        const details = { code, author: change.author, seq: change.seq }
        entry.receipt?.fail(rejoinError('refused', { reason, details }), true)
        if (entries.length === 0) unsavedBy.delete(change.author)
        const unwritten = unwrittenBy.get(change.author)?.filter((other) => other.seq !== change.seq) ?? []
        if (unwritten.length === 0) unwrittenBy.delete(change.author)
        else unwrittenBy.set(change.author, unwritten)
      }
      ledger.onChange()
    },
    close: () => {
      const error = rejoinError('closed', { reason: 'The replica was closed before the level was reached.' })
      for (const lists of [unsavedBy, unwrittenBy]) {
        for (const entries of lists.values()) for (const entry of entries) entry.receipt?.fail(error, false)
        lists.clear()
      }
    },
  }
  return ledger
}

function append(lists: Map<AuthorId, Entry[]>, author: AuthorId, entry: Entry): void {
  const entries = lists.get(author)
  if (entries === undefined) {
    lists.set(author, [entry])
    return
  }
  // Rows of one author arrive in order; a stray one is put in its place.
  let at = entries.length
  while (at > 0 && (entries[at - 1] as Entry).seq > entry.seq) at -= 1
  entries.splice(at, 0, entry)
}
