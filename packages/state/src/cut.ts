import { encodeBundle } from './bundle-codec.ts'
import type { Change } from './change.ts'
import { type Conflict, conflictAt, type NoticedConflict } from './conflict.ts'
import type { Core, OpenCut } from './core.ts'
import { type CutCopies, CutJournal, type EntryCopy } from './cut-journal.ts'
import type { Contact, Copies } from './cut-record.ts'
import type { Schema } from './fields.ts'
import { HalfEntries } from './half-entry.ts'
import { buildReport, type HealReport, revised, withLate } from './heal-report.ts'
import { type Dot, dotEquals } from './ids.ts'
import { LateWork } from './late-work.ts'
import type { Row } from './rows.ts'
import { bundleOf } from './since.ts'
import type { Store } from './store.ts'
import { touchedAfter } from './touched.ts'
import type { Version } from './version.ts'

/** One loss of contact, from the moment it began until its heal has been reported. */
export interface Cut {
  /** What this replica had when contact was lost. */
  readonly version: Version
  /** Whether it still collects. */
  readonly open: boolean
  /** Contact is back; call before anything of the other side is merged. `theirs` is the other side's version. */
  contact(theirs: Version): void
  /**
   * What both sides did and how it was settled, as far as it has been merged. The store knows no schema: with one, a
   * counter's sum includes its declared initial value. `sentBytes`: what this side has sent of what the other lacked, where
   * somebody counted; else that is encoded to know its size.
   */
  report(schema?: Schema, sentBytes?: number): HealReport
  /** The heal is done: what comes from here on is copied no more, and can only revise conflicts and what others did apart. */
  settle(): void
  /** Calls back when a later merge brings a conflict with what was written here during the outage. Returns the way to stop. */
  onRevision(listener: () => void): () => void
  /** Stops collecting and frees the copies. */
  close(): void
}

const noCopies: Copies = { copies: new Map(), merged: new Set() }

/**
 * Contact was lost: keeps the version of a store, and from now on copies each key before it is first touched. Whoever never
 * asks for a heal report pays nothing for it.
 */
export function beginCut(store: Store): Cut {
  return new StoreCut(store.core)
}

class StoreCut implements Cut, OpenCut {
  readonly version: Version
  readonly #core: Core
  readonly #journal: CutJournal
  readonly #sinceCut: CutCopies
  #sinceContact: CutCopies | undefined
  readonly #conflicts = new Map<Row, NoticedConflict>()
  readonly #listeners = new Set<() => void>()
  #contact: Contact | undefined
  #halves: HalfEntries | undefined
  #theirBytes = 0
  #ourBytes: number | undefined
  #until: Version | undefined
  /** The last report before `settle`, and what came after it. */
  #first: HealReport | undefined
  #late: LateWork | undefined
  #reported = false
  #open = true

  constructor(core: Core) {
    core.journal ??= new CutJournal(core.tree)
    this.#core = core
    this.#journal = core.journal
    this.version = core.version
    this.#sinceCut = this.#journal.begin()
    core.cuts.add(this)
  }

  get open(): boolean {
    return this.#open
  }

