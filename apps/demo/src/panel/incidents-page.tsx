import { eventText, isIncident } from '../captions.ts'
import type { ChartEvent } from '../events.ts'
import { clockText } from '../frame.ts'
import type { SeaModel } from '../model.ts'

const most = 120

/** The log: what happened, newest first, each line from one protocol event. */
export function IncidentsPage({ model }: { model: SeaModel }) {
  const events = model.events.value.filter(isIncident)
  const shown = events.slice(-most).reverse()
  return (
    <section>
      <h3>
        Incidents <small class="num">{events.length > most ? `last ${most} of ${events.length}` : ''}</small>
      </h3>
      {shown.length === 0 ? <p class="empty">Nothing has happened yet.</p> : null}
      <ul class="log">
        {shown.map((event, at) => (
          <li key={`${event.at}-${event.kind}-${shown.length - at}`}>
            <time class="num">{clockText(event.at, 1)}</time>
            <span class={`mark ${markOf(event)}`} aria-hidden="true">
              <i />
            </span>
            <span>{eventText(event)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function markOf(event: ChartEvent): string {
  if (event.kind === 'storm' || event.kind === 'sunk' || event.kind === 'silent') return 'cut'
  if (event.kind === 'healed' && event.conflicts > 0) return 'heal'
  if (event.kind === 'converged') return 'agree'
  return 'write'
}
