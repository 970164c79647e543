import type { Change, Op } from './change.ts'
import type { Core } from './core.ts'
import { assert, rejoinError } from './errors.ts'
import { type FencingToken, fencedItem, fencedValue, outranks, tokenOf } from './graded.ts'
import type { AuthorId, Dot, Path } from './ids.ts'
import { leafKinds } from './key.ts'
import { leafKind } from './leaf-kind.ts'
import { checkValueBytes, limitDetails } from './limits.ts'
import { counterPresent, counterSum, currentItems, type ItemsOf, isMember, type ReadableItem } from './read.ts'
import { Sequence } from './sequence.ts'
import { winningItem } from './stamp-order.ts'
import { type Entry, type Leaf, type Node, pendingKinds } from './tree.ts'
import type { Value } from './value.ts'

/** A list that the running change has written, with what it takes to put it back. */
interface TouchedList {
  readonly entry: Entry
  readonly inserts: Op[]
  readonly erased: Dot[]
  /** Values of the erased elements, in the same order: needed when the change throws. */
  readonly erasedValues: Value[]
}

/**
 * The writes of one running change(). Keyed writes wait in their entries until commit; list writes take effect at once
 * and are undone when the change throws. Reads within the change see its own writes.
 */
export class Transaction {
  readonly #core: Core
  readonly #tokens: readonly FencingToken[]
  readonly #pending: Entry[] = []
  readonly #lists: Map<Entry, TouchedList> = new Map()
  #inserted = 0
  #open = true

  constructor(core: Core, tokens: readonly FencingToken[]) {
    this.#core = core
    this.#tokens = tokens
  }

  /** Whether the change is still running. */
  get open(): boolean {
    return this.#open
  }

