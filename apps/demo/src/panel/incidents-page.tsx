import { eventText, isIncident } from '../captions.ts'
import type { ChartEvent } from '../events.ts'
import { clockText, type IslandFrame, listText, type Seat, seatName } from '../frame.ts'
import type { SeaModel } from '../model.ts'
import { failureTitle } from '../stand.ts'
import { selected } from '../ui.ts'

const most = 120

/** The log: what happened, newest first, each line from one protocol event. */
export function IncidentsPage({ model }: { model: SeaModel }) {
  const events = gathered(model.events.value.filter(isIncident))
  const shown = events.slice(-most).reverse()
  return (
    <>
      <Records model={model} />
      <section>
        <h3>
          Log <small class="num">{events.length > most ? `last ${most} of ${events.length}` : ''}</small>
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
    </>
  )
}

/** The incidents that the chosen island keeps a record of, the newest first. */
function Records({ model }: { model: SeaModel }) {
  const { islands } = model.frame.value
  const stand = islands[selected.value]?.stand
  if (stand === undefined) return null
  const incidents = [...stand.incidents].reverse()
  return (
    <section>
      <h3>
        Incidents <small>as {seatName(selected.value)} keeps them</small>
      </h3>
      {incidents.length === 0 ? <p class="empty">None. An incident opens when an island misses another.</p> : null}
      {incidents.map((incident) => (
        <article key={incident.id} class={`incident ${incident.closedAt === undefined ? 'open' : ''}`}>
          <h4>{failureTitle(incident.failure)}</h4>
          <p class="num">
            {incident.closedAt === undefined
              ? `Open since ${clockText(incident.openedAt)}`
              : `${clockText(incident.openedAt)} to ${clockText(incident.closedAt)}, ${incident.outcome ?? 'closed'}`}
            {sharedWith(islands, incident.name)}
          </p>
          <ol>
            {incident.timeline.map((entry, at) => (
              <li key={`${entry.at}-${at}`}>
                <time class="num">{clockText(entry.at, 1)}</time>
                <span>{entry.text}</span>
              </li>
            ))}
          </ol>
        </article>
      ))}
    </section>
  )
}

/** Who else calls it the same: both sides do once they have met. */
function sharedWith(islands: readonly IslandFrame[], name: string): string {
  const others = islands.filter(
    ({ seat, stand }) => seat !== selected.value && stand?.incidents.some((other) => other.name === name),
  )
  return others.length === 0 ? '' : `; the same for ${listText(others.map(({ seat }) => seatName(seat)))}`
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
  if (event.kind === 'refused') return 'refused'
  if (event.kind === 'doubt') return 'doubt'
  if (event.kind === 'converged') return 'agree'
  return 'write'
}