  contact(theirs: Version): void {
    if (!this.#open || this.#contact !== undefined) return
    const ours = this.#core.version
    const common = ours.meet(theirs)
    const ourEntries = touchedAfter(this.#core, common)
    this.#contact = { ours, theirs, common, ourEntries }
    this.#halves = new HalfEntries(this.#core, this.#contact)
    this.#sinceCut.end()
    this.#sinceContact = this.#journal.begin()
    this.#core.contacts.add(this.#contact)
  }

  /** Notes a merge after contact. */
  merged(noticed: readonly NoticedConflict[], bytes: number, brought: Change | Version): void {
    if (this.#contact === undefined) return
    if (this.#late === undefined) this.#theirBytes += bytes
    let revised = false
    for (const found of noticed) {
      if (!this.#concerns(found)) continue
      const first = this.#conflicts.get(found.entry)
      const conflict = first === undefined ? found.conflict : this.#joined(first.conflict, found)
      this.#conflicts.set(found.entry, { entry: found.entry, conflict })
      revised = true
    }
    if (this.#noteLate(brought, bytes, revised)) revised = true
    if (revised && this.#reported) for (const listener of this.#listeners) listener()
  }

  /**
   * A further conflict at an entry that is in one. Several writes of the other side may come one by one: our side stays what
   * it was at the first of them, and of those that had not seen each other the one that leads stands for theirs.
   */
  #joined(first: Conflict, { entry, conflict: found }: NoticedConflict): Conflict {
    const [ours, before, next] = [first.ours, first.theirs, found.theirs].map(({ dot }) =>
      this.#core.tree.items(entry).find((item) => dotEquals(item, dot)),
    )
    if (before !== undefined) {
      const leads = next === undefined || conflictAt(this.#core, entry, before, next)?.winner === 'ours'
      if (leads) return first
    }
    const between = ours && next && conflictAt(this.#core, entry, ours, next)
    return between ?? { ...found, ours: first.ours }
  }

  /** Notes what was merged after the heal. Says whether it left half an entry. */
  #noteLate(brought: Change | Version, bytes: number, conflicts: boolean): boolean {
    const touched = this.#late?.touchedBy(brought)
    if (touched === undefined) return false
    const isHalf = this.#halves?.late(brought, touched) === true
    // Of state it is not known who had seen what: it is late work when it is in conflict.
    if ('ops' in brought || conflicts || isHalf) this.#late?.add(brought, bytes, touched)
    return isHalf
  }

  /** A conflict belongs to this cut when one of its sides was written apart, or stands beside what was. */
  #concerns({ entry, conflict }: NoticedConflict): boolean {
    const contact = this.#contact
    if (contact === undefined) return false
    const isApart = (dot: Dot, side: Version) => side.has(dot) && !contact.common.has(dot)
    if (isApart(conflict.ours.dot, contact.ours) || isApart(conflict.theirs.dot, contact.theirs)) return true
    return this.#core.tree.items(entry).some((item) => isApart(item, contact.ours))
  }

  report(schema?: Schema, sentBytes?: number): HealReport {
    this.#reported = true
    const contact = this.#contact ?? this.#noContact()
    this.#ourBytes ??= sentBytes || this.#bytesOf(contact)
    if (this.#late === undefined) this.#halves?.heal(this.#sinceContact?.merged ?? [])
    const report = buildReport({
      core: this.#core,
      schema,
      version: this.version,
      until: this.#until ?? this.#core.version,
      sinceCut: this.#sinceCut,
      sinceContact: this.#sinceContact ?? noCopies,
      contact,
      conflicts: this.#conflicts,
      halves: this.#halves?.conflicts(this.#conflicts.keys()) ?? [],
      ourBytes: this.#ourBytes,
      theirBytes: this.#theirBytes,
    })
    if (this.#late === undefined) this.#first = report
    if (this.#late === undefined || this.#first === undefined) return report
    return revised(
      this.#first,
      report.conflicts,
      withLate(this.#core.tree, report.theirs, (this.#sinceContact ?? noCopies).merged, this.#late),
    )
  }

  settle(): void {
    this.#reported = true
    this.#until ??= this.#core.version
    if (this.#contact !== undefined) this.#late ??= new LateWork(this.#core, this.#contact)
    this.#sinceCut.end()
    this.#sinceContact?.end()
  }

  onRevision(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#core.cuts.delete(this)
    this.#sinceCut.drop()
    this.#sinceContact?.drop()
    if (this.#contact !== undefined) this.#core.contacts.delete(this.#contact)
    this.#listeners.clear()
  }

  /** A report before contact tells of this side alone. */
  #noContact(): Contact {
    const { version } = this
    const ourEntries = touchedAfter(this.#core, version)
    return { ours: this.#core.version, theirs: version, common: version, ourEntries }
  }

  /** Encoded size of what this side had at contact and the other lacked. */
  #bytesOf({ ourEntries, common, ours }: Contact): number {
    if (ourEntries.size === 0) return 0
    const stateOf = (entry: Row): EntryCopy | undefined => this.#sinceContact?.copies.get(entry)
    return encodeBundle(bundleOf(this.#core, ourEntries, common, ours, stateOf)).length
  }
}
