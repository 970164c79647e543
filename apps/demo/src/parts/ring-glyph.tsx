import type { IslandFrame, PeerView, Seat } from '../frame.ts'
import { seats } from '../frame.ts'
import { type Doubt, doubtLeft } from '../stand.ts'

/** The five seats as they stand in the ring, in units of a 30 by 30 box round the middle. */
export const seatSpots: readonly (readonly [number, number])[] = [
  [0, -10],
  [9.5, -3.1],
  [5.9, 8.1],
  [-5.9, 8.1],
  [-9.5, -3.1],
]

/** An island's view of the others: itself in its ink, who is connected filled, who is silent hollow and struck, who is doubted a ring that drains. */
export function RingGlyph({ island, size, now }: { island: IslandFrame; size: number; now: number }) {
  return (
    <svg class="ring-glyph" viewBox="-15 -15 30 30" width={size} height={size} aria-hidden="true" focusable="false">
      <circle class="m-ring" r="10" />
      {seats.map((seat) => (
        <SeatMark
          key={seat}
          seat={seat}
          self={seat === island.seat}
          view={island.peers.find((peer) => peer.seat === seat)}
          doubt={island.stand?.doubts.find((doubt) => doubt.seat === seat)}
          now={now}
        />
      ))}
    </svg>
  )
}

interface SeatMarkProps {
  readonly seat: Seat
  readonly self: boolean
  readonly view: PeerView | undefined
  readonly doubt: Doubt | undefined
  readonly now: number
}

function SeatMark({ seat, self, view, doubt, now }: SeatMarkProps) {
  const [x, y] = seatSpots[seat] ?? [0, 0]
  if (self) return <circle class="m-self" cx={x} cy={y} r="4" />
  if (doubt !== undefined) {
    return (
      <g>
        <circle class="m-bed" cx={x} cy={y} r="4.2" />
        <DoubtRing x={x} y={y} r={3} left={doubtLeft(doubt, now)} />
      </g>
    )
  }
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

/** What is left of a doubt, from the top on. */
function DoubtRing({ x, y, r, left }: { x: number; y: number; r: number; left: number }) {
  return (
    <g>
      <circle class="m-doubt-bed" cx={x} cy={y} r={r} />
      <circle
        class="m-doubt"
        cx={x}
        cy={y}
        r={r}
        pathLength="100"
        stroke-dasharray={`${(left * 100).toFixed(1)} 100`}
        transform={`rotate(-90 ${x} ${y})`}
      />
    </g>
  )
}

/** One seat of a list: the same mark, larger. */
export function PeerMark({ view, doubt, now }: { view: PeerView; doubt?: Doubt | undefined; now: number }) {
  if (doubt !== undefined) {
    return (
      <svg class="seat" viewBox="-8 -8 16 16" width="15" height="15" aria-hidden="true" focusable="false">
        <DoubtRing x={0} y={0} r={5} left={doubtLeft(doubt, now)} />
      </svg>
    )
  }
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
