import { Item } from './item-table.ts'
import { leafKinds } from './key.ts'
import type { Row } from './rows.ts'
import type { Removal } from './since.ts'
import type { Tree } from './tree.ts'
import type { Value } from './value.ts'

/** The live set and removal records of an entry when it was first touched. */
export interface EntryCopy {
  readonly items: readonly Item[]
  readonly removals: readonly Removal[]
  /** Visible elements, when the entry is a list. */
  readonly elements: readonly Value[] | undefined
}

/** Up to here a journal is never folded. */
const small = 4096
/** Stands where the entry had been noted before, and the record only says that a merge touched it. */
const noted: EntryCopy = { items: [], removals: [], elements: undefined }
const nothing: readonly never[] = []

/**
 * First-touch copies of entries, taken once for all cuts of a store: a cut is a span of the journal, of which the first
 * record of each entry counts. A touch costs the same however many cuts are open, and one that was noted since the
 * last of them began costs next to nothing.
 *
 * Places are counted from the beginning of the journal and only grow, also when it is folded.
 */
export class CutJournal {
  readonly #tree: Tree
  #entries: Row[] = []
  /** What the entry held; an item stands for the usual copy, which is one item and nothing else. */
  #copies: (Item | EntryCopy | undefined)[] = []
  #merged: boolean[] = []
  /** The place of the first record that is kept. */
  #start = 0
  /** Where the youngest span begins. */
  #youngest = 0
  #foldAt = small
  /** Whether a span is gone since the journal was folded: only then does it hold records that nobody needs. */
  #hasDead = false
  readonly #spans = new Set<CutCopies>()
  #collecting = 0
  /** One more than the place of the last record of each entry, as far as it was noted. */
  #notedAt = new Float64Array(0)

  constructor(tree: Tree) {
    this.#tree = tree
  }

  /** Whether a touch has to be told. */
  get collects(): boolean {
    return this.#collecting > 0
  }

  /** The place of the next record. */
  get end(): number {
    return this.#start + this.#entries.length
  }

  /** Records kept. */
  get size(): number {
    return this.#entries.length
  }

  /** A span from here on. */
  begin(): CutCopies {
    const span = new CutCopies(this, this.end)
    this.#youngest = this.end
    this.#spans.add(span)
    this.#collecting++
    return span
  }

  /** A span collects no more. */
  ended(): void {
    this.#collecting--
  }

