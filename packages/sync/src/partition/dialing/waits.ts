import type { DialPace } from './dial-options.ts'

/** When each target may be dialled again. */
export interface Waits {
  /** From when on a target is due, by the greatest ceiling and the stretch that hold now. Without an entry it is due. */
  dueAt(target: string, capMs: number, stretch: number): number
  failuresOf(target: string): number
  has(target: string): boolean
  /** Whether a hint made it due. */
  isHinted(target: string): boolean
  /** Another failure; `isRefused`: nothing changes quickly there. */
  fail(target: string, now: number, isRefused: boolean): void
  /** The next wait is the shortest again. */
  forgive(target: string): void
  /** Due at once; after `isNewNetwork` failures before it say nothing. */
  hint(target: string, isNewNetwork: boolean): void
  /** It is being dialled: the hint is used up. */
  begin(target: string): void
  /** Drops targets that are no more. */
  keep(isKept: (target: string) => boolean): void
  readonly targets: Iterable<string>
  readonly size: number
}

interface Wait {
  failures: number
  since: number
  /** Drawn once for a failure: the wait follows when the ceiling changes, and is not drawn anew in our favour. */
  draw: number
  isRefused: boolean
  isHinted: boolean
}

/** No waits yet: everything is due. */
export function createWaits({ baseMs }: DialPace, random: () => number): Waits {
  const waits = new Map<string, Wait>()
  return {
    targets: { [Symbol.iterator]: () => waits.keys() },
    get size(): number {
      return waits.size
    },
    has: (target) => waits.has(target),
    failuresOf: (target) => waits.get(target)?.failures ?? 0,
    isHinted: (target) => waits.get(target)?.isHinted === true,
    dueAt: (target, capMs, stretch) => {
      const wait = waits.get(target)
      if (wait === undefined || wait.isHinted) return Number.NEGATIVE_INFINITY
      if (wait.isRefused) return wait.since + capMs * (0.5 + wait.draw / 2)
      return wait.since + wait.draw * stretch * Math.min(capMs, baseMs * 2 ** Math.min(wait.failures - 1, 40))
    },
    fail: (target, now, isRefused) => {
      const failures = (waits.get(target)?.failures ?? 0) + 1
      waits.set(target, { failures, since: now, draw: random(), isRefused, isHinted: false })
    },
    forgive: (target) => {
      waits.delete(target)
    },
    hint: (target, isNewNetwork) => {
      const wait = waits.get(target)
      if (wait === undefined) return
      wait.isHinted = true
      if (isNewNetwork) wait.failures = 0
    },
    begin: (target) => {
      const wait = waits.get(target)
      if (wait !== undefined) wait.isHinted = false
    },
    keep: (isKept) => {
      for (const target of waits.keys()) if (!isKept(target)) waits.delete(target)
    },
  }
}
