/** How many peers to be connected with. */
export interface LinkLimits {
  /** With fewer everything is tried at once: 1 to 100. */
  readonly min: number
  /** With fewer one is looked for at a time. */
  readonly target: number
  /** With as many, links that others open are refused, but those of voters and anchors. At most 1,000. */
  readonly max: number
}

/** Links by surroundings: `lan` and `wan` for servers, `browser` for a page, `large` for more than 500 replicas. */
export const linkPresets: Readonly<Record<'lan' | 'wan' | 'browser' | 'large', LinkLimits>> = {
  lan: { min: 3, target: 6, max: 50 },
  wan: { min: 3, target: 6, max: 50 },
  browser: { min: 1, target: 3, max: 10 },
  large: { min: 4, target: 8, max: 100 },
}

/** Paces of dialling; each has a default. */
export interface DialPace {
  /** First ceiling of the wait after a failure, which doubles, milliseconds. Shorter heals sooner and costs more dials. Default 1 s. */
  readonly baseMs: number
  /**
   * Greatest ceiling of the wait for configured addresses and voters. An absent one is dialled once in half of it by all
   * on this side together. Default 60 s.
   */
  readonly capMs: number
  /** Greatest ceiling for others. Default 15 min. */
  readonly knownCapMs: number
  /** Dials in any second, all together. Default 3. */
  readonly perSecond: number
  /** Dials under way at once below `min` or after a hint. Default 3. */
  readonly parallel: number
  /** A connection that lived so long makes earlier failures forgotten. Default 30 s. */
  readonly healthyMs: number
  /** Between looks at an untried address when there are links enough. Default 2 min. */
  readonly feelerMs: number
  /** A dial without result by then has failed. Default 10 s. */
  readonly timeoutMs: number
  /** Hints within this time count as one. Default 1 s. */
  readonly debounceMs: number
}

/** Default, least, most. */
const ranges: Readonly<Record<keyof DialPace, readonly [number, number, number]>> = {
  baseMs: [1000, 50, 60_000],
  capMs: [60_000, 1000, 3_600_000],
  knownCapMs: [900_000, 1000, 86_400_000],
  perSecond: [3, 1, 100],
  parallel: [3, 1, 16],
  healthyMs: [30_000, 100, 3_600_000],
  feelerMs: [120_000, 1000, 86_400_000],
  timeoutMs: [10_000, 500, 120_000],
  debounceMs: [1000, 0, 60_000],
}
const names = Object.keys(ranges) as (keyof DialPace)[]

/** What is wrong with limits and paces, in words; undefined where nothing is. */
export function dialFault({ min, target, max }: LinkLimits, pace: Partial<DialPace> = {}): string | undefined {
  if (![min, target, max].every(Number.isInteger) || min < 1 || min > 100 || target < min || max < target || max > 1000)
    return 'Links are whole numbers: min from 1 to 100, target from min, max from target to 1000.'
  const full = paceOf(pace)
  for (const name of names) {
    const [, least, most] = ranges[name]
    const isCount = name === 'perSecond' || name === 'parallel'
    if (!(full[name] >= least && full[name] <= most) || (isCount && !Number.isInteger(full[name])))
      return `${name} is a${isCount ? ' whole' : ''} number from ${least} to ${most}.`
  }
  return full.baseMs > full.capMs || full.capMs > full.knownCapMs
    ? 'baseMs is not above capMs, and that not above knownCapMs.'
    : undefined
}

/** Paces with the defaults of those not given. */
export function paceOf(pace: Partial<DialPace>): DialPace {
  return Object.fromEntries(names.map((name) => [name, pace[name] ?? ranges[name][0]])) as unknown as DialPace
}
