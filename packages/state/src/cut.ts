import { encodeBundle } from './bundle-codec.ts'
import type { NoticedConflict } from './conflict.ts'
import type { Core } from './core.ts'
import { buildReport, type HealReport, revised } from './heal-report.ts'
import type { Dot, Path } from './ids.ts'
import { comparePaths, leafKinds } from './key.ts'
import { bundleOf } from './since.ts'
import { type Entry, type Item, itemTypes, type Leaf } from './tree.ts'
import type { Value } from './value.ts'
import type { Version } from './version.ts'

/** The live set and removal records of an entry when it was first touched. */
export interface EntryCopy {
  readonly items: readonly Item[]
  readonly removals: readonly Item[]
  /** Visible elements, when the entry is a list. */
  readonly elements: readonly Value[] | undefined
}

/** First-touch copies of entries since some moment. */
export class CutCopies {
  readonly copies: Map<Entry, EntryCopy> = new Map()
  /** Entries that a merge touched, as against a local change. */
  readonly merged: Set<Entry> = new Set()

  /**
   * Keeps what an entry holds, unless that was done before. To be called before it changes. Gives the copy on, so that
   * several cuts share it.
   */
  copy(entry: Entry, merging: boolean, shared?: EntryCopy): EntryCopy | undefined {
    if (merging) this.merged.add(entry)
    if (this.copies.has(entry)) return shared
    const copy = shared ?? copyOf(entry)
    this.copies.set(entry, copy)
    return copy
  }
}

const nothing: readonly Item[] = []

function copyOf(entry: Entry): EntryCopy {
  return {
    items: entry.liveItems(),
    removals: entry.removals === undefined ? nothing : [...entry.removals],
    elements: entry.leaf.sequence?.toArray(),
  }
}

/** One loss of contact, from the moment it began until its heal has been reported. */
export interface Cut {
  /** What this replica had when contact was lost. */
  readonly version: Version
  /** Whether it still collects. */
  readonly open: boolean
  /** Contact is back; call before anything of the other side is merged. `theirs` is the other side's version. */
  contact(theirs: Version): void
  /** What both sides did and how it was settled, as far as it has been merged. */
  report(): HealReport
  /** The heal is done: what comes from here on is copied no more, and can only revise conflicts. */
  settle(): void
  /** Calls back when a later merge brings a conflict with what was written here during the outage. Returns the way to stop. */
  onRevision(listener: () => void): () => void
  /** Stops collecting and frees the copies. */
  close(): void
}

/** What was so when contact came back. */
export interface Contact {
  readonly ours: Version
  readonly theirs: Version
  /** Greatest version that both sides included. */
  readonly common: Version
  readonly ourEntries: ReadonlySet<Entry>
}

/** Everything a report is made of. */
export interface CutRecord {
  readonly core: Core
  readonly version: Version
  /** What this replica has merged of the heal. */
  readonly until: Version
  /** Copies from the cut to contact: what this side did during the outage. */
  readonly sinceCut: CutCopies
  readonly sinceContact: CutCopies
  readonly contact: Contact
  readonly conflicts: ReadonlyMap<Entry, NoticedConflict>
  readonly ourBytes: number
  readonly theirBytes: number
}

/** A cut as the store drives it. */
export class StoreCut implements Cut {
  readonly version: Version
  readonly #core: Core
  readonly #sinceCut = new CutCopies()
  readonly #sinceContact = new CutCopies()
  readonly #conflicts = new Map<Entry, NoticedConflict>()
  readonly #listeners = new Set<() => void>()
  readonly #onClose: (cut: StoreCut) => void
  #contact: Contact | undefined
  #theirBytes = 0
  #ourBytes: number | undefined
  #until: Version | undefined
  /** The last report before `settle`. */
  #first: HealReport | undefined
  #reported = false
  #open = true

