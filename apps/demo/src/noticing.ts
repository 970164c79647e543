/**
 * What a storm cuts, and how much of it the islands have noticed. Cut lanes are the truth of the sea, at once; doubts and
 * verdicts are the islands' own words, and come seconds later. The page says both, so that neither passes for the other.
 */
import { countText, type Frame, type IslandFrame, listText, type Seat, seatName, seats, secondsText } from './frame.ts'
import { sidesOf } from './sides.ts'
import { type Doubt, sideText } from './stand.ts'

/** How far it has got: nothing is cut, nobody knows, some have doubts, or there is a verdict. */
export type Stage = 'calm' | 'unnoticed' | 'doubting' | 'told'

/** Whom a storm keeps an island from, right now. */
interface Cut {
  /** Nothing passes in either direction. */
  readonly both: readonly Seat[]
  /** What the island sends to them sinks; they still reach it. */
  readonly out: readonly Seat[]
  /** What they send to the island sinks; it still reaches them. */
  readonly into: readonly Seat[]
}

/** How far one island has got. */
export function stageAt(frame: Frame, island: IslandFrame): Stage {
  const { stand } = island
  if (stand === undefined || cutOf(frame, island.seat) === undefined) return 'calm'
  if (stand.side !== 'full' && stand.side !== 'mixed') return 'told'
  if (stand.doubts.length > 0) return 'doubting'
  return stand.side === 'full' ? 'unnoticed' : 'told'
}

/** How far the sea has got: as far as the island that knows most. */
export function stageOf(frame: Frame): Stage {
  const stages = new Set(frame.islands.map((island) => stageAt(frame, island)))
  return (['told', 'doubting', 'unnoticed'] as const).find((stage) => stages.has(stage)) ?? 'calm'
}

/** What an island says of itself on the water; `undefined` where its own word already says it. */
export function noticeOnWater(frame: Frame, island: IslandFrame): string | undefined {
  switch (stageAt(frame, island)) {
    case 'unnoticed':
      return 'not noticed yet'
    case 'doubting': {
      const doubts = island.stand?.doubts ?? []
      return `doubts ${doubts.length === 1 ? seatName((doubts[0] as Doubt).seat) : doubts.length}`
    }
    default:
      return undefined
  }
}

/** The same for whoever hears it without seeing the storm. */
export function noticeAloud(frame: Frame, island: IslandFrame): string | undefined {
  const notice = noticeOnWater(frame, island)
  return notice === undefined ? undefined : `cut by the storm, ${notice}`
}

/** The head of an island's page, until it has a verdict of its own. */
export function noticeOnPage(
  frame: Frame,
  island: IslandFrame,
  now: number,
): { headline: string; sentence: string } | undefined {
  const stage = stageAt(frame, island)
  const cut = cutOf(frame, island.seat)
  if (cut === undefined || (stage !== 'unnoticed' && stage !== 'doubting')) return undefined
  const name = seatName(island.seat)
  const truth = `${cutText(cut, name)}${sinceText(frame, now)}.`
  if (stage === 'unnoticed')
    return { headline: 'Cut, not noticed yet', sentence: `${truth} ${name} still takes all 5 to be in reach.` }
  const doubts = island.stand?.doubts ?? []
  const left = secondsText(Math.max(0, Math.min(...doubts.map(({ until }) => until)) - now))
  const who = listText(doubts.map(({ seat }) => seatName(seat)))
  return {
    headline: 'In doubt',
    sentence: `${truth} ${name} suspects ${who}: ${left} left to answer.`,
  }
}

/** What the seal says under its headline while lanes are cut. `ticking` changes with the clock, the rest by stages. */
export function noticeOfSea(frame: Frame, now: number): { lead: string; ticking: string; rest: string } | undefined {
  const cutFor = frame.storm === undefined ? '' : secondsText(now - frame.storm.since)
  switch (stageOf(frame)) {
    case 'calm':
      return undefined
    case 'unnoticed':
      return { lead: 'cut', ticking: ` for ${cutFor}`, rest: ', not noticed yet' }
    case 'doubting': {
      const doubters = frame.islands.filter((island) => stageAt(frame, island) === 'doubting')
      const doubts = doubters.flatMap(({ stand }) => stand?.doubts ?? [])
      const left = secondsText(Math.max(0, Math.min(...doubts.map(({ until }) => until)) - now))
      const suspects = [...new Set(doubts.map(({ seat }) => seat))]
      const lead =
        suspects.length === 1
          ? `${seatName(suspects[0] as Seat)} is suspected`
          : `${countText(doubters.length, 'island')} in doubt`
      return { lead, ticking: `, ${left} left`, rest: '' }
    }
    case 'told':
      return { lead: partsText(frame), ticking: ` for ${cutFor}`, rest: '' }
  }
}

/** How many groups of islands reach each other both ways; 1 unless a storm parts them. */
export function sideCount(frame: Frame): number {
  return frame.storm === undefined ? 1 : sidesOf(frame.lanes).length
}

/** Below the name of its waters: the verdict that all on this side share, or how many they are. */
export function campText(frame: Frame, group: readonly Seat[]): string {
  const stands = group.map((seat) => frame.islands[seat]?.stand)
  const [first] = stands
  const agreed =
    first !== undefined && stands.every((stand) => stand !== undefined && sideText(stand) === sideText(first))
  if (agreed && ['majority', 'minority', 'even'].includes(first.side)) return sideText(first)
  return group.length === 1 ? `${seatName(group[0] as Seat)}, alone` : `${group.length} of ${seats.length} islands`
}

function cutOf(frame: Frame, seat: Seat): Cut | undefined {
  if (frame.storm === undefined) return undefined
  const isOpen = (from: Seat, to: Seat): boolean =>
    frame.lanes.find((lane) => lane.from === from && lane.to === to)?.open ?? true
  const others = seats.filter((other) => other !== seat)
  const out = others.filter((other) => !isOpen(seat, other))
  const into = others.filter((other) => !isOpen(other, seat))
  if (out.length + into.length === 0) return undefined
  return {
    both: out.filter((other) => into.includes(other)),
    out: out.filter((other) => !into.includes(other)),
    into: into.filter((other) => !out.includes(other)),
  }
}

function cutText({ both, out, into }: Cut, name: string): string {
  if (both.length > 0) return `The storm cuts ${name} from ${namesOf(both)}`
  if (out.length > 0) return `The storm sinks what ${name} sends to ${namesOf(out)}`
  return `The storm sinks what ${namesOf(into)} ${into.length === 1 ? 'sends' : 'send'} to ${name}`
}

/** A flickering storm has not been cutting all the time. */
function sinceText({ storm }: Frame, now: number): string {
  return storm === undefined || storm.mode === 'flicker' ? '' : `, for ${secondsText(now - storm.since)} now`
}

function partsText(frame: Frame): string {
  const sizes = sidesOf(frame.lanes).map((group) => group.length)
  return sizes.length === 1 ? 'some lanes cut' : `${listText(sizes.map(String))} of ${seats.length}, cut`
}

function namesOf(group: readonly Seat[]): string {
  return listText(group.map(seatName))
}
