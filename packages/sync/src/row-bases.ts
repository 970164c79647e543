/**
 * Rows of documents with many authors, written by what differs from a version that stands in a row of its own.
 *
 * Invariants
 * 1. The base is put in the batch of the first row that refers to it, before it, or in an earlier one.
 * 2. It is put twice, so that one damaged row costs itself only.
 * 3. Each opening refers only to bases that it put itself, and holds a lock for as long as it may write. A base goes when a
 *    row of its opening can come no more, or when that opening uses another and all it wrote before is on disk; and then
 *    only if no row that stays refers to it.
 * 4. Where no lock can be had, nothing is written so; where storage has none, nothing is folded and no base goes.
 */
import {
  type Bundle,
  bundleSince,
  type Change,
  createRowEncoder,
  decodeBundle,
  decodeChanges,
  decodeVersion,
  encodeBundle,
  encodeChanges,
  encodeVersion,
  isSelfContained,
  type Store,
  Version,
  type VersionLookup,
  type VersionName,
  versionName,
} from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import { deferred, type Later, resolved } from './later.ts'
import { sealRow, unsealRow } from './rows.ts'
import type { Storage, StorageOp, StoredRow } from './seams.ts'

/** Rows after which it is asked whether the base is still near. */
const rowsBetween = 256
/** Authors that may be new before it is asked. */
const maxNewAuthors = 64

/** A row, and what has to be on disk before it. */
export interface BasedRow {
  readonly before: readonly StorageOp[]
  readonly bytes: Uint8Array
}

interface Used {
  readonly base: Version
  readonly encode: (change: Change) => Uint8Array
  rows: number
}

export class RowBases {
  readonly #core: DocumentCore
  readonly #storage: Storage
  /** All that were read or put here. */
  readonly #known = new Map<VersionName, Version>()
  /** Keys of their rows. */
  readonly #rows = new Set<string>()
  /** Put by this opening. */
  #put = new Set<VersionName>()
  /** Of those, what was used since `retired` was asked. */
  #usedSince = new Set<VersionName>()
  #owner: string | undefined
  #used: Used | undefined
  #state: 'unasked' | 'asked' | 'usable' | 'unusable' = 'unasked'
  readonly #ended = deferred<void>()

  constructor(core: DocumentCore, storage: Storage) {
    this.#core = core
    this.#storage = storage
  }

  /** Finds the base of a row. What peers share has the same names. */
  readonly lookup: VersionLookup = (name) => this.#known.get(name) ?? this.#core.bases.find(name)

  /** The row of a change. */
  change(change: Change): BasedRow {
    const { before, used } = this.#use(change.context.size)
    return { before, bytes: sealRow(used === undefined ? encodeChanges([change]) : used.encode(change)) }
  }

  /** The row of a bundle, which came in `bytes` if it came as such. */
  bundle(bundle: Bundle, bytes?: Uint8Array): BasedRow {
    const { before, used } = this.#use(bundle.version.size)
    if (used !== undefined) return { before, bytes: sealRow(encodeBundle(bundle, used.base)) }
    return { before, bytes: sealRow(bytes !== undefined && isSelfContained(bytes) ? bytes : encodeBundle(bundle)) }
  }

  /** The row of the whole state; undefined where it is a snapshot, as it has few authors. */
  state(store: Store): BasedRow | undefined {
    const { before, used } = this.#use(store.version.size)
    return used && { before, bytes: sealRow(encodeBundle(bundleSince(store, Version.empty), used.base)) }
  }

