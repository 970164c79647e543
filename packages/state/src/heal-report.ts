import { readBounded } from './bounded.ts'
import type { Ancestor, Conflict } from './conflict.ts'
import type { EntryCopy } from './cut-journal.ts'
import type { CutRecord } from './cut-record.ts'
import type { Schema } from './fields.ts'
import type { AuthorId, Path } from './ids.ts'
import { comparePaths, isSetKind, kindName, leafKinds } from './key.ts'
import type { LateWork } from './late-work.ts'
import { Leaf } from './leaf.ts'
import { leafKind, leafValue } from './leaf-kind.ts'
import { counterSum, type ItemsOf } from './read.ts'
import type { Row } from './rows.ts'
import { counterInitial } from './schema.ts'
import { winningItem } from './stamp-order.ts'
import { pathsOf, type TouchedLeaf, TouchedLeaves, touchedBy } from './touched-leaves.ts'
import type { Tree } from './tree.ts'
import { canonicalKey, type Value, valuesEqual } from './value.ts'
import type { Version } from './version.ts'

/** What one side did while the two were apart. */
export interface SideSummary {
  /** Writes, counted in seqs: a change counts one, a change that inserts n list elements counts n. */
  readonly changes: number
  /** Merge keys touched. */
  readonly keys: number
  /** Encoded size of what the side sent or would send. */
  readonly bytes: number
  readonly byAuthor: readonly { readonly author: AuthorId; readonly changes: number }[]
  /** Leaves touched, sorted. */
  readonly paths: readonly Path[]
}

/** What happened to one leaf over the heal, where nothing was lost. */
export type MergedEffect =
  | { readonly kind: 'value'; readonly before: Value | undefined; readonly after: Value | undefined }
  /** `after` is the sum of all, with the initial value where the schema is known. */
  | { readonly kind: 'counter'; readonly ours: number; readonly theirs: number; readonly after: number }
  | { readonly kind: 'set'; readonly added: readonly Value[]; readonly removed: readonly Value[] }
  | { readonly kind: 'list'; readonly inserted: number; readonly removed: number }

/** A leaf that merged without a conflict. */
export interface MergedKey {
  readonly path: Path
  /** Name of the leaf kind. */
  readonly kind: string
  readonly by: 'ours' | 'theirs' | 'both'
  readonly effect: MergedEffect
}

/**
 * What a heal brought. Changed keys, conflicts and net effects are exact; what a side wrote and overwrote in between is
 * not in it (`detail: 'net'`), and an ancestor is given only where it is certain (C14).
 */
export interface HealReport {
  readonly detail: 'net'
  /** What this replica had when contact was lost. */
  readonly cut: Version
  /** Greatest version that both sides included at contact. */
  readonly common: Version
  readonly ours: SideSummary
  readonly theirs: SideSummary
  readonly conflicts: readonly Conflict[]
  readonly merged: readonly MergedKey[]
  /** Conflicts whose ancestor is unknown. */
  readonly unknownAncestors: number
}

/** A leaf's content at one moment, in the form that effects are computed from. */
export type LeafState = Value | undefined

/** What entries held from one moment on, first those of the earliest. */
type Made = readonly ReadonlyMap<Row, EntryCopy>[]

function earliest(entry: Row, made: Made): EntryCopy | undefined {
  for (let i = 0; i < made.length; i++) {
    const copy = made[i]?.get(entry)
    if (copy !== undefined) return copy
  }
  return undefined
}

/** What a leaf held when the first of `copies` that know it were made, or holds now. */
function leafState(leaf: Leaf, copies: Made): LeafState {
  if (leaf.kind === leafKinds.list) {
    const entry = leaf.find('')
    const copy = entry === 0 ? undefined : earliest(entry, copies)
    return [...(copy?.elements ?? leaf.sequence?.toArray() ?? [])]
  }
  const itemsOf: ItemsOf = (entry) => earliest(entry, copies)?.items ?? leaf.tree.items(entry)
  if (leaf.kind === leafKinds.bounded) return readBounded(leaf, itemsOf).value ?? 0
  return leaf.kind === leafKinds.counter ? counterSum(leaf, itemsOf) : leafValue(leaf, itemsOf)
}

/** The same of a register at a node where nothing else stands, which is what most leaves are. */
function loneValue(tree: Tree, node: Row, copies: Made): LeafState {
  const items = earliest(node, copies)?.items
  if (items === undefined && !tree.hasRecords(node)) return tree.isLive(node) ? tree.value(node) : undefined
  return winningItem(items ?? tree.items(node))?.value
}