  constructor(core: Core, onClose: (cut: StoreCut) => void) {
    this.#core = core
    this.version = core.version
    this.#onClose = onClose
    core.cuts.add(this.#sinceCut)
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
    this.#core.cuts.delete(this.#sinceCut)
    this.#core.cuts.add(this.#sinceContact)
    this.#core.contacts.add(this.#contact)
  }

  /** Notes a merge after contact. */
  merged(noticed: readonly NoticedConflict[], bytes: number): void {
    if (this.#contact === undefined) return
    this.#theirBytes += bytes
    let revised = false
    for (const found of noticed) {
      if (!this.#concerns(found)) continue
      const first = this.#conflicts.get(found.entry)
      // Several writes of the other side may come one by one: our side stays what it was at the first of them.
      const conflict = first === undefined ? found.conflict : { ...found.conflict, ours: first.conflict.ours }
      this.#conflicts.set(found.entry, { entry: found.entry, conflict })
      revised = true
    }
    if (revised && this.#reported) for (const listener of this.#listeners) listener()
  }

  /** A conflict belongs to this cut when one of its sides was written apart, or stands beside what was. */
  #concerns({ entry, conflict }: NoticedConflict): boolean {
    const contact = this.#contact
    if (contact === undefined) return false
    const isApart = (dot: Dot, side: Version) => side.has(dot) && !contact.common.has(dot)
    if (isApart(conflict.ours.dot, contact.ours) || isApart(conflict.theirs.dot, contact.theirs)) return true
    return entry.liveItems().some((item) => isApart(item, contact.ours))
  }

  report(): HealReport {
    this.#reported = true
    const contact = this.#contact ?? this.#noContact()
    this.#ourBytes ??= this.#bytesOf(contact)
    const report = buildReport({
      core: this.#core,
      version: this.version,
      until: this.#until ?? this.#core.version,
      sinceCut: this.#sinceCut,
      sinceContact: this.#sinceContact,
      contact,
      conflicts: this.#conflicts,
      ourBytes: this.#ourBytes,
      theirBytes: this.#theirBytes,
    })
    if (this.#until === undefined) this.#first = report
    return this.#until === undefined || this.#first === undefined ? report : revised(this.#first, report.conflicts)
  }

  settle(): void {
    this.#reported = true
    this.#until ??= this.#core.version
    this.#core.cuts.delete(this.#sinceCut)
    this.#core.cuts.delete(this.#sinceContact)
  }

  onRevision(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#core.cuts.delete(this.#sinceCut)
    this.#core.cuts.delete(this.#sinceContact)
    if (this.#contact !== undefined) this.#core.contacts.delete(this.#contact)
    this.#listeners.clear()
    this.#onClose(this)
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
    const stateOf = (entry: Entry): EntryCopy | undefined => this.#sinceContact.copies.get(entry)
    return encodeBundle(bundleOf(this.#core, ourEntries, common, ours, stateOf)).length
  }
}

/** The leaves of some entries; a counter's resets count as the counter. */
export function leavesOf(entries: Iterable<Entry>): Set<Leaf> {
  const leaves = new Set<Leaf>()
  for (const { leaf } of entries) {
    const counter = leaf.kind === leafKinds.counterReset ? leaf.node.findLeaf(leafKinds.counter) : undefined
    leaves.add(counter ?? leaf)
  }
  return leaves
}

/** Entries that a dot after `version` touched. */
export function touchedAfter(core: Core, version: Version): Set<Entry> {
  const touched = new Set<Entry>()
  for (const slot of core.slots.values()) {
    const seen = version.get(slot.id)
    for (let item: Item | undefined = slot.tail; item !== undefined; item = item.prev) {
      const end = item.type === itemTypes.run ? item.seq + (item.value as number) - 1 : item.seq
      if (end <= seen) break
      touched.add(item.entry)
    }
  }
  return touched
}

/** Paths of some leaves, sorted. */
export function pathsOf(leaves: Iterable<Leaf>): Path[] {
  return [...leaves].map((leaf) => leaf.node.path).sort(comparePaths)
}