  /** Takes in the row of a base. False when it is damaged. */
  read(name: string, row: StoredRow): boolean {
    if (this.#known.has(name as VersionName) && this.#rows.has(row.key)) return true
    const payload = unsealRow(row.bytes)
    const decoded = payload === undefined ? undefined : decodeVersion(payload)
    if (decoded?.ok !== true || versionName(decoded.value) !== name) return false
    if (!this.#known.has(versionName(decoded.value))) {
      this.#known.set(versionName(decoded.value), decoded.value)
      this.#core.bases.restore(decoded.value)
    }
    this.#rows.add(row.key)
    return true
  }

  /** The disk lost everything: what is used is to be put again. */
  lost(): void {
    this.#used = undefined
    this.#put = new Set()
  }

  /** No row is written any more once the queue is empty. */
  close(): void {
    const end = (): void => this.#ended.resolve()
    this.#core.hub.queue.flushed().then(end, end)
  }

  /** Bases of this opening to which no row refers that is not on disk, once the queue is flushed. */
  retired(): ReadonlySet<string> {
    this.#usedSince = new Set(this.#used === undefined ? [] : [versionName(this.#used.base)])
    return new Set([...this.#put].filter((name) => !this.#usedSince.has(name)))
  }

  /** Which of these openings write no more. */
  ended(owners: ReadonlySet<string>): Later<ReadonlySet<string>> {
    const ended = new Set<string>()
    let last: Later<unknown> = resolved(undefined)
    for (const owner of owners) {
      if (owner === this.#owner) continue
      last = last.then(() =>
        this.#storage.withLock?.(this.#lockOf(owner), () => {
          ended.add(owner)
          return resolved(undefined)
        }),
      )
    }
    return last.then(() => ended)
  }

  /** Rows of bases that nothing refers to: `stays` are the rows that stay. */
  stale(
    rows: readonly StoredRow[],
    stays: ReadonlySet<StoredRow>,
    ended: ReadonlySet<string>,
    retired: ReadonlySet<string>,
  ): StoredRow[] {
    const { basePrefix } = this.#core.keys
    const bases = rows.filter(({ key }) => key.startsWith(basePrefix))
    if (bases.length === 0) return []
    const named = new Set<string>()
    for (const row of stays) for (const name of this.#namesIn(row)) named.add(name)
    const stale: StoredRow[] = []
    const left = new Set<string>()
    for (const row of bases) {
      const [owner = '', name = ''] = row.key.slice(basePrefix.length).split('/')
      const isOurs = owner === this.#owner
      const isOver = isOurs ? retired.has(name) && !this.#usedSince.has(name as VersionName) : ended.has(owner)
      if (!isOver || named.has(name)) {
        left.add(name)
        continue
      }
      stale.push(row)
      this.#rows.delete(row.key)
      if (isOurs) this.#put.delete(name as VersionName)
    }
    // What was put since has no row yet among these.
    for (const name of this.#known.keys()) {
      if (!left.has(name) && !this.#put.has(name)) this.#known.delete(name)
    }
    return stale
  }

  /** What a row of a change or of a bundle refers to. */
  #namesIn(row: StoredRow): VersionName[] {
    const names: VersionName[] = []
    const lookup: VersionLookup = (name) => {
      names.push(name)
      return this.lookup(name)
    }
    const kind = row.key.slice(this.#core.keys.prefix.length, this.#core.keys.prefix.length + 2)
    const payload = kind === 'c/' || kind === 'b/' ? unsealRow(row.bytes) : undefined
    if (payload === undefined) return names
    if (kind === 'c/') decodeChanges(payload, {}, lookup)
    if (kind === 'b/') decodeBundle(payload, lookup)
    return names
  }

  #use(authors: number): { readonly before: readonly StorageOp[]; readonly used: Used | undefined } {
    const { hub, bases, keys } = this.#core
    if (authors < hub.limits.namedVersionAuthors || !this.#isUsable()) return { before: [], used: undefined }
    const used = this.#used
    if (used !== undefined && used.rows < rowsBetween && authors - used.base.size <= maxNewAuthors) {
      used.rows += 1
      return { before: [], used }
    }
    const base = bases.current()
    const next = used?.base === base ? used : { base, encode: createRowEncoder(base), rows: 0 }
    next.rows = 1
    this.#used = next
    this.#usedSince.add(versionName(base))
    if (this.#put.has(versionName(base))) return { before: [], used: next }
    this.#put.add(versionName(base))
    this.#known.set(versionName(base), base)
    const bytes = sealRow(encodeVersion(base))
    const before = [0, 1].map(
      (copy) => ({ kind: 'put', key: keys.base(this.#owner ?? '', versionName(base), copy), bytes }) as const,
    )
    for (const { key } of before) this.#rows.add(key)
    return { before, used: next }
  }

  /** Whether the lock is held; asks for it at the first time. */
  #isUsable(): boolean {
    if (this.#state !== 'unasked') return this.#state === 'usable'
    this.#owner = this.#core.hub.newId()
    const { withLock } = this.#storage
    if (withLock === undefined) {
      this.#state = 'usable'
      return true
    }
    this.#state = 'asked'
    const given = (): Later<void> => {
      this.#state = 'usable'
      return this.#ended.later
    }
    const over = (): void => {
      this.#state = 'unusable'
    }
    this.#storage.withLock?.(this.#lockOf(this.#owner), given).then(over, over)
    return false
  }

  #lockOf(owner: string): string {
    return `rejoin-bases/${this.#core.name}/${owner}`
  }
}
