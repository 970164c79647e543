import type { Conflict, NoticedConflict } from './conflict.ts'
import type { Core } from './core.ts'
import type { Path } from './ids.ts'
import { comparePaths, leafKinds } from './key.ts'
import type { Entry, Item, Leaf } from './tree.ts'
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
  /** Map entries of which one side's deletion left half. */
  readonly halves: readonly Conflict[]
  readonly ourBytes: number
  readonly theirBytes: number
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

/** Paths of some leaves, sorted. */
export function pathsOf(leaves: Iterable<Leaf>): Path[] {
  return [...leaves].map((leaf) => leaf.node.path).sort(comparePaths)
}
