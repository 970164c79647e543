import type { AuthorSlot } from './author-slot.ts'
import { Sum64 } from './hash.ts'
import { leafKinds } from './key.ts'
import { isMember, isPartPresent } from './read.ts'
import { marks, type Row, rowTypes, words } from './rows.ts'
import type { Store } from './store.ts'
import { countedDigest, digestOf, EntryDigests } from './store-digest.ts'
import type { Tree } from './tree.ts'

/** Faults beyond these tell nothing more. */
const mostFaults = 100

/**
 * Works out from scratch all that a store keeps up to date step by step (digest, counts, presence, recency lists, indexes,
 * rows in use, version) and says in words what is not as it must be; nothing where the store is sound. Changes
 * nothing and never throws, whatever happened to the store. Costs O(all rows): for tests, for an operator who suspects
 * something, not for every heartbeat; see `recheck` for that.
 */
export function verifyStore(store: Store): readonly string[] {
  const check = new StoreCheck(store)
  try {
    check.run()
  } catch (error) {
    check.say(`the store cannot be walked: ${String(error)}`)
  }
  return check.faults
}

class StoreCheck {
  readonly faults: string[] = []
  readonly #store: Store
  readonly #tree: Tree
  /** Rows that hang in the tree, and what else stands in recency lists. */
  readonly #hanging = new Set<Row>()
  readonly #dotted = new Set<Row>()
  readonly #listed = new Set<Row>()
  /** Elements that the runs of each list tell of. */
  readonly #runElements = new Map<Row, number>()
  #runs = 0
  #liveItems = 0
  #listElements = 0
  #removals = 0

  constructor(store: Store) {
    this.#store = store
    this.#tree = store.tree
  }

  say(fault: string): void {
    if (this.faults.length < mostFaults) this.faults.push(fault)
  }

  run(): void {
    this.#checkNode(this.#tree.root, 0)
    for (const slot of this.#tree.authors.values()) this.#checkRecency(slot)
    for (const row of this.#dotted) {
      if (!this.#listed.has(row)) this.say(`${this.#name(row)} stands in no recency list`)
    }
    for (const [entry, sequence] of this.#tree.sequences) {
      if (!this.#hanging.has(entry)) this.say(`a list that no entry holds (row ${entry})`)
      else
        this.#equal(
          `elements told of by the runs of ${this.#name(entry)}`,
          this.#runElements.get(entry) ?? 0,
          sequence.size,
        )
    }
    this.#checkCounts()
    this.#checkDigests()
  }

  #equal(what: string, kept: number | string, found: number | string): void {
    if (kept !== found) this.say(`${what}: kept ${kept}, found ${found}`)
  }

  #name(row: Row): string {
    const entry = this.#tree.entryOf(row)
    const member = this.#tree.member(entry)
    const place = `/${this.#tree.path(this.#tree.nodeOf(entry)).join('/')}`
    return `row ${row} at ${place}${member === '' ? '' : ` ${JSON.stringify(member)}`}`
  }

