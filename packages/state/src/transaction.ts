import type { AuthorSlot } from './author-slot.ts'
import type { Change, Op } from './change.ts'
import type { Core } from './core.ts'
import { documentFull } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import type { FencingToken } from './graded.ts'
import type { Path } from './ids.ts'
import { leafKinds } from './key.ts'
import type { Leaf } from './leaf.ts'
import { leafKind } from './leaf-kind.ts'
import { checkValueBytes, limitDetails } from './limits.ts'
import { counterPresent, type ItemsOf, isMember, type ReadableItem } from './read.ts'
import { marks, type Row, words } from './rows.ts'
import { winningItem } from './stamp-order.ts'
import type { Tree } from './tree.ts'
import type { Value } from './value.ts'
import { WrittenChange } from './written-change.ts'

/** A leaf that is written at once, inside of the running change, with what it takes to put it back. */
export interface LeafEdit {
  /** By how many elements it has grown. */
  readonly growth: number
  /** Removes all that is there. */
  clear(): void
  /** What the leaf held before the change. Costs O(leaf). */
  committed(): Value[]
  /** Puts the leaf back. Costs O(leaf). */
  undo(): void
  /** Notes what was written, in the store and as ops. */
  commit(seq: number, ops: Op[]): void
}

const fewPlaces = 8
const noRows: Row[] = []
const noValues: Value[] = []

/**
 * The writes of one running change(). Keyed writes wait in their entries until commit; list writes take effect at once
 * and are undone when the change throws. Reads within the change see its own writes.
 */
export class Transaction {
  readonly core: Core
  /** Of the leases whose fenced fields this change may write. */
  readonly tokens: readonly FencingToken[]
  readonly #tree: Tree
  /** Entries written to, each once. */
  #pending: Row[] = noRows
  #values: Value[] = noValues
  #places: Map<Row, number> | undefined
  #edits: Map<Row, LeafEdit> | undefined
  #itemsOf: ItemsOf | undefined
  #inserted = 0
  #removes = 0

  constructor(core: Core, tokens: readonly FencingToken[]) {
    this.core = core
    this.#tree = core.tree
    this.tokens = tokens
  }

  /** Writes one item at a merge key. @throws RejoinError `value-too-large`. */
  put(entry: Row, value: Value): void {
    if (typeof value !== 'number') this.checkBytes(entry, value)
    this.#want(entry, marks.put, value)
  }

  /** @throws RejoinError `value-too-large`. */
  checkBytes(entry: Row, value: Value): void {
    checkValueBytes(value, this.core.limits.valueBytes, () => this.#pathOf(entry))
  }

  /** Removes what is there at a merge key. */
  remove(entry: Row): void {
    if (this.#pendingOf(entry) !== 0 || this.#tree.isLive(entry)) this.#want(entry, marks.remove, null)
  }

  #want(entry: Row, what: number, value: Value): void {
    const { rows } = this.#tree
    const page = rows.page(entry)
    const at = rows.offset(entry)
    const flags = page[at + words.flags] as number
    if (what !== marks.put) this.#removes++
    if ((flags & marks.pending) === 0) {
      // An array that begins with its first element has room for that alone, as many changes need.
      if (this.#pending === noRows) {
        this.#pending = [entry]
        this.#values = [value]
      } else {
        this.#pending.push(entry)
        this.#values.push(value)
      }
    } else this.#values[this.#placeOf(entry)] = value
    page[at + words.flags] = (flags & ~marks.pending) | what
  }

  /** What this change wants of an entry: 0, `marks.put` or `marks.remove`. */
  #pendingOf(entry: Row): number {
    return this.#tree.rows.get(entry, words.flags) & marks.pending
  }

