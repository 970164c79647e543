import { type Frame, type InkFrame, type IslandFrame, type Seat, seatName, shortDigest } from '../frame.ts'
import { noticeOnWater, stageAt } from '../noticing.ts'
import { LeaseMark } from '../parts/icons.tsx'
import { RingGlyph } from '../parts/ring-glyph.tsx'
import { type Stand, sideText } from '../stand.ts'
import { inkClass } from './island.tsx'
import { type Layout, pointOf } from './layout.ts'

/** Names on the water: HTML, so that they never shrink with the sea. */
export function Labels({
  frame,
  layout,
  names,
  now,
}: {
  frame: Frame
  layout: Layout
  names?: readonly string[] | undefined
  now: number
}) {
  // Three lines are to stand where two did.
  const lift = layout.tall ? 8 : 7
  return (
    <div class="labels" aria-hidden="true">
      {frame.islands.map((island, at) => {
        const ink = frame.inks[at]
        const [x, y] = pointOf(layout.labels, island.seat)
        if (ink === undefined) return null
        return (
          <div
            key={island.seat}
            class={`label ${inkClass(ink)} ${island.present ? '' : 'absent'}`}
            style={{ transform: `translate(${x.toFixed(1)}px, ${(y - lift).toFixed(1)}px)` }}
          >
            <RingGlyph island={island} size={layout.tall ? 24 : layout.scale < 0.9 ? 28 : 34} now={now} />
            <div>
              <b>
                {names?.[island.seat] ?? seatName(island.seat)}
                <LeaseMark lease={island.stand?.lease} />
              </b>
              {island.present ? <Facts island={island} /> : null}
              <Stance frame={frame} island={island} short={layout.tall} />
            </div>
          </div>
        )
      })}
    </div>
  )
}

/** Its own word of where it stands; while it has not noticed that it is cut, that instead. */
function Stance({ frame, island, short }: { frame: Frame; island: IslandFrame; short: boolean }) {
  const { stand } = island
  if (stand === undefined) return null
  const stage = stageAt(frame, island)
  if (stage === 'doubting') return <p class="stance doubted">{short ? 'in doubt' : noticeOnWater(frame, island)}</p>
  if (stage === 'unnoticed') return <p class="stance">{short ? '' : noticeOnWater(frame, island)}</p>
  return <p class={`stance side-${stand.side}`}>{short ? shortSide(stand) : sideText(stand)}</p>
}

/** On a phone the name of a side is enough; its count stands on the page of the island. */
function shortSide(stand: Stand): string {
  return stand.side === 'full' || stand.side === 'mixed' ? '' : (sideText(stand).split(',')[0] ?? '')
}

function Facts({ island }: { island: IslandFrame }) {
  return (
    <p class="facts">
      <svg class="ic" aria-hidden="true" viewBox="0 0 16 16" width="13" height="13" focusable="false">
        <use href="#i-chest" />
      </svg>
      <span>{island.chest.length}</span>
      <svg class="ic" aria-hidden="true" viewBox="0 0 16 16" width="13" height="13" focusable="false">
        <use href="#i-tally" />
      </svg>
      <span>{island.tally}</span>
      <i class="sw" />
      <span class="mono">{shortDigest(island.digest)}</span>
    </p>
  )
}

export interface Camp {
  readonly side: 'west' | 'east'
  readonly name: string
  readonly text: string
  readonly ink: InkFrame
  readonly seats: readonly Seat[]
}

/** The two names a split gives its waters. */
export function Camps({ camps, layout }: { camps: readonly Camp[]; layout: Layout }) {
  if (layout.tall) return null
  return (
    <div class="camps" aria-hidden="true">
      {camps.map((camp) => {
        const [x, y] = layout.camps[camp.side]
        return (
          <div
            key={camp.side}
            class={`camp ${inkClass(camp.ink)}`}
            style={{ transform: `translate(${x}px, ${y - 24}px)` }}
          >
            <b>{camp.name}</b>
            <span>{camp.text}</span>
          </div>
        )
      })}
    </div>
  )
}
