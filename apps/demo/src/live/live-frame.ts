/** Frames of the live sea: what this replica holds and what the others show, in the shape that the sea draws. */
import type { Frame, Ink, IslandFrame, LaneFrame, PeerView, Seat, Tone } from '../frame.ts'
import { seats } from '../frame.ts'
import type { Shown } from './presence.ts'

/** How long a boat is shown crossing. The message itself took milliseconds. */
export const crossingMs = 1_500

/** Another tab or machine. */
export interface Neighbour {
  here: boolean
  /** Since when `here` is so, page time. */
  since: number
  heardAt: number
  shown: Shown
  /** What it shows already, and when a boat brings the picture of it. */
  next: { readonly shown: Shown; readonly at: number } | undefined
}

export interface LiveBoat {
  readonly id: number
  readonly from: Seat
  readonly to: Seat
  readonly sentAt: number
  readonly dueAt: number
  readonly ink: Ink
  readonly tone: Tone
  /** Whether its landing has been drawn. */
  told: boolean
}

export interface LiveParts {
  readonly at: number
  readonly own: Shown | undefined
  readonly ownSeat: Seat
  readonly neighbours: readonly Neighbour[]
  readonly boats: readonly LiveBoat[]
  readonly plugged: boolean
}

/** A frame without inks. */
export function buildLiveFrame(parts: LiveParts): Omit<Frame, 'inks'> {
  const { at, own, ownSeat, neighbours, plugged } = parts
  const bySeat = new Map(neighbours.map((neighbour) => [neighbour.shown.seat, neighbour]))
  const islands = seats.map((seat): IslandFrame => {
    const neighbour = seat === ownSeat ? undefined : bySeat.get(seat)
    const shown = seat === ownSeat ? own : neighbour?.shown
    return {
      seat,
      // A seat nobody has taken is drawn without ink; it counts as being where we are.
      digest: shown?.digest ?? own?.digest ?? '0000000000000000',
      version: shown?.version ?? own?.version ?? [],
      flag: shown?.flag ?? '',
      flagBy: undefined,
      chest: shown?.chest ?? [],
      tally: shown?.tally ?? 0,
      peers:
        seat === ownSeat
          ? peersOf(neighbours, ownSeat)
          : neighbour === undefined
            ? []
            : [viewOf(ownSeat, neighbour, at)],
      apart: undefined,
      regatta: 0,
      stand: undefined,
      present: shown !== undefined,
    }
  })
  const here = new Set(neighbours.filter((neighbour) => neighbour.here).map((neighbour) => neighbour.shown.seat))
  const present = islands.filter((island) => island.present)
  const digests = new Set(present.map((island) => island.digest)).size
  return {
    at,
    islands,
    lanes: lanesOf(ownSeat, here, bySeat, plugged),
    boats: parts.boats.map((boat) => ({ ...boat, lostAt: undefined, bytes: 0, load: 'changes' as const })),
    storm: undefined,
    seal: { converged: digests <= 1, digests: Math.max(1, digests), since: 0, rounds: 0, messages: 0, bytes: 0 },
  }
}

function peersOf(neighbours: readonly Neighbour[], own: Seat): PeerView[] {
  return seats.flatMap((seat): PeerView[] => {
    const neighbour = seat === own ? undefined : neighbours.find((other) => other.shown.seat === seat)
    if (neighbour === undefined) return []
    return neighbour.here
      ? [{ seat, state: 'connected', heardAt: neighbour.heardAt }]
      : [{ seat, state: 'silent', since: neighbour.since }]
  })
}

/** We only know of others whether we hear each other. */
function viewOf(own: Seat, neighbour: Neighbour, at: number): PeerView {
  return neighbour.here
    ? { seat: own, state: 'connected', heardAt: at }
    : { seat: own, state: 'silent', since: neighbour.since }
}

function lanesOf(
  own: Seat,
  here: ReadonlySet<Seat>,
  known: ReadonlyMap<Seat, Neighbour>,
  plugged: boolean,
): LaneFrame[] {
  return seats.flatMap((from) =>
    seats
      .filter((to) => to !== from)
      .map((to): LaneFrame => {
        const other = from === own ? to : to === own ? from : undefined
        // Lanes of this tab are cut when it is unplugged, and towards whoever has fallen silent.
        const open = other === undefined || (plugged && (here.has(other) || !known.has(other)))
        return { from, to, open }
      }),
  )
}
