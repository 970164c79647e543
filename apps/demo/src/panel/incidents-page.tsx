import { eventText, isIncident } from '../captions.ts'
import type { ChartEvent } from '../events.ts'
import { clockText, listText, type Seat, seatName } from '../frame.ts'
import type { SeaModel } from '../model.ts'

const most = 120

/** The log: what happened, newest first, each line from one protocol event. */
export function IncidentsPage({ model }: { model: SeaModel }) {
  const events = gathered(model.events.value.filter(isIncident))
  const shown = events.slice(-most).reverse()
  return (
    <section>
      <h3>
        Incidents <small class="num">{events.length > most ? `last ${most} of ${events.length}` : ''}</small>
      </h3>
      {shown.length === 0 ? <p class="empty">Nothing has happened yet.</p> : null}
      <ul class="log">
        {shown.map((event, at) => (
          <li key={`${event.at}-${event.event.kind}-${shown.length - at}`}>
            <time class="num">{clockText(event.at, 1)}</time>
            <span class={`mark ${markOf(event.event)}`} aria-hidden="true">
              <i />
            </span>
            <span>{event.text}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

interface Line {
  readonly at: number
  readonly event: ChartEvent
  text: string
  about: string[]
}

/** How long an island may take to lose or find several others and have it told in one line. */
const gatherMs = 6_000

/** One line per event; whom an island loses or hears again at about the same time shares a line. */
function gathered(events: readonly ChartEvent[]): Line[] {
  const lines: Line[] = []
  for (const event of events) {
    const same = event.kind === 'silent' || event.kind === 'contact' ? findOpen(lines, event) : undefined
    if (same === undefined) {
      const about = event.kind === 'silent' || event.kind === 'contact' ? [seatName(event.about)] : []
      lines.push({ at: event.at, event, text: eventText(event), about })
      continue
    }
    same.about.push(seatName((event as typeof event & { about: Seat }).about))
    const who = seatName((same.event as typeof same.event & { seat: Seat }).seat)
    same.text =
      same.event.kind === 'silent'
        ? `${who} hears nothing more from ${listText(same.about)}`
        : `${who} hears ${listText(same.about)} again`
  }
  return lines
}

function findOpen(lines: readonly Line[], event: ChartEvent & { kind: 'silent' | 'contact' }): Line | undefined {
  return lines.findLast(
    (line) =>
      line.event.kind === event.kind &&
      event.at - line.at < gatherMs &&
      (line.event as typeof event).seat === event.seat,
  )
}

function markOf(event: ChartEvent): string {
  if (event.kind === 'storm' || event.kind === 'sunk' || event.kind === 'silent') return 'cut'
  if (event.kind === 'healed' && event.conflicts > 0) return 'heal'
  if (event.kind === 'converged') return 'agree'
  return 'write'
}