  /** Writes one item at a merge key. @throws RejoinError `value-too-large`. */
  put(entry: Entry, value: Value): void {
    if (typeof value !== 'number') checkValueBytes(value, this.#core.limits.valueBytes, entry.path)
    if (entry.pending === pendingKinds.none) this.#pending.push(entry)
    entry.pending = pendingKinds.put
    entry.pendingValue = value
  }

  /** Removes what is there at a merge key. */
  remove(entry: Entry): void {
    if (entry.pending === pendingKinds.none) {
      if (entry.first === undefined) return
      this.#pending.push(entry)
    }
    entry.pending = pendingKinds.remove
    entry.pendingValue = null
  }

  /** The items of an entry as this change sees them. */
  readonly itemsOf: ItemsOf = (entry: Entry): readonly ReadableItem[] => {
    if (entry.pending === pendingKinds.none) return currentItems(entry)
    if (entry.pending === pendingKinds.remove) return []
    const { id, max } = this.#core.ownSlot()
    return [{ author: id, seq: max + 1, hlc: Number.MAX_SAFE_INTEGER, value: entry.pendingValue }]
  }

  /** The value that a last-writer-wins register reads within this change. */
  valueOf(entry: Entry): Value | undefined {
    if (entry.pending === pendingKinds.put) return entry.pendingValue
    if (entry.pending === pendingKinds.remove) return undefined
    return entry.more === undefined ? entry.first?.value : winningItem(entry.liveItems())?.value
  }

  /** Whether an entry has a live item within this change. */
  isLive(entry: Entry): boolean {
    if (entry.kind === leafKinds.setRemoveWins) return isMember(entry.kind, this.itemsOf(entry))
    return entry.pending === pendingKinds.none ? entry.first !== undefined : entry.pending === pendingKinds.put
  }

  /**
   * Writes a fenced register under the token that this change was given for its lease.
   * @throws RejoinError `fencing-token-required` without one, `fencing-token-stale` when a later holder has written.
   */
  putFenced(entry: Entry, value: Value): void {
    const lease = entry.member
    const token = this.#tokens.find((given) => given.lease === lease)
    if (token === undefined)
      throw rejoinError('fencing-token-required', { details: { lease, path: entry.path.join('/') } })
    const written = fencedValue(token, value)
    const standing = fencedItem(this.itemsOf(entry))
    if (standing !== undefined && outranks(standing.value, written)) {
      const seen = tokenOf(standing.value)
      throw rejoinError('fencing-token-stale', {
        details: { lease, epoch: token.epoch, ballot: token.ballot, seenEpoch: seen.epoch, seenBallot: seen.ballot },
      })
    }
    this.put(entry, written)
  }

  /** The incarnation that this change is written under. */
  get author(): AuthorId {
    return this.#core.ownSlot().id
  }

  /** Whether this replica hands out the rights of the bounded counter at a path. */
  mayGrant(path: Path): boolean {
    return this.#core.authority?.grantRights(path) === true
  }

  /** Whether an author is known to have ended although it could not say so. */
  hasEnded(author: AuthorId): boolean {
    return author !== this.author && this.#core.authority?.hasEnded?.(author) === true
  }

  /** Adds to this author's part of a counter. */
  addToCounter(counter: Leaf, delta: number): void {
    const entry = counter.entry(this.#core.ownSlot().id)
    const before = this.itemsOf(entry)[0]?.value
    const sum = (typeof before === 'number' ? before : 0) + delta
    if (!Number.isFinite(sum)) {
      throw rejoinError('invalid-value', {
        reason: 'A counter would leave the range of finite numbers.',
        details: { delta },
      })
    }
    this.put(entry, sum)
  }

  /** The sum of a counter within this change. */
  counterSum(counter: Leaf): number {
    return counterSum(counter, this.itemsOf)
  }

  /** Inserts values into a list. @throws RejoinError `value-too-large`. */
  insert(entry: Entry, index: number, values: readonly Value[]): void {
    if (values.length === 0) return
    const sequence = entry.leaf.sequence
    assert(sequence !== undefined, 'insert() needs a list')
    for (const value of values) checkValueBytes(value, this.#core.limits.valueBytes, entry.path)
    const list = this.#list(entry)
    const own = this.#core.ownSlot()
    const run = sequence.insertAt(index, { author: own.id, seq: own.max + 1 + this.#inserted }, values)
    this.#inserted += values.length
    list.inserts.push({ type: 'insert', key: entry.key, run })
  }

  /** Deletes elements of a list. */
  erase(entry: Entry, index: number, count: number): void {
    const sequence = entry.leaf.sequence
    assert(sequence !== undefined, 'erase() needs a list')
    const list = this.#list(entry)
    for (let i = 0; i < count; i++) {
      const id = sequence.idAt(index)
      list.erasedValues.push(sequence.get(index) ?? null)
      list.erased.push(id)
      sequence.remove(id)
    }
  }

  /** Whether anything in the subtree is present within this change. */
  isPresent(node: Node): boolean {
    for (const leaf of node.leaves) if (this.#leafPresent(leaf)) return true
    for (const child of node.children.values()) if (this.isPresent(child)) return true
    return false
  }

  #leafPresent(leaf: Leaf): boolean {
    if (leaf.kind === leafKinds.counterReset) return false
    if (leaf.kind === leafKinds.counter) return counterPresent(leaf, this.itemsOf)
    if (leaf.sequence !== undefined) return leaf.sequence.length > 0
    for (const entry of leaf.entries()) if (this.isLive(entry)) return true
    return false
  }

  /**
   * Removes a map entry. A record at the entry itself, also where nothing of it was added, tells others what was deleted:
   * without a schema the records inside do not.
   */
  removeEntry(node: Node): void {
    this.removeSubtree(node)
    const entry = node.leaf(leafKinds.entry).entry('')
    if (entry.pending === pendingKinds.none) this.#pending.push(entry)
    entry.pending = pendingKinds.remove
    entry.pendingValue = null
  }

  /** Removes everything seen in a subtree: one removal record per live item (C4). */
  removeSubtree(node: Node): void {
    for (const leaf of [...node.leaves]) this.#removeLeaf(leaf)
    for (const child of node.children.values()) {
      if (child.presentLeaves > 0 || this.isPresent(child)) this.removeSubtree(child)
    }
  }

  #removeLeaf(leaf: Leaf): void {
    if (leaf.kind === leafKinds.counterReset) return
    if (leaf.kind === leafKinds.counter) this.resetCounter(leaf)
    else if (leaf.sequence !== undefined) {
      if (leaf.sequence.length > 0) this.erase(leaf.entry(''), 0, leaf.sequence.length)
    } else if (leafKind(leaf.kind).removable) for (const entry of leaf.entries()) this.remove(entry)
  }

  /** Notes each part as seen: reading subtracts it, what others add concurrently stays (C7, observed reset). */
  resetCounter(counter: Leaf): void {
    const resets = counter.node.leaf(leafKinds.counterReset)
    for (const entry of counter.entries()) {
      const item = this.itemsOf(entry)[0]
      if (item === undefined || typeof item.value !== 'number') continue
      this.put(resets.entry(entry.key.member), [item.seq, item.value])
    }
  }

  #list(entry: Entry): TouchedList {
    let list = this.#lists.get(entry)
    if (list === undefined) {
      this.#core.journal.touch(entry, false)
      list = { entry, inserts: [], erased: [], erasedValues: [] }
      this.#lists.set(entry, list)
    }
    return list
  }

  /** What a list held before this change, where this change has written to it. Costs O(list). */
  committedElements(entry: Entry): Value[] | undefined {
    const list = this.#lists.get(entry)
    const written = entry.leaf.sequence
    return list === undefined || written === undefined ? undefined : this.#rebuilt(list, written).toArray()
  }

  /**
   * To be called before commit.
   * @throws RejoinError `document-full` when the change adds to a document that has no room for it.
   */
  checkItems(): void {
    const { liveItems, listElements, limits } = this.#core
    const before = liveItems + listElements
    const most = limits.documentItems
    if (before + this.#pending.length + this.#inserted <= most) return
    const growth = this.#growth()
    if (growth <= 0 || before + growth <= most) return
    throw rejoinError('document-full', { details: limitDetails('documentItems', before + growth, most) })
  }

  /** By how many live items and list elements this change grows the document. */
  #growth(): number {
    let growth = this.#inserted
    for (const { erased } of this.#lists.values()) growth -= erased.length
    for (const { kind, pending, first, more } of this.#pending) {
      // The marks of a reset are not counted: whoever is at the limit must be able to delete.
      if (kind === leafKinds.counterReset) continue
      growth += (pending === pendingKinds.put ? 1 : 0) - (first === undefined ? 0 : 1 + (more?.length ?? 0))
    }
    return growth
  }

  /** Ends the change without effect. List writes are undone in O(list). */
  abort(): void {
    this.#open = false
    for (const entry of this.#pending) clearPending(entry)
    for (const list of this.#lists.values()) this.#undoList(list)
  }

  /** Applies the writes and gives the change that carries them; undefined when nothing was written. */
  commit(): Change | undefined {
    this.#open = false
    if (this.#pending.length === 0 && this.#lists.size === 0) return undefined
    const core = this.#core
    const slot = core.ownSlot()
    const seq = slot.max + 1
    const span = Math.max(1, this.#inserted)
    const context = core.others
    const hlc = core.clock.tick(core.now())
    const ops: Op[] = []
    core.beginRevision(false)
    for (const entry of this.#pending) {
      const pending = entry.pending
      const value = entry.pendingValue
      clearPending(entry)
      if (pending === pendingKinds.put) {
        const item = core.liveItem(entry, slot, seq, hlc, value)
        if (entry.more === undefined && entry.kind !== leafKinds.fenced) core.replaceSingle(entry, item)
        else core.replaceLive(entry, [...core.standingBeside(entry, item), item], [item])
        ops.push({ type: 'put', key: entry.key, value })
      } else if (entry.first !== undefined || entry.key.kind === leafKinds.entry) {
        core.replaceLive(entry, [], [])
        core.addRemoval(entry, slot, seq, hlc)
        ops.push({ type: 'remove', key: entry.key })
      }
    }
    for (const list of this.#lists.values()) this.#commitList(list, seq, ops)
    if (ops.length === 0) return undefined
    core.raise(slot, seq + span - 1)
    return { author: slot.id, seq, span, context, hlc, ops }
  }

  #undoList(list: TouchedList): void {
    if (list.entry.leaf.sequence !== undefined) list.entry.leaf.sequence = this.#rebuilt(list, list.entry.leaf.sequence)
  }

  /** A list as it was before this change. */
  #rebuilt({ erased, erasedValues }: TouchedList, written: Sequence): Sequence {
    const own = this.#core.own
    const restored = new Map(erased.map((id, i) => [`${id.author}:${id.seq}`, erasedValues[i]]))
    const rebuilt = new Sequence()
    for (const { id, place, removed, value } of written.places()) {
      if (own !== undefined && id.author === own.id && id.seq > own.max) continue
      const back = restored.get(`${id.author}:${id.seq}`)
      rebuilt.applyRun({ id, place, values: [removed ? back : value] })
    }
    return rebuilt
  }

  #commitList({ entry, inserts, erased }: TouchedList, seq: number, ops: Op[]): void {
    if (inserts.length === 0 && erased.length === 0) return
    const core = this.#core
    const slot = core.ownSlot()
    core.touch(entry)
    for (const op of inserts) {
      if (op.type !== 'insert') continue
      ops.push(op)
      core.addRun(entry, slot, op.run.id.seq, op.run.values.length)
    }
    if (erased.length > 0) {
      ops.push({ type: 'erase', key: entry.key, targets: erased })
      core.addErasure(entry, slot, seq, erased)
    }
    core.updateList(entry.leaf)
  }
}

function clearPending(entry: Entry): void {
  entry.pending = pendingKinds.none
  entry.pendingValue = null
}
