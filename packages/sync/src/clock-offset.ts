/**
 * How far another wall clock is ahead of ours, from exchanges as in NTP: the one with the shortest round trip says most,
 * as the two ways of a slow one may differ by anything up to its length.
 */
export interface ClockOffset {
  /** Their wall clock minus ours, milliseconds. */
  readonly offsetMs: number
  /** The shortest round trip lately; undefined before the first exchange. */
  readonly roundTripMs: number | undefined
  /** The round trip of the last exchange; another object after each. */
  readonly last: { readonly tookMs: number } | undefined
  /** We sent at `sentAt` and hear at `heardAt`, both on our clock; they answered at `theirWall` on theirs. */
  note(sentAt: number, theirWall: number, heardAt: number): void
}

export function createClockOffset(): ClockOffset {
  let offsetMs = 0
  let roundTripMs: number | undefined
  let last: ClockOffset['last']
  return {
    get offsetMs(): number {
      return offsetMs
    },
    get roundTripMs(): number | undefined {
      return roundTripMs
    },
    get last(): ClockOffset['last'] {
      return last
    },
    note: (sentAt, theirWall, heardAt) => {
      const roundTrip = Math.max(0, heardAt - sentAt)
      last = { tookMs: roundTrip }
      if (roundTripMs !== undefined && roundTrip > roundTripMs * 2 + 5) {
        // The route may have become slower for good: believe it by and by.
        roundTripMs *= 1.25
        return
      }
      roundTripMs = roundTrip
      offsetMs = Math.round(theirWall - (sentAt + heardAt) / 2)
    },
  }
}