  #pendingValue(entry: Row): Value {
    return this.#values[this.#placeOf(entry)] as Value
  }

  /** Where an entry stands among those written to. Few changes come back to what they wrote, and most of those at once. */
  #placeOf(entry: Row): number {
    const pending = this.#pending
    const last = pending.length - 1
    for (let at = last; at >= Math.max(0, last - fewPlaces); at--) if (pending[at] === entry) return at
    this.#places ??= new Map()
    for (let at = this.#places.size; at <= last; at++) this.#places.set(pending[at] as Row, at)
    return this.#places.get(entry) as number
  }

  #pathOf(entry: Row): Path {
    return this.#tree.path(this.#tree.nodeOf(entry))
  }

  /** The items of an entry as this change sees them. */
  get itemsOf(): ItemsOf {
    this.#itemsOf ??= (entry) => this.#itemsAt(entry)
    return this.#itemsOf
  }

  #itemsAt(entry: Row): readonly ReadableItem[] {
    const pending = this.#pendingOf(entry)
    if (pending === 0) return this.#tree.items(entry)
    if (pending === marks.remove) return []
    const { id, max } = this.core.ownSlot()
    return [{ author: id, seq: max + 1, hlc: Number.MAX_SAFE_INTEGER, value: this.#pendingValue(entry) }]
  }

  /** The value that a last-writer-wins register reads within this change. */
  valueOf(entry: Row): Value | undefined {
    const pending = this.#pendingOf(entry)
    if (pending !== 0) return pending === marks.put ? this.#pendingValue(entry) : undefined
    const tree = this.#tree
    if (!tree.isLive(entry)) return undefined
    return tree.hasRecords(entry) ? winningItem(tree.items(entry))?.value : tree.value(entry)
  }

  /** Whether an entry has a live item within this change. */
  isLive(entry: Row): boolean {
    const kind = this.#tree.kind(entry)
    if (kind === leafKinds.setRemoveWins) return isMember(kind, this.itemsOf(entry))
    const pending = this.#pendingOf(entry)
    return pending === 0 ? this.#tree.isLive(entry) : pending === marks.put
  }

  /** The edit of a list in this change, made when new. */
  edit(entry: Row): LeafEdit {
    this.#edits ??= new Map()
    let edit = this.#edits.get(entry)
    if (edit === undefined) {
      edit = this.core.editList?.(entry) as LeafEdit
      this.#edits.set(entry, edit)
    }
    return edit
  }

  /** Takes seqs for list elements, and says the first. */
  takeSeqs(count: number): number {
    const first = this.core.ownSlot().max + 1 + this.#inserted
    this.#inserted += count
    return first
  }

  /** Whether anything in the subtree is present within this change. */
  isPresent(node: Row): boolean {
    const tree = this.#tree
    for (const leaf of tree.leavesOf(node)) if (this.#leafPresent(leaf)) return true
    return tree.children(node).some((child) => this.isPresent(child))
  }

  #leafPresent(leaf: Leaf): boolean {
    if (leaf.kind === leafKinds.counterReset) return false
    if (leaf.kind === leafKinds.counter) return counterPresent(leaf, this.itemsOf)
    if (leaf.kind === leafKinds.list) return (leaf.sequence?.length ?? 0) > 0
    return leaf.entries().some((entry) => this.isLive(entry))
  }

  /**
   * Removes a map entry. A record at the entry itself, also where nothing of it was added, tells others what was deleted:
   * without a schema the records inside do not.
   */
  removeEntry(node: Row): void {
    this.removeSubtree(node)
    this.#want(this.#tree.entry(node, leafKinds.entry, ''), marks.remove, null)
  }

  /** Removes everything seen in a subtree: one removal record per live item (C4). */
  removeSubtree(node: Row): void {
    const tree = this.#tree
    for (const leaf of tree.leavesOf(node)) this.#removeLeaf(leaf)
    for (const child of tree.children(node)) {
      if (tree.isPresent(child) || this.isPresent(child)) this.removeSubtree(child)
    }
  }

  #removeLeaf(leaf: Leaf): void {
    if (leaf.kind === leafKinds.counterReset) return
    if (leaf.kind === leafKinds.counter) this.resetCounter(leaf)
    else if (leaf.kind === leafKinds.list) {
      if ((leaf.sequence?.length ?? 0) > 0) this.edit(leaf.find('')).clear()
    } else if (leafKind(leaf.kind).removable) for (const entry of leaf.entries()) this.remove(entry)
  }

  /** Notes each part as seen: reading subtracts it, what others add concurrently stays (C7, observed reset). */
  resetCounter(counter: Leaf): void {
    const tree = this.#tree
    for (const entry of counter.entries()) {
      const item = this.itemsOf(entry)[0]
      if (item === undefined || typeof item.value !== 'number') continue
      this.put(tree.entry(counter.node, leafKinds.counterReset, tree.member(entry)), [item.seq, item.value])
    }
  }

  /** What a list held before this change, where this change has written to it. Costs O(list). */
  committedElements(entry: Row): Value[] | undefined {
    return this.#edits?.get(entry)?.committed()
  }

  /**
   * To be called before commit.
   * @throws RejoinError `document-full` when the change adds to a document that has no room for it.
   */
  checkItems(): void {
    const { liveItems, listElements, limits } = this.core
    const before = liveItems + listElements
    const most = limits.documentItems
    if (before + this.#pending.length + this.#inserted <= most) return
    const growth = this.#growth()
    if (growth <= 0 || before + growth <= most) return
    throw new RejoinError(documentFull, { details: limitDetails('documentItems', before + growth, most) })
  }

  /** By how many live items and list elements this change grows the document. */
  #growth(): number {
    const tree = this.#tree
    let growth = 0
    for (const edit of this.#edits?.values() ?? []) growth += edit.growth
    for (const entry of this.#pending) {
      // The marks of a reset are not counted: whoever is at the limit must be able to delete.
      if (tree.kind(entry) === leafKinds.counterReset) continue
      growth += (this.#pendingOf(entry) === marks.put ? 1 : 0) - tree.items(entry).length
    }
    return growth
  }

  /** Ends the change without effect. List writes are undone in O(list). */
  abort(): void {
    for (const entry of this.#pending) this.#settle(entry)
    for (const edit of this.#edits?.values() ?? []) edit.undo()
    for (const entry of this.#pending) this.core.emptied.push(entry)
  }

  /** Takes the wish of this change from an entry, and says what it was. */
  #settle(entry: Row): number {
    const { rows } = this.#tree
    const flags = rows.get(entry, words.flags)
    rows.set(entry, words.flags, flags & ~marks.pending)
    return flags & marks.pending
  }

  /** Applies the writes and gives the change that carries them; undefined when nothing was written. */
  commit(): Change | undefined {
    if (this.#pending.length === 0 && this.#edits === undefined) return undefined
    const core = this.core
    const tree = this.#tree
    const slot = core.ownSlot()
    const seq = slot.max + 1
    const span = Math.max(1, this.#inserted)
    const context = core.others
    const hlc = core.clock.tick(core.now())
    const rows = this.#pending
    // Carrying out removals changes the list.
    core.beginRevision(false, this.#removes === 0 ? rows : undefined)
    const removed = this.#removes === 0 ? noRows : this.#remove(slot, seq, hlc)
    const values = this.#values
    for (let i = 0; i < rows.length; i++) {
      const entry = rows[i] as Row
      const value = values[i] as Value
      if (core.overwrite(entry, slot, seq, hlc, value, undefined)) continue
      this.#settle(entry)
      this.#put(entry, slot, seq, hlc, value)
    }
    const change = new WrittenChange(slot.id, seq, context, hlc, tree.era, rows, values, removed)
    if (this.#edits === undefined) {
      if (rows.length + removed.length === 0) return undefined
      core.raise(slot, seq)
      return change
    }
    const ops = [...change.ops]
    for (const edit of this.#edits.values()) edit.commit(seq, ops)
    if (ops.length === 0) return undefined
    core.raise(slot, seq + span - 1)
    return { author: slot.id, seq, context, hlc, span, ops }
  }

  /** Carries out the removals among the writes, and leaves the others. The entries at which there was something to remove. */
  #remove(slot: AuthorSlot, seq: number, hlc: number): Row[] {
    const rows = this.#pending
    const values = this.#values
    const removed: Row[] = []
    let left = 0
    for (let i = 0; i < rows.length; i++) {
      const entry = rows[i] as Row
      if (this.#pendingOf(entry) === marks.put) {
        rows[left] = entry
        values[left++] = values[i] as Value
        continue
      }
      this.#settle(entry)
      if (this.core.remove(entry, slot, seq, hlc)) removed.push(entry)
    }
    rows.length = left
    values.length = left
    return removed
  }

  #put(entry: Row, slot: AuthorSlot, seq: number, hlc: number, value: Value): void {
    const core = this.core
    const tree = this.#tree
    if (!tree.hasRecords(entry) && tree.kind(entry) !== leafKinds.fenced) {
      core.replaceSingle(entry, slot, seq, hlc, value)
    } else {
      core.replaceLive(entry, [...core.standingBeside(entry, value), { author: slot.id, seq, hlc, value }])
    }
  }
}
