/** What a tab shows of its island to the others. Whatever arrives may be anything, so it is checked before it is drawn. */
import type { Seat, VersionEntry } from '../frame.ts'

/** One tab's island, as it says itself. */
export interface Shown {
  readonly seat: Seat
  readonly author: string
  readonly digest: string
  readonly flag: string
  readonly chest: readonly string[]
  readonly tally: number
  readonly version: readonly VersionEntry[]
  /** When this tab came, wall ms: of two on one seat, the later moves. */
  readonly since: number
}

const mostItems = 12
const mostAuthors = 48
const longestName = 24

/** The value to show; bounded, whatever the document holds. */
export function presenceOf(shown: Shown): { [key: string]: string | number | (string | (string | number)[])[] } {
  return {
    seat: shown.seat,
    author: shown.author,
    digest: shown.digest,
    flag: shown.flag.slice(0, longestName),
    chest: shown.chest.slice(0, mostItems).map((item) => item.slice(0, longestName)),
    tally: shown.tally,
    since: shown.since,
    version: shown.version.slice(-mostAuthors).map((entry): (string | number)[] => [entry.author, entry.count]),
  }
}

/** Reads what another tab shows; `undefined` for anything that is not an island. */
export function readPresence(value: unknown): Shown | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { seat, author, digest, flag, chest, tally, version, since } = value as Record<string, unknown>
  if (typeof seat !== 'number' || !Number.isInteger(seat) || seat < 0 || seat > 4) return undefined
  if (typeof digest !== 'string' || !/^[0-9a-f]{16}$/.test(digest)) return undefined
  if (typeof tally !== 'number' || !Number.isFinite(tally)) return undefined
  if (!Array.isArray(chest) || !Array.isArray(version)) return undefined
  return {
    seat: seat as Seat,
    author: typeof author === 'string' ? author.slice(0, 16) : '',
    digest,
    flag: typeof flag === 'string' ? flag.slice(0, longestName) : '',
    chest: chest.filter((item): item is string => typeof item === 'string').slice(0, mostItems),
    tally,
    since: typeof since === 'number' && Number.isFinite(since) ? since : 0,
    version: version.slice(0, mostAuthors).flatMap((entry: unknown): VersionEntry[] => {
      if (!Array.isArray(entry)) return []
      const [name, count] = entry as unknown[]
      return typeof name === 'string' && typeof count === 'number' ? [{ author: name, count }] : []
    }),
  }
}

/** A seat for a tab: the one it had, or the first that nobody holds; `undefined` when all five are taken. */
export function freeSeat(taken: ReadonlySet<number>, wanted: number | undefined): Seat | undefined {
  if (wanted !== undefined && !taken.has(wanted)) return wanted as Seat
  return ([0, 1, 2, 3, 4] as const).find((seat) => !taken.has(seat))
}
