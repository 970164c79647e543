import { bytesText, clockText, countText, type Frame, seats } from '../frame.ts'
import { noticeOfSea, sideCount, stageOf } from '../noticing.ts'
import { inkClass } from '../sea/island.tsx'

const spots: readonly (readonly [number, number])[] = [
  [0, -7.6],
  [7.2, -2.4],
  [4.5, 6.2],
  [-4.5, 6.2],
  [-7.2, -2.4],
]

/** The seal: five seats in their inks; the ring closes when all digests are equal and all islands reach each other. */
export function Seal({ frame, now }: { frame: Frame; now: number }) {
  const { seal } = frame
  return (
    <div class="conv">
      <svg
        class={`seal ${seal.converged && sideCount(frame) === 1 ? 'closed' : ''}`}
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
        <b>{sealHeadline(frame)}</b>{' '}
        <span class="num">
          <Detail frame={frame} now={now} />
        </span>
      </p>
      <span class="when only-tall num">{clockText(now)}</span>
    </div>
  )
}

/** Equal digests on two sides of a storm are no agreement: nobody could have said otherwise. */
function sealHeadline(frame: Frame): string {
  const { seal } = frame
  if (!seal.converged) return 'Not converged'
  if (sideCount(frame) > 1) return `Same state, ${sidesText(frame)}`
  return seal.rounds === 0 ? 'Converged' : `Converged in ${countText(seal.rounds, 'round')}`
}

function Detail({ frame, now }: { frame: Frame; now: number }) {
  const { seal } = frame
  const notice = noticeOfSea(frame, now)
  if (notice !== undefined && !seal.converged) {
    const sides = stageOf(frame) === 'told' && sideCount(frame) > 1 ? sidesText(frame) : notice.lead + notice.rest
    return (
      <>
        {countText(seal.digests, 'digest')}, {sides}
      </>
    )
  }
  if (notice !== undefined) {
    return (
      <>
        {notice.lead}
        {/* Seconds are for the eye: a live region that changes with each of them would never stop talking. */}
        <i aria-hidden="true">{notice.ticking}</i>
        {notice.rest}
      </>
    )
  }
  if (!seal.converged) return <>{countText(seal.digests, 'digest')} on the sea</>
  if (seal.messages === 0) return <>every island holds the same state</>
  return (
    <>
      {countText(seal.messages, 'message')}, {bytesText(seal.bytes)}
    </>
  )
}

function sidesText(frame: Frame): string {
  const sides = sideCount(frame)
  return `on ${sides === 2 ? 'two' : sides} sides`
}
