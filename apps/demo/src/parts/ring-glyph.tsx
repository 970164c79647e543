import type { IslandFrame, PeerView, Seat } from '../frame.ts'
import { seats } from '../frame.ts'

/** The five seats as they stand in the ring, in units of a 30 by 30 box round the middle. */
export const seatSpots: readonly (readonly [number, number])[] = [
  [0, -10],
  [9.5, -3.1],
  [5.9, 8.1],
  [-5.9, 8.1],
  [-9.5, -3.1],
]

/** An island's view of the others: itself in its ink, who is connected filled, who is silent hollow and struck. */
export function RingGlyph({ island, size }: { island: IslandFrame; size: number }) {
  return (
    <svg class="ring-glyph" viewBox="-15 -15 30 30" width={size} height={size} aria-hidden="true" focusable="false">
      <circle class="m-ring" r="10" />
      {seats.map((seat) => (
        <SeatMark
          key={seat}
          seat={seat}
          self={seat === island.seat}
          view={island.peers.find((peer) => peer.seat === seat)}
        />
      ))}
    </svg>
  )
}

function SeatMark({ seat, self, view }: { seat: Seat; self: boolean; view: PeerView | undefined }) {
  const [x, y] = seatSpots[seat] ?? [0, 0]
  if (self) return <circle class="m-self" cx={x} cy={y} r="4" />
  if (view === undefined) return <circle class="m-empty" cx={x} cy={y} r="1.4" />
  if (view.state === 'connected') return <circle class="m-alive" cx={x} cy={y} r="2.6" />
  return (
    <g>
      <circle class="m-bed" cx={x} cy={y} r="3.9" />
      <circle class="m-gone" cx={x} cy={y} r="2.7" />
      <path class="m-slash" d={`M${x - 3.4} ${y + 3.4}l6.8 -6.8`} />
    </g>
  )
}

/** One seat of a list: the same mark, larger. */
export function PeerMark({ view }: { view: PeerView }) {
  return (
    <svg class="seat" viewBox="-8 -8 16 16" width="15" height="15" aria-hidden="true" focusable="false">
      {view.state === 'connected' ? (
        <circle class="m-alive" r="4.2" />
      ) : (
        <g>
          <circle class="m-gone" r="4.6" />
          <path class="m-slash" d="M-5.6 5.6L5.6 -5.6" />
        </g>
      )}
    </svg>
  )
}
