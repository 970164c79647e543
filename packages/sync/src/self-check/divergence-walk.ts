/**
 * Finds the subtrees in which two replicas differ, from the digests that the other side answers.
 *
 * Invariants
 * 1. It ends: at most `walkLimits.steps` answers are taken, and each place that is asked about is named or left for smaller ones.
 * 2. At most `walkLimits.paths` subtrees are named; where more differ, the place around them is.
 * 3. No answer makes it look at a place that this side does not have: names come from both sides, or are named at once.
 */
import {
  bucketBits,
  type DigestPlace,
  digestsBelow,
  mostBucketBits,
  type Path,
  type PlaceDigests,
  type Store,
} from '@rejoin/state'

/** Bounds of one walk. */
export const walkLimits = {
  /** Answers taken. */
  steps: 16,
  /** Places in one question. */
  places: 8,
  /** Subtrees named. */
  paths: 16,
} as const

/** One walk down two trees. Both must stay as they are while it lasts. */
export class DivergenceWalk {
  readonly #store: Store
  readonly #found: Path[] = []
  #open: DigestPlace[] = [{ path: [], bits: 0, bucket: 0 }]
  #asked: readonly DigestPlace[] = []
  #steps = 0

  constructor(store: Store) {
    this.#store = store
  }

  /** The places to ask about next, in about `mostBytes` bytes; none when the walk is over. */
  next(mostBytes: number): readonly DigestPlace[] {
    this.#asked = []
    if (this.#steps >= walkLimits.steps) return this.#asked
    const asked: DigestPlace[] = []
    let room = mostBytes
    for (const place of this.#open) {
      room -= bytesOf(place)
      if (room < 0 || asked.length === walkLimits.places) break
      asked.push(place)
    }
    this.#asked = asked
    return asked
  }

  /** Takes the answers to the first of the places that were asked about; whoever answers may have had no room for all. */
  take(answers: readonly PlaceDigests[]): void {
    this.#steps += 1
    const answered = answers.slice(0, this.#asked.length)
    this.#open = this.#open.slice(answered.length)
    // An answer without room for a single place ends the search there.
    if (answered.length === 0) this.#steps = walkLimits.steps
    answered.forEach((answer, i) => {
      this.#compare(this.#asked[i] as DigestPlace, answer)
    })
  }

  /** The subtrees that differ, as closely as they are known by now. */
  get paths(): readonly Path[] {
    let paths = outermost([...this.#found, ...this.#open.map((place) => place.path)])
    while (paths.length > walkLimits.paths) {
      const deepest = Math.max(...paths.map((path) => path.length))
      paths = outermost(paths.map((path) => path.slice(0, deepest - 1)))
    }
    return paths
  }

  #compare(place: DigestPlace, theirs: PlaceDigests): void {
    const ours = digestsBelow(this.#store, place, theirs.children.by)
    const named = this.#found.length
    const inside = theirs.children.by === 'name' ? this.#named(place, ours, theirs) : bucketsOf(place, ours, theirs)
    // Something differs here, or it would not have been asked about: sums may hide what it is.
    const isHidden = inside.length === 0 && this.#found.length === named
    if (isHidden || ours.own !== theirs.own) {
      this.#found.push(place.path)
      return
    }
    if (this.#found.length + this.#open.length + inside.length > 2 * walkLimits.paths) this.#found.push(place.path)
    else this.#open.push(...inside)
  }

  /** Children that differ; one that only one side has is named at once. */
  #named(place: DigestPlace, ours: PlaceDigests, theirs: PlaceDigests): DigestPlace[] {
    const inside: DigestPlace[] = []
    for (const name of differing<string>(ours, theirs)) {
      const path = [...place.path, name]
      if (has(ours, name) && has(theirs, name)) inside.push({ path, bits: 0, bucket: 0 })
      else if (inside.length + this.#found.length < 2 * walkLimits.paths) this.#found.push(path)
    }
    return inside
  }
}

/** Buckets that differ. What is no bucket of this place was made up. */
function bucketsOf({ path, bits, bucket }: DigestPlace, ours: PlaceDigests, theirs: PlaceDigests): DigestPlace[] {
  const inside = bits + bucketBits
  if (inside > mostBucketBits) return []
  const differ = differing<number>(ours, theirs).filter((one) => one >>> bucketBits === bucket)
  return differ.map((one) => ({ path, bits: inside, bucket: one }))
}

function differing<K extends string | number>(ours: PlaceDigests, theirs: PlaceDigests): K[] {
  const mine = ours.children.digests as ReadonlyMap<K, string>
  const other = theirs.children.digests as ReadonlyMap<K, string>
  const keys = new Set([...mine.keys(), ...other.keys()])
  return [...keys].filter((key) => mine.get(key) !== other.get(key))
}

function has({ children }: PlaceDigests, name: string): boolean {
  return (children.digests as ReadonlyMap<string, string>).has(name)
}

/** Each path once, without those below another. */
function outermost(paths: readonly Path[]): readonly Path[] {
  const distinct = [...new Map(paths.map((path) => [JSON.stringify(path), path])).values()]
  return distinct.filter((path) => !distinct.some((other) => other !== path && isWithin(path, other)))
}

/** Whether `path` is below `other`. */
export function isWithin(path: Path, other: Path): boolean {
  return other.length <= path.length && other.every((name, i) => name === path[i])
}

/** An upper bound of what a place takes on the wire. */
function bytesOf({ path }: DigestPlace): number {
  let bytes = 16
  for (const name of path) bytes += 3 * name.length + 3
  return bytes
}