/** The report of a cut, as far as it has been merged. */
export function buildReport(record: CutRecord): HealReport {
  const { core, contact, until, sinceContact } = record
  const own = core.own?.id
  // What this replica wrote after contact is nobody else's doing.
  const theirs = own === undefined ? until : until.without(own).with(own, contact.ours.get(own))
  const { cut } = momentsOf(record)
  const conflicts = [...record.conflicts.values()]
    .map(({ entry, conflict }) => settled(record, entry, conflict, cut))
    .concat(record.halves)
  conflicts.sort((a, b) => comparePaths(a.path, b.path))
  const { common, ours, ourEntries } = contact
  const leaves = new TouchedLeaves(core.tree)
    .note(ourEntries, touchedBy.ours)
    .note(sinceContact.merged, touchedBy.theirs)
    .note(record.sinceCut.copies.keys(), touchedBy.us)
    .note(record.conflicts.keys(), touchedBy.conflict)
    .sorted()
  const ourPaths = pathsOf(leaves, touchedBy.ours)
  const theirPaths = pathsOf(leaves, touchedBy.theirs)
  return {
    detail: 'net',
    cut: record.version,
    common,
    ours: summaryOf(changesIn(common, ours), ourEntries.size, record.ourBytes, ourPaths),
    theirs: summaryOf(changesIn(ours, theirs), sinceContact.merged.size, record.theirBytes, theirPaths),
    conflicts,
    merged: mergedKeys(record, leaves),
    unknownAncestors: countUnknown(conflicts),
  }
}

/** A report of which later merges have only added to the conflicts and to what others did apart. */
export function revised(first: HealReport, conflicts: readonly Conflict[], theirs: SideSummary): HealReport {
  const names = new Set(conflicts.map(({ path }) => path.join('\u0000')))
  // A set can have conflicts about some elements and others that merged.
  const merged = first.merged.filter(({ kind, path }) => kind === 'set' || !names.has(path.join('\u0000')))
  return { ...first, theirs, conflicts, merged, unknownAncestors: countUnknown(conflicts) }
}

function countUnknown(conflicts: readonly Conflict[]): number {
  return conflicts.filter((conflict) => !conflict.ancestor.known).length
}

/** What the other side did with what came of it after the heal; `entries` are those of the heal. */
export function withLate(tree: Tree, heal: SideSummary, entries: Iterable<Row>, late: LateWork): SideSummary {
  const changes = new Map(heal.byAuthor.map((by) => [by.author, by.changes]))
  for (const [author, count] of late.changes) changes.set(author, (changes.get(author) ?? 0) + count)
  const touched = new Set([...entries, ...late.entries])
  const leaves = new TouchedLeaves(tree).note(touched, touchedBy.theirs).sorted()
  return summaryOf(changes, touched.size, heal.bytes + late.bytes, pathsOf(leaves, touchedBy.theirs))
}

/** How many changes of whom are in one version and not in another. */
function changesIn(from: Version, to: Version): Map<AuthorId, number> {
  const changes = new Map<AuthorId, number>()
  for (const [author, seq] of to.entries()) {
    if (seq > from.get(author)) changes.set(author, seq - from.get(author))
  }
  return changes
}

function summaryOf(
  changes: ReadonlyMap<AuthorId, number>,
  keys: number,
  bytes: number,
  paths: readonly Path[],
): SideSummary {
  const byAuthor = [...changes].map(([author, count]) => ({ author, changes: count }))
  byAuthor.sort((a, b) => (a.author < b.author ? -1 : 1))
  return { changes: byAuthor.reduce((sum, by) => sum + by.changes, 0), keys, bytes, byAuthor, paths }
}

function settled(record: CutRecord, entry: Row, conflict: Conflict, cut: Made): Conflict {
  const { tree } = record.core
  const isLone = tree.kind(entry) === leafKinds.register && tree.isAlone(entry)
  const result = isLone ? loneValue(tree, entry, []) : leafValue(tree.leafOf(entry))
  return { ...conflict, result, ancestor: ancestorOf(record, entry, cut) }
}

/**
 * Our first-touch copy is the common ancestor exactly if the common version lies within the cut and everything in the
 * copy lies within the common version (C14). Otherwise somebody may have written in between.
 */
