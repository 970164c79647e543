import { type InkFrame, type IslandFrame, type Seat, seatName, shortDigest } from '../frame.ts'
import { LeaseMark } from '../parts/icons.tsx'
import { RingGlyph } from '../parts/ring-glyph.tsx'
import { type Stand, sideText } from '../stand.ts'
import { inkClass } from './island.tsx'
import { type Layout, pointOf } from './layout.ts'

/** Names on the water: HTML, so that they never shrink with the sea. */
export function Labels({
  islands,
  inks,
  layout,
  names,
  now,
}: {
  islands: readonly IslandFrame[]
  inks: readonly InkFrame[]
  layout: Layout
  names?: readonly string[] | undefined
  now: number
}) {
  // Three lines are to stand where two did.
  const lift = layout.tall ? 8 : 7
  return (
    <div class="labels" aria-hidden="true">
      {islands.map((island, at) => {
        const ink = inks[at]
        const [x, y] = pointOf(layout.labels, island.seat)
        if (ink === undefined) return null
        return (
          <div
            key={island.seat}
            class={`label ${inkClass(ink)} ${island.present ? '' : 'absent'}`}
            style={{ transform: `translate(${x.toFixed(1)}px, ${(y - lift).toFixed(1)}px)` }}
          >
            <RingGlyph island={island} size={layout.tall ? 24 : 34} now={now} />
            <div>
              <b>
                {names?.[island.seat] ?? seatName(island.seat)}
                <LeaseMark lease={island.stand?.lease} />
              </b>
              {island.present ? <Facts island={island} /> : null}
              {island.stand === undefined ? null : (
                <p class={`stance side-${island.stand.side}`}>
                  {layout.tall ? shortSide(island.stand) : sideText(island.stand)}
                </p>
              )}
            </div>
          </div>
        )
      })}
    </div>
  )
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