  /** Nobody will read a span any more. */
  forget(span: CutCopies): void {
    this.#spans.delete(span)
    this.#hasDead = true
    if (this.#spans.size > 0) return
    this.#keep([], [], [], this.end)
    this.#notedAt = new Float64Array(0)
  }

  /** Keeps what an entry holds, unless that was done. To be called before it changes. */
  touch(entry: Row, merging: boolean): void {
    if (this.#collecting === 0) return
    const place = (this.#notedAt[entry] ?? 0) - 1
    if (place < this.#youngest) this.#add(entry, copyOf(this.#tree, entry), merging)
    else if (merging && this.#merged[place - this.#start] === false) this.#add(entry, noted, true)
  }

  /** The records of a stretch: what each entry held at its first touch, and which of them a merge touched. */
  read(from: number, to: number, copies: Map<Row, EntryCopy>, merged: Set<Row>): void {
    for (let i = from - this.#start; i < to - this.#start; i++) {
      const entry = this.#entries[i] as Row
      if (this.#merged[i]) merged.add(entry)
      const copy = this.#copies[i]
      if (copy === noted || copies.has(entry)) continue
      const isPlain = copy === undefined || copy instanceof Item
      const items = copy === undefined ? nothing : [copy as Item]
      copies.set(entry, isPlain ? { items, removals: nothing, elements: undefined } : copy)
    }
  }

  #add(entry: Row, copy: Item | EntryCopy | undefined, merging: boolean): void {
    if (this.#hasDead && this.#entries.length >= this.#foldAt) this.#fold()
    this.#note(entry, this.end)
    this.#entries.push(entry)
    this.#copies.push(copy)
    this.#merged.push(merging)
  }

  /** Leaves one record per entry between the places that matter to a span: the rest were for spans that are gone. */
  #fold(): void {
    const places = [...this.#spans].flatMap((span) => span.places).sort((a, b) => a - b)
    const entries: Row[] = []
    const copies: (Item | EntryCopy | undefined)[] = []
    const merged: boolean[] = []
    /** For each place, how many records before it are left. */
    const left = new Map<number, number>()
    const seen = new Map<Row, number>()
    let next = 0
    for (let place = this.#start; place <= this.end; place++) {
      while (next < places.length && (places[next] as number) <= place) {
        left.set(places[next++] as number, entries.length)
        seen.clear()
      }
      if (place === this.end || next === 0) continue
      const i = place - this.#start
      const entry = this.#entries[i] as Row
      const before = seen.get(entry)
      if (before !== undefined) {
        merged[before] ||= this.#merged[i] === true
        continue
      }
      seen.set(entry, entries.length)
      entries.push(entry)
      copies.push(this.#copies[i])
      merged.push(this.#merged[i] === true)
    }
    const start = this.end - entries.length
    const moved = (place: number) => start + (left.get(place) ?? 0)
    for (const span of this.#spans) span.move(moved)
    this.#youngest = Math.max(...[...this.#spans].map((span) => span.from))
    this.#keep(entries, copies, merged, start)
    entries.forEach((entry, i) => {
      this.#note(entry, start + i)
    })
  }

  #note(entry: Row, place: number): void {
    if (entry >= this.#notedAt.length) {
      const grown = new Float64Array(Math.max(64, this.#tree.rows.end, 2 * entry))
      grown.set(this.#notedAt)
      this.#notedAt = grown
    }
    this.#notedAt[entry] = place + 1
  }

  #keep(entries: Row[], copies: (Item | EntryCopy | undefined)[], merged: boolean[], start: number): void {
    this.#entries = entries
    this.#copies = copies
    this.#merged = merged
    this.#start = start
    this.#foldAt = Math.max(small, 3 * entries.length)
    this.#hasDead = false
  }
}

function copyOf(tree: Tree, entry: Row): Item | EntryCopy | undefined {
  const isList = tree.kind(entry) === leafKinds.list
  if (!isList && !tree.hasRecords(entry)) return tree.isLive(entry) ? tree.item(entry) : undefined
  const removals = tree
    .removals(entry)
    .map(({ author, seq, hlc, row }) => ({ author, seq, hlc, targets: tree.targets(row) }))
  return {
    items: tree.items(entry),
    removals,
    elements: isList ? (tree.sequences.get(entry)?.toArray() ?? []) : undefined,
  }
}

/** First-touch copies of entries from one moment to another. Read from the journal when they are asked for. */
export class CutCopies {
  readonly #journal: CutJournal
  readonly #copies = new Map<Row, EntryCopy>()
  readonly #merged = new Set<Row>()
  #from: number
  #to: number | undefined
  #read: number

  constructor(journal: CutJournal, from: number) {
    this.#journal = journal
    this.#from = from
    this.#read = from
  }

  /** Where it begins in the journal. */
  get from(): number {
    return this.#from
  }

  /** What each entry held at its first touch. */
  get copies(): ReadonlyMap<Row, EntryCopy> {
    this.#catchUp()
    return this.#copies
  }

  /** Entries that a merge touched, as against a local change. */
  get merged(): ReadonlySet<Row> {
    this.#catchUp()
    return this.#merged
  }

  /** Collects no more. */
  end(): void {
    if (this.#to !== undefined) return
    this.#to = this.#journal.end
    this.#journal.ended()
  }

  /** Collects no more and is read no more. */
  drop(): void {
    this.end()
    this.#journal.forget(this)
  }

  /** Places in the journal between which records must be told apart. */
  get places(): readonly number[] {
    return this.#to === undefined ? [this.#from, this.#read] : [this.#from, this.#read, this.#to]
  }

  /** The journal was folded. */
  move(moved: (place: number) => number): void {
    this.#from = moved(this.#from)
    this.#read = moved(this.#read)
    if (this.#to !== undefined) this.#to = moved(this.#to)
  }

  #catchUp(): void {
    const to = this.#to ?? this.#journal.end
    if (this.#read === to) return
    this.#journal.read(this.#read, to, this.#copies, this.#merged)
    this.#read = to
    if (this.#to !== undefined) this.#journal.forget(this)
  }
}