  /** Walks down, without recursion over what may be a circle: a row that was seen before is a fault. */
  #checkNode(root: Row, above: Row): void {
    const order: Row[] = []
    const stack: (readonly [node: Row, above: Row])[] = [[root, above]]
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const [node, parent] = next
      if (!this.#hang(node, parent)) continue
      order.push(node)
      if (this.#tree.kind(node) !== 0) this.#checkEntry(node)
      for (const row of this.#below(node)) {
        if (this.#tree.type(row) === rowTypes.node) stack.push([row, node])
        else if (this.#hang(row, node)) this.#checkEntry(row)
      }
    }
    // From the leaves up: what is below a node has been counted before it.
    for (const node of order.reverse()) this.#checkPresence(node)
  }

  #hang(row: Row, parent: Row): boolean {
    const { rows } = this.#tree
    if (row <= 0 || row >= rows.end || this.#hanging.has(row)) {
      this.say(`row ${row} hangs in the tree twice, or is none`)
      return false
    }
    this.#hanging.add(row)
    if (rows.get(row, words.parent) !== parent) this.say(`${this.#name(row)} hangs under another node than it says`)
    return true
  }

  /** The children and members of a node, by its chain or its index; each must be found by its name. */
  #below(node: Row): Row[] {
    const tree = this.#tree
    const { rows } = tree
    const below: Row[] = []
    if ((rows.get(node, words.flags) & marks.indexed) !== 0) {
      for (const child of tree.children(node)) below.push(child)
      for (const leaf of tree.leavesOf(node)) for (const entry of leaf.entries()) if (entry !== node) below.push(entry)
    } else {
      const seen = new Set<Row>()
      for (let row = rows.get(node, words.child); row !== 0 && !seen.has(row); row = rows.get(row, words.next)) {
        seen.add(row)
        below.push(row)
      }
    }
    for (const row of below) {
      const type = tree.type(row)
      const name = tree.names.get(row) as string
      const found = type === rowTypes.node ? tree.findChild(node, name) : tree.findEntry(node, tree.kind(row), name)
      if (type > rowTypes.member || found !== row)
        this.say(`row ${row} is not found by its name ${JSON.stringify(name)}`)
    }
    return below
  }

  #checkEntry(entry: Row): void {
    const tree = this.#tree
    const { rows } = tree
    if (tree.isLive(entry)) this.#noteDotted(entry)
    const records = new Set<Row>()
    for (let row = rows.get(entry, words.record); row !== 0; row = rows.get(row, words.next)) {
      if (records.has(row)) {
        this.say(`the records of ${this.#name(entry)} go round in a circle`)
        return
      }
      records.add(row)
      if (!this.#hang(row, entry)) return
      this.#noteDotted(row)
      const type = tree.type(row)
      if (type === rowTypes.removal || type === rowTypes.erasure) this.#removals++
      else if (type !== rowTypes.sibling) this.say(`${this.#name(row)} is a record of type ${type}`)
      else if (!tree.isLive(entry)) this.say(`${this.#name(entry)} has siblings and no first item`)
    }
    if (tree.kind(entry) === leafKinds.list) this.#checkList(entry)
    else this.#liveItems += tree.items(entry).length
    if (tree.kind(entry) === leafKinds.bounded && !tree.bounded.has(tree.nodeOf(entry))) {
      this.say(`${this.#name(entry)} is not among the bounded counters`)
    }
  }

  #noteDotted(row: Row): void {
    this.#dotted.add(row)
    if ((this.#tree.slotOf(row) as AuthorSlot | undefined) === undefined) this.say(`${this.#name(row)} is of no author`)
  }

  #checkList(entry: Row): void {
    const tree = this.#tree
    const sequence = tree.sequences.get(entry)
    const length = sequence?.length ?? 0
    this.#listElements += length
    if (tree.isLive(entry)) this.say(`${this.#name(entry)} is a list and holds an item`)
    this.#equal(`length of ${this.#name(entry)}`, Number(tree.value(entry) ?? 0), length)
    let visible = 0
    for (const _ of sequence?.values() ?? []) visible++
    this.#equal(`visible elements of ${this.#name(entry)}`, length, visible)
    for (const removal of tree.removals(entry)) {
      for (const target of tree.targets(removal.row)) {
        if (sequence?.knows(target) !== true) this.say(`${this.#name(removal.row)} erases what the list does not know`)
      }
    }
  }