function ancestorOf({ core, version, contact }: CutRecord, entry: Row, cut: Made): Ancestor {
  const copy = earliest(entry, cut)
  if (copy === undefined || !version.covers(contact.common)) return { known: false }
  for (const item of [...copy.items, ...copy.removals]) if (!contact.common.has(item)) return { known: false }
  const { tree } = core
  return { known: true, value: leafKind(tree.kind(entry)).pick(copy.items, tree.member(entry)) }
}

function mergedKeys(record: CutRecord, leaves: readonly TouchedLeaf[]): MergedKey[] {
  const { tree } = record.core
  const moments = momentsOf(record)
  const merged: MergedKey[] = []
  for (const leaf of leaves) {
    const isOurs = (leaf.by & touchedBy.us) !== 0
    const isTheirs = (leaf.by & touchedBy.theirs) !== 0
    if (!isOurs && !isTheirs) continue
    if ((leaf.by & touchedBy.conflict) !== 0 && !isSetKind(leaf.kind)) continue
    if (leaf.kind === leafKinds.counterReset) continue
    const isLone = leaf.kind === leafKinds.register && tree.isAlone(leaf.node)
    const effect = isLone
      ? valueEffect(
          loneValue(tree, leaf.node, isOurs ? moments.cut : moments.contact),
          loneValue(tree, leaf.node, moments.now),
        )
      : effectOf(new Leaf(tree, leaf.node, leaf.kind), record.schema, moments, isOurs)
    if (effect === undefined) continue
    const by = !isTheirs ? 'ours' : isOurs ? 'both' : 'theirs'
    merged.push({ path: leaf.path, kind: kindName(leaf.kind), by, effect })
  }
  return merged
}

/** By which copies what a leaf held is found. */
interface Moments {
  readonly now: Made
  readonly contact: Made
  readonly cut: Made
}

function momentsOf({ sinceCut, sinceContact }: CutRecord): Moments {
  return { now: [], contact: [sinceContact.copies], cut: [sinceCut.copies, sinceContact.copies] }
}

/** What both sides together did to a leaf, or undefined when nothing is left of it. */
function effectOf(
  leaf: Leaf,
  schema: Schema | undefined,
  { now, contact, cut }: Moments,
  isOurs: boolean,
): MergedEffect | undefined {
  const after = leafState(leaf, now)
  const atContact = leafState(leaf, contact)
  const before = isOurs ? leafState(leaf, cut) : atContact
  if (leaf.kind === leafKinds.counter || leaf.kind === leafKinds.bounded) {
    const ours = Number(atContact) - Number(before)
    const theirs = Number(after) - Number(atContact)
    if (ours === 0 && theirs === 0) return undefined
    const initial = schema === undefined ? 0 : counterInitial(schema, leaf.path)
    return { kind: 'counter', ours, theirs, after: initial + Number(after) }
  }
  if (isSetKind(leaf.kind)) return setEffect(asArray(before), asArray(after))
  if (leaf.kind === leafKinds.list) return listEffect(asArray(before), asArray(after))
  return valueEffect(before, after)
}

function valueEffect(before: LeafState, after: LeafState): MergedEffect | undefined {
  return sameState(before, after) ? undefined : { kind: 'value', before, after }
}

function asArray(state: LeafState): readonly Value[] {
  return Array.isArray(state) ? state : []
}

function sameState(left: LeafState, right: LeafState): boolean {
  if (left === undefined || right === undefined) return left === right
  return valuesEqual(left, right)
}

function setEffect(before: readonly Value[], after: readonly Value[]): MergedEffect | undefined {
  const had = new Set(before.map(canonicalKey))
  const has = new Set(after.map(canonicalKey))
  const added = after.filter((member) => !had.has(canonicalKey(member)))
  const removed = before.filter((member) => !has.has(canonicalKey(member)))
  return added.length === 0 && removed.length === 0 ? undefined : { kind: 'set', added, removed }
}

/** Counts by value: equal elements are not told apart. */
function listEffect(before: readonly Value[], after: readonly Value[]): MergedEffect | undefined {
  const counts = new Map<string, number>()
  for (const element of after) counts.set(canonicalKey(element), (counts.get(canonicalKey(element)) ?? 0) + 1)
  let kept = 0
  for (const element of before) {
    const left = counts.get(canonicalKey(element)) ?? 0
    if (left === 0) continue
    counts.set(canonicalKey(element), left - 1)
    kept++
  }
  const effect = { kind: 'list' as const, inserted: after.length - kept, removed: before.length - kept }
  return effect.inserted === 0 && effect.removed === 0 ? undefined : effect
}
