import { countText, type IslandFrame, type Seat, seatName } from '../frame.ts'
import type { SeaModel } from '../model.ts'
import { LeaseMark, RefusedMark } from '../parts/icons.tsx'

export interface RegattaProps {
  readonly model: SeaModel
  readonly island: IslandFrame
  onStart(seat: Seat): void
}

/** The one thing that only one island may do at a time: its lease, the button that asks for it, and why it was refused. */
export function Regatta({ model, island, onStart }: RegattaProps) {
  const { lease } = island.stand ?? {}
  const holder = model.frame.value.islands.find(({ stand }) => stand?.lease?.state === 'held')
  const refused = refusalOf(model, island.seat)
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
      {refused === undefined || lease !== undefined ? null : (
        <div class="refusal">
          <RefusedMark />
          <div>
            <b>Refused: {refused.what}</b>
            <p>{refused.reason}</p>
          </div>
        </div>
      )}
      <button type="button" class="btn" disabled={lease !== undefined} onClick={() => onStart(island.seat)}>
        {lease === undefined
          ? 'Start the regatta'
          : lease.state === 'asking'
            ? `${seatName(island.seat)} asks the others`
            : 'The regatta is under way'}
      </button>
    </section>
  )
}

/** The last refusal of this island, until it asks again. */
function refusalOf(model: SeaModel, seat: Seat): { readonly what: string; readonly reason: string } | undefined {
  const last = model.events.value.findLast(
    (event) => (event.kind === 'refused' || event.kind === 'regatta') && event.seat === seat,
  )
  return last?.kind === 'refused' ? last : undefined
}
