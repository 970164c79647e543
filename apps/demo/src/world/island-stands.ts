import { type ArchipelagoFrame, type IslandStand, type LeaseStep, prologueMs, worldEpochMs } from '@rejoin/sim'
import type { ChartEvent } from '../events.ts'
import type { Seat } from '../frame.ts'
import { plainText, refusalText, type Stand } from '../stand.ts'

/** Wall clock at time 0. */
const startMs = worldEpochMs + prologueMs

/** Where each island stands with the others, as the page shows it. */
export class IslandStands {
  readonly #pages = new WeakMap<IslandStand, Stand>()
  readonly #seen: (Stand | undefined)[] = []

  /** One object for as long as it says the same. */
  pageOf(stand: IslandStand | undefined): Stand | undefined {
    if (stand === undefined) return undefined
    let known = this.#pages.get(stand)
    if (known === undefined) {
      known = pageStand(stand)
      this.#pages.set(stand, known)
    }
    return known
  }

  /** What they say now that they did not say when they were looked at last. */
  look(islands: ArchipelagoFrame['islands'], at: number): ChartEvent[] {
    return islands.flatMap(({ index, stand }) => {
      const now = this.pageOf(stand)
      const before = this.#seen[index]
      this.#seen[index] = now
      if (now === before || now === undefined || before === undefined) return []
      return newsOf(index as Seat, before, now, at)
    })
  }
}

/** What an island's word says now that it did not say before. */
function newsOf(seat: Seat, before: Stand, now: Stand, at: number): ChartEvent[] {
  const doubted = new Set(before.doubts.map((doubt) => doubt.seat))
  const doubts = now.doubts.filter((doubt) => !doubted.has(doubt.seat))
  const isOther = now.side !== before.side || now.members.join() !== before.members.join()
  return [
    ...doubts.map((doubt): ChartEvent => ({ kind: 'doubt', at, seat, about: doubt.seat })),
    ...(isOther ? [{ kind: 'verdict', at, seat, side: now.side, members: now.members } as const] : []),
  ]
}

/** What the page says of a step towards the lease of a regatta. */
export function regattaEvent(seat: Seat, step: LeaseStep, at: number): ChartEvent {
  if (step.what === 'refused')
    return {
      kind: 'refused',
      at,
      seat,
      what: 'start the regatta',
      reason: refusalText(seat, step.reason, step.reaches),
    }
  const { what, ...rest } = step
  return { kind: 'regatta', at, seat, step: what, ...('reason' in rest ? {} : rest) }
}

function pageStand(stand: IslandStand): Stand {
  return {
    side: stand.side,
    members: stand.members as Seat[],
    since: stand.sinceMs,
    doubts: stand.suspicions.map(({ peer, sinceMs, untilMs }) => ({
      seat: peer as Seat,
      since: sinceMs,
      until: untilMs,
    })),
    lease: stand.lease,
    incidents: stand.incidents.map(({ id, name, openedMs, closedMs, failure, outcome, timeline }) => ({
      id,
      name,
      openedAt: openedMs,
      closedAt: closedMs,
      failure,
      outcome,
      timeline: timeline.map(({ atMs, text }) => ({ at: atMs, text: plainText(text, startMs) })),
    })),
    explained: stand.explained.map((sentence) => plainText(sentence, startMs)),
  }
}
