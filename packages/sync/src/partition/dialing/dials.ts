/** One dial under way. */
export interface Dial {
  readonly target: string
  /** Addresses that have not failed yet. */
  readonly keys: Set<string>
  readonly since: number
  readonly deadline: number
  /** It only looks whether somebody answers. */
  readonly isFeeler: boolean
  /** It goes beside the others and takes no place from them. */
  readonly isExtra: boolean
}

/** The dials under way, by number. */
export interface Dials {
  readonly size: number
  /** Those that take a place. */
  readonly places: number
  hasTarget(target: string): boolean
  get(id: number): Dial | undefined
  begin(dial: Dial): number
  end(id: number): Dial | undefined
  readonly entries: Iterable<[number, Dial]>
  /** The first deadline; Infinity where nothing is under way. */
  readonly deadline: number
}

/** No dials yet. */
export function createDials(): Dials {
  const dials = new Map<number, Dial>()
  const targets = new Set<string>()
  let count = 0
  let places = 0
  return {
    get size(): number {
      return dials.size
    },
    get places(): number {
      return places
    },
    get entries(): Iterable<[number, Dial]> {
      return [...dials]
    },
    get deadline(): number {
      return Math.min(...[...dials.values()].map(({ deadline }) => deadline))
    },
    hasTarget: (target) => targets.has(target),
    get: (id) => dials.get(id),
    begin: (dial) => {
      count += 1
      dials.set(count, dial)
      targets.add(dial.target)
      if (!dial.isExtra) places += 1
      return count
    },
    end: (id) => {
      const ended = dials.get(id)
      if (ended === undefined) return undefined
      dials.delete(id)
      targets.delete(ended.target)
      if (!ended.isExtra) places -= 1
      return ended
    },
  }
}
