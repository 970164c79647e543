import type { ListRun } from './change.ts'
import type { Core } from './core.ts'
import type { AuthorId, Dot } from './ids.ts'
import { type Key, leafKinds } from './key.ts'
import { addressFault, depthFault } from './limits.ts'
import type { Place, Sequence } from './sequence.ts'
import type { Fault } from './validate.ts'

/** Checks of list elements that come from a peer or a disk. */
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

/** What is wrong with where a run stands and what it holds, if anything. */
export function placeFault(core: Core, key: Key, run: ListRun, fresh: NewElements): Fault {
  const sequence = sequenceAt(core, key)
  const fault = sequence === undefined ? addressFault(key) : undefined
  if (fault !== undefined) return fault
  const known = (dot: Dot | undefined) => dot === undefined || fresh.has(key, dot) || sequence?.knows(dot) === true
  if (!known(run.place.parent) || !known(run.place.rightOrigin)) {
    return 'a list element beside one that is not known'
  }
  if (!isPlace(run.place)) return 'a place of another form'
  for (const value of run.values) {
    const deep = depthFault(value)
    if (deep !== undefined) return deep
  }
  return fresh.add(key, run.author, run.seq, run.values.length) ? undefined : 'a list element twice'
}

function sequenceAt({ tree }: Core, key: Key): Sequence | undefined {
  const entry = tree.known(key)
  return entry === 0 ? undefined : tree.sequences.get(entry)
}

function isPlace(place: Place): boolean {
  return place.side === 'right' || (place.parent !== undefined && place.rightOrigin === undefined)
}

/** What is wrong with a deletion of list elements, if anything. */
export function eraseFault(core: Core, key: Key, targets: readonly Dot[], fresh: NewElements): Fault {
  if (key.kind !== leafKinds.list) return 'a list deletion in something that is not a list'
  const sequence = sequenceAt(core, key)
  for (const target of targets) {
    if (!fresh.has(key, target) && sequence?.knows(target) !== true)
      return 'the deletion of a list element that is not known'
  }
  return undefined
}

/** List places are kept for ever: what our version includes and the list does not know was made up. */
export function coversUnknown(core: Core, key: Key, run: ListRun): boolean {
  const covered = Math.min(core.version.get(run.author), run.seq + run.values.length - 1)
  if (covered < run.seq) return false
  const sequence = sequenceAt(core, key)
  for (let seq = run.seq; seq <= covered; seq++) if (sequence?.knows({ author: run.author, seq }) !== true) return true
  return false
}
