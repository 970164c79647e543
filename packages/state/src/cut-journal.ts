import { type Entry, Item } from './tree.ts'
import type { Value } from './value.ts'

/** The live set and removal records of an entry when it was first touched. */
export interface EntryCopy {
  readonly items: readonly Item[]
  readonly removals: readonly Item[]
  /** Visible elements, when the entry is a list. */
  readonly elements: readonly Value[] | undefined
}

/** Up to here a journal is never folded. */
const small = 4096
/** Stands where the entry had been noted before, and the record only says that a merge touched it. */
const noted: EntryCopy = { items: [], removals: [], elements: undefined }
const nothing: readonly Item[] = []

/**
 * First-touch copies of entries, taken once for all cuts of a store: a cut is a span of the journal, of which the first
 * record of each entry counts. A touch costs the same however many cuts are open, and one that was noted since the
 * last of them began costs next to nothing.
 *
 * Places are counted from the beginning of the journal and only grow, also when it is folded.
 */
export class CutJournal {
  #entries: Entry[] = []
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
    if (this.#spans.size === 0) this.#keep([], [], [], this.end)
  }

  /** Keeps what an entry holds, unless that was done. To be called before it changes. */
  touch(entry: Entry, merging: boolean): void {
    if (this.#collecting === 0) return
    if (entry.notedAt < this.#youngest) this.#add(entry, copyOf(entry), merging)
    else if (merging && this.#merged[entry.notedAt - this.#start] === false) this.#add(entry, noted, true)
  }

  /** The records of a stretch: what each entry held at its first touch, and which of them a merge touched. */
  read(from: number, to: number, copies: Map<Entry, EntryCopy>, merged: Set<Entry>): void {
    for (let i = from - this.#start; i < to - this.#start; i++) {
      const entry = this.#entries[i] as Entry
      if (this.#merged[i]) merged.add(entry)
      const copy = this.#copies[i]
      if (copy === noted || copies.has(entry)) continue
      const isPlain = copy === undefined || copy instanceof Item
      const items = copy === undefined ? nothing : [copy as Item]
      copies.set(entry, isPlain ? { items, removals: nothing, elements: undefined } : copy)
    }
  }

  #add(entry: Entry, copy: Item | EntryCopy | undefined, merging: boolean): void {
    if (this.#hasDead && this.#entries.length >= this.#foldAt) this.#fold()
    entry.notedAt = this.end
    this.#entries.push(entry)
    this.#copies.push(copy)
    this.#merged.push(merging)
  }

  /** Leaves one record per entry between the places that matter to a span: the rest were for spans that are gone. */
  #fold(): void {
    const places = [...this.#spans].flatMap((span) => span.places).sort((a, b) => a - b)
    const entries: Entry[] = []
    const copies: (Item | EntryCopy | undefined)[] = []
    const merged: boolean[] = []
    /** For each place, how many records before it are left. */
    const left = new Map<number, number>()
    const seen = new Map<Entry, number>()
    let next = 0
    for (let place = this.#start; place <= this.end; place++) {
      while (next < places.length && (places[next] as number) <= place) {
        left.set(places[next++] as number, entries.length)
        seen.clear()
      }
      if (place === this.end || next === 0) continue
      const i = place - this.#start
      const entry = this.#entries[i] as Entry
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
      entry.notedAt = start + i
    })
  }

  #keep(entries: Entry[], copies: (Item | EntryCopy | undefined)[], merged: boolean[], start: number): void {
    this.#entries = entries
    this.#copies = copies
    this.#merged = merged
    this.#start = start
    this.#foldAt = Math.max(small, 3 * entries.length)
    this.#hasDead = false
  }
}

function copyOf(entry: Entry): Item | EntryCopy | undefined {
  const { first, more, removals } = entry
  const { sequence } = entry.leaf
  if (more === undefined && removals === undefined && sequence === undefined) return first
  return {
    items: entry.liveItems(),
    removals: removals === undefined ? nothing : [...removals],
    elements: sequence?.toArray(),
  }
}

/** First-touch copies of entries from one moment to another. Read from the journal when they are asked for. */
export class CutCopies {
  readonly #journal: CutJournal
  readonly #copies = new Map<Entry, EntryCopy>()
  readonly #merged = new Set<Entry>()
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
  get copies(): ReadonlyMap<Entry, EntryCopy> {
    this.#catchUp()
    return this.#copies
  }

  /** Entries that a merge touched, as against a local change. */
  get merged(): ReadonlySet<Entry> {
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
