import type { ListRun } from './change.ts'
import type { Core } from './core.ts'
import type { AuthorId, Dot } from './ids.ts'
import { type Key, leafKinds } from './key.ts'
import { isAddress, isShallow } from './limits.ts'
import type { Place, Sequence } from './sequence.ts'

// Checks of list elements that come from a peer or a disk.

interface Range {
  readonly from: number
  readonly to: number
}

/** Ranges of list elements that a change or bundle brings, per list and author in order of seq. */
export class NewElements {
  readonly #ranges: Map<string, Range[]> = new Map()

  /** Adds a range; false when one of its elements was there. */
  add(key: Key, author: AuthorId, from: number, count: number): boolean {
    const name = `${author}${key.id}`
    const ranges = this.#ranges.get(name) ?? []
    const at = firstFrom(ranges, from)
    const to = from + count - 1
    const overlaps = (ranges[at - 1]?.to ?? 0) >= from || (ranges[at]?.from ?? Number.POSITIVE_INFINITY) <= to
    if (overlaps) return false
    ranges.splice(at, 0, { from, to })
    this.#ranges.set(name, ranges)
    return true
  }

  has(key: Key, dot: Dot): boolean {
    const ranges = this.#ranges.get(`${dot.author}${key.id}`) ?? []
    const range = ranges[firstFrom(ranges, dot.seq + 1) - 1]
    return range !== undefined && range.to >= dot.seq
  }
}

/** Index of the first range that begins at `seq` or later. */
function firstFrom(ranges: readonly Range[], seq: number): number {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[middle]?.from ?? 0) < seq) low = middle + 1
    else high = middle
  }
  return low
}

/** Whether a run stands beside what is known, and is new among what is brought. */
export function isSoundRun(core: Core, key: Key, { author, seq, place, values }: ListRun, fresh: NewElements): boolean {
  const sequence = sequenceAt(core, key)
  if (sequence === undefined && !isAddress(key)) return false
  const known = (dot: Dot | undefined) => dot === undefined || fresh.has(key, dot) || sequence?.knows(dot) === true
  if (!known(place.parent) || !known(place.rightOrigin) || !isPlace(place) || !values.every(isShallow)) return false
  return fresh.add(key, author, seq, values.length)
}

function sequenceAt({ tree }: Core, key: Key): Sequence | undefined {
  const entry = tree.known(key)
  return entry === 0 ? undefined : tree.sequences.get(entry)
}

function isPlace(place: Place): boolean {
  return place.side === 'right' || (place.parent !== undefined && place.rightOrigin === undefined)
}

/** Whether all targets of a deletion are elements of the list, or come with it. */
export function areKnown(core: Core, key: Key, targets: readonly Dot[], fresh: NewElements): boolean {
  const sequence = sequenceAt(core, key)
  return key.kind === leafKinds.list && targets.every((dot) => fresh.has(key, dot) || sequence?.knows(dot) === true)
}

/** List places are kept for ever: what our version includes and the list does not know was made up. */
export function coversUnknown(core: Core, key: Key, run: ListRun): boolean {
  const covered = Math.min(core.version.get(run.author), run.seq + run.values.length - 1)
  if (covered < run.seq) return false
  const sequence = sequenceAt(core, key)
  for (let seq = run.seq; seq <= covered; seq++) if (sequence?.knows({ author: run.author, seq }) !== true) return true
  return false
}
