import { useEffect, useRef } from 'preact/hooks'
import { countText, type IslandFrame, type Seat, seatName, seats, secondsText } from '../frame.ts'
import type { SeaModel } from '../model.ts'
import { LeaseMark, RefusedMark } from '../parts/icons.tsx'

export interface RegattaProps {
  readonly model: SeaModel
  readonly island: IslandFrame
  readonly now: number
  onStart(seat: Seat): void
}

const needed = Math.floor(seats.length / 2) + 1

/** The one thing that only one island may do at a time: its lease, the button that asks for it, and why it was refused. */
export function Regatta({ model, island, now, onStart }: RegattaProps) {
  const { lease } = island.stand ?? {}
  const holder = model.frame.value.islands.find(({ stand }) => stand?.lease?.state === 'held')
  const refused = lease === undefined ? refusalOf(model, island.seat) : undefined
  const waits = lease === undefined ? undefined : waitText(model, island, now)
  const hint = lease === undefined && refused === undefined ? shortfallText(island) : undefined
  return (
    <section class="regatta">
      <h3>
        The regatta <small>one island at a time starts it</small>
      </h3>
      <p>
        {island.regatta === 0 ? 'None started yet' : `${countText(island.regatta, 'regatta')} so far`}
        {holder?.stand?.lease === undefined ? (
          '. Nobody holds the lease.'
        ) : (
          <>
            . {seatName(holder.seat)} holds the lease, token <LeaseMark lease={holder.stand.lease} />
          </>
        )}
      </p>
      {refused === undefined ? null : <Refusal key={`${island.seat}-${refused.at}`} refusal={refused} now={now} />}
      {/* Not `disabled`: whoever pressed it keeps the focus, and can read what it waits for. */}
      <button
        type="button"
        class="btn"
        aria-disabled={lease !== undefined}
        aria-describedby={waits === undefined && hint === undefined ? undefined : 'regatta-waits'}
        onClick={() => {
          if (lease === undefined) onStart(island.seat)
        }}
      >
        {lease === undefined
          ? refused === undefined
            ? 'Start the regatta'
            : 'Ask again'
          : lease.state === 'asking'
            ? `${seatName(island.seat)} asks the others`
            : 'The regatta is under way'}
      </button>
      {waits === undefined && hint === undefined ? null : (
        <p class="waits num" id="regatta-waits">
          {waits ?? hint}
        </p>
      )}
    </section>
  )
}

interface RefusalView {
  readonly at: number
  readonly what: string
  readonly reason: string
}

/** A new one comes into view by itself: whoever asked may have scrolled on, and on a phone it lies below the fold. */
function Refusal({ refusal: { at, what, reason }, now }: { refusal: RefusalView; now: number }) {
  const card = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (now - at < 2_000) card.current?.scrollIntoView({ block: 'nearest' })
  }, [])
  return (
    <div class="refusal" ref={card}>
      <RefusedMark />
      <div>
        <b>Refused: {what}</b>
        <p>{reason}</p>
      </div>
    </div>
  )
}

/** What it waits for, and since when. */
function waitText(model: SeaModel, island: IslandFrame, now: number): string {
  const name = seatName(island.seat)
  const lasts = (step: 'asked' | 'started'): string => {
    const event = model.events.value.findLast(
      (entry) => entry.kind === 'regatta' && entry.seat === island.seat && entry.step === step,
    )
    return secondsText(event === undefined ? 0 : now - event.at)
  }
  if (island.stand?.lease?.state === 'held')
    return `Sailed for ${lasts('started')}. ${name} gives the lease back when it ends.`
  return `Asked ${lasts('asked')} ago. It starts when ${needed} of ${seats.length} islands agree, and is refused when too few answer.`
}

/** Before it asks: that there are too few on its side, as far as it knows. */
function shortfallText(island: IslandFrame): string | undefined {
  const { stand } = island
  if (stand === undefined || !['minority', 'isolated', 'even'].includes(stand.side)) return undefined
  const reaches = Math.max(1, stand.members.length)
  return `It needs ${needed} of ${seats.length} islands, and ${seatName(island.seat)} reaches ${reaches}.`
}

/** The last refusal of this island, until it asks again. */
function refusalOf(model: SeaModel, seat: Seat): RefusalView | undefined {
  const last = model.events.value.findLast(
    (event) => (event.kind === 'refused' || event.kind === 'regatta') && event.seat === seat,
  )
  return last?.kind === 'refused' ? last : undefined
}