  #checkPresence(node: Row): void {
    const tree = this.#tree
    let live = 0
    for (const leaf of tree.leavesOf(node)) {
      for (const entry of leaf.entries()) {
        const isPresent = this.#isPresent(node, entry)
        if (isPresent) live++
        const isMarked = (tree.rows.get(entry, words.flags) & marks.present) !== 0
        if (isMarked !== isPresent) this.say(`${this.#name(entry)} counts as ${isMarked ? 'present' : 'absent'}`)
      }
    }
    for (const child of tree.children(node)) if (tree.isPresent(child)) live++
    this.#equal(`what is present at ${this.#name(node)}`, tree.rows.get(node, words.live), live)
  }

  #isPresent(node: Row, entry: Row): boolean {
    const tree = this.#tree
    const kind = tree.kind(entry)
    if (kind === leafKinds.list) return (tree.sequences.get(entry)?.length ?? 0) > 0
    if (kind === leafKinds.counter) return isPartPresent(tree, node, entry)
    if (kind === leafKinds.counterReset) return false
    if (kind === leafKinds.bounded && tree.member(entry) !== '') return false
    return isMember(kind, tree.items(entry))
  }

  #checkRecency(slot: AuthorSlot): void {
    const tree = this.#tree
    const { rows } = tree
    this.#equal(`version of ${slot.id}`, this.#store.version.get(slot.id), slot.max)
    let before: Row = 0
    // The seqs of a change go on with each element that it inserts; what it removes and puts has its first one.
    let changeFrom = 0
    let lastSeq = 0
    for (let row = slot.head; row !== 0; row = rows.get(row, words.after)) {
      if (row >= rows.end || this.#listed.has(row)) {
        this.say(`row ${row} stands in recency lists twice, or is none`)
        return
      }
      this.#listed.add(row)
      const isRun = tree.type(row) === rowTypes.run
      if (isRun) this.#noteRun(row)
      else if (!this.#dotted.has(row)) this.say(`row ${row} in the recency list of ${slot.id} is held by no entry`)
      if (rows.get(row, words.before) !== before) this.say(`${this.#name(row)} names another one before it`)
      if (rows.author(row) !== slot.number) this.say(`${this.#name(row)} is of another author than ${slot.id}`)
      const seq = tree.seq(row)
      const last = isRun ? seq + Number(tree.value(row)) - 1 : seq
      if (seq < changeFrom) this.say(`${this.#name(row)} with seq ${seq} comes after ${lastSeq}`)
      if (last > slot.max) this.say(`${this.#name(row)} is ahead of its author`)
      if (seq > lastSeq && !(isRun && seq === lastSeq + 1)) changeFrom = seq
      lastSeq = Math.max(last, lastSeq)
      before = row
    }
    this.#equal(`last of ${slot.id}`, slot.tail, before)
  }

  #noteRun(row: Row): void {
    const entry = this.#tree.entryOf(row)
    this.#runs++
    this.#runElements.set(entry, (this.#runElements.get(entry) ?? 0) + Number(this.#tree.value(row)))
    if (!this.#hanging.has(entry)) this.say(`row ${row} tells of elements of a list that is not there`)
  }

  #checkCounts(): void {
    const { stats, version, floor } = this.#store
    this.#equal('live items', stats.liveItems, this.#liveItems)
    this.#equal('list elements', stats.listElements, this.#listElements)
    this.#equal('removal records', stats.removalRecords, this.#removals)
    this.#equal('rows in use', this.#tree.rows.size, this.#hanging.size + this.#runs)
    if (!version.covers(floor)) this.say('the floor is above the version')
    for (const [author, seq] of version.entries()) {
      if (this.#tree.authors.get(author)?.max !== seq) this.say(`version of ${author}: kept ${seq}, found another`)
    }
  }

  #checkDigests(): void {
    const kept = digestOf(this.#store)
    const digests = new EntryDigests(this.#tree)
    const sum = new Sum64()
    for (const row of this.#hanging) {
      if (this.#tree.type(row) > rowTypes.member) continue
      this.#tree.sequences.get(row)?.recheck(Number.POSITIVE_INFINITY)
      const found = digests.of(row)
      sum.add(found)
      const { hi, lo } = countedDigest(this.#tree, row)
      if (hi !== found.hi || lo !== found.lo) this.say(`${this.#name(row)} holds something else than its digest counts`)
    }
    this.#equal('digest', kept, sum.toString())
  }
}
