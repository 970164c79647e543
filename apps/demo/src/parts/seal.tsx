import { bytesText, clockText, countText, type Frame, seats } from '../frame.ts'
import { inkClass } from '../sea/island.tsx'

const spots: readonly (readonly [number, number])[] = [
  [0, -7.6],
  [7.2, -2.4],
  [4.5, 6.2],
  [-4.5, 6.2],
  [-7.2, -2.4],
]

/** The seal: five seats in their inks; the ring closes when all digests are equal. */
export function Seal({ frame, now }: { frame: Frame; now: number }) {
  const { seal } = frame
  return (
    <div class="conv">
      <svg
        class={`seal ${seal.converged ? 'closed' : ''}`}
        viewBox="-15 -15 30 30"
        aria-hidden="true"
        focusable="false"
      >
        <circle class="o" r="13.6" transform="rotate(-90)" />
        {seats.map((seat) => {
          const [x, y] = spots[seat] ?? [0, 0]
          const ink = frame.inks[seat]
          const present = frame.islands[seat]?.present ?? false
          return (
            <g key={seat} class={ink === undefined ? '' : inkClass(ink)}>
              <circle class={`s ${!present ? 'none' : ink?.tone === 'pale' ? 'behind' : ''}`} cx={x} cy={y} r="2.9" />
            </g>
          )
        })}
      </svg>
      <p role="status" aria-live="polite">
        <b>{sealHeadline(frame)}</b> <span class="num">{sealDetail(frame)}</span>
      </p>
      <span class="when only-tall num">{clockText(now)}</span>
    </div>
  )
}

export function sealHeadline({ seal }: Frame): string {
  if (!seal.converged) return 'Not converged'
  return seal.rounds === 0 ? 'Converged' : `Converged in ${countText(seal.rounds, 'round')}`
}

export function sealDetail({ seal }: Frame): string {
  if (!seal.converged) return `${countText(seal.digests, 'digest')} on the sea`
  if (seal.messages === 0) return 'every island holds the same state'
  return `${countText(seal.messages, 'message')}, ${bytesText(seal.bytes)}`
}
