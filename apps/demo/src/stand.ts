/** Where an island stands, as its partition layer says it, and the words for it. */
import { clockText, listText, type Seat, seatName, seatNames, secondsText } from './frame.ts'

/** What a side is of the five. */
export type Side = 'full' | 'mixed' | 'majority' | 'minority' | 'even' | 'isolated' | 'unknown'

/** One island's own word. Times are page time. */
export interface Stand {
  readonly side: Side
  /** Who is on its side, itself included. */
  readonly members: readonly Seat[]
  readonly since: number | undefined
  readonly doubts: readonly Doubt[]
  /** What it does about the lease of the regatta. */
  readonly lease: { readonly state: 'asking' } | { readonly state: 'held'; readonly token: number } | undefined
  readonly incidents: readonly IncidentRecord[]
  /** Its account in plain sentences. */
  readonly explained: readonly string[]
}

/** Another island that it suspects of being gone. */
export interface Doubt {
  readonly seat: Seat
  readonly since: number
  /** When it takes it to be gone, unless it answers. */
  readonly until: number
}

/** The record of an incident at one island. */
export interface IncidentRecord {
  readonly id: string
  /** Shared by all islands that know of it. */
  readonly name: string
  readonly openedAt: number
  readonly closedAt: number | undefined
  readonly failure: string | undefined
  readonly outcome: string | undefined
  readonly timeline: readonly { readonly at: number; readonly text: string }[]
}

const all = seatNames.length

/** On the water: `whole`, `majority, 3 of 5`. */
export function sideText({ side, members }: Pick<Stand, 'side' | 'members'>): string {
  switch (side) {
    case 'full':
      return 'whole'
    case 'mixed':
      return 'linked by others'
    case 'majority':
    case 'minority':
    case 'even':
      return `${side === 'even' ? 'half' : side}, ${members.length} of ${all}`
    case 'isolated':
      return 'cut off'
    case 'unknown':
      return 'unknown'
  }
}

/** The headline of an island's page: `Minority, 2 of 5`. */
export function sideHeadline(stand: Pick<Stand, 'side' | 'members'>): string {
  if (stand.side === 'full') return `Whole, ${all} of ${all}`
  const text = sideText(stand)
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** What is still possible there. `reaches`: how many it reaches itself, with it. */
export function sideSentence(stand: Stand, seat: Seat, now: number, reaches: number): string {
  const name = seatName(seat)
  const since = stand.since === undefined || stand.since < 0 ? '' : ` for ${secondsText(now - stand.since)}`
  switch (stand.side) {
    case 'full':
      return `All reach each other${since === '' ? '' : `, ${since.trim()}`}. Any island may start a regatta.`
    case 'mixed':
      return `All are linked${since}, some only through others. ${name} itself reaches ${reaches} of ${all}.`
    case 'majority':
      return `Apart${since}. ${name} keeps writing, and this side may start a regatta.`
    case 'minority':
    case 'isolated':
      return `Apart${since}. ${name} keeps writing. Only what needs a majority has to wait.`
    case 'even':
      return `Apart${since}. ${name} keeps writing. Neither half may start a regatta.`
    case 'unknown':
      return `${name} knows too little of the others to say. It keeps writing.`
  }
}

/** `3 s left`. */
export function doubtText(doubt: Doubt, now: number): string {
  return `${secondsText(Math.max(0, doubt.until - now))} left`
}

/** How much of a doubt is left, 1 to 0. */
export function doubtLeft(doubt: Doubt, now: number): number {
  const whole = doubt.until - doubt.since
  return whole <= 0 ? 0 : Math.min(1, Math.max(0, (doubt.until - now) / whole))
}

/** Why a regatta was refused: what it needs and what there is, then what the others answered. */
export function refusalText(seat: Seat, reason: string, reaches: number | undefined): string {
  const told = plainText(reason.replace(/^No quorum: /, ''), 0)
  const first = told.charAt(0).toUpperCase() + told.slice(1)
  if (reaches === undefined) return first
  return `It needs ${Math.floor(all / 2) + 1} of ${all} islands, and ${seatName(seat)} reaches ${reaches}. ${first}`
}

/**
 * A sentence of the partition layer for the page: islands with their capitals, moments by the clock of the page, which began at
 * `startMs` of the wall clock, and lengths of time in seconds.
 */
export function plainText(sentence: string, startMs: number): string {
  return sentence
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (iso) => {
      const at = Date.parse(iso) - startMs
      return at < 0 ? 'before 0:00' : clockText(at)
    })
    .replace(/(\d+) ms\b/g, (_, ms: string) => secondsText(Number(ms)))
    .replace(/\b[a-z]+(?:, [a-z]+)+ did not answer/g, (list) => {
      const names = list.replace(' did not answer', '').split(', ')
      return `${listText(names)} did not answer`
    })
    .replace(nameless, (name) => name.charAt(0).toUpperCase() + name.slice(1))
}

const nameless = new RegExp(`\\b(${seatNames.map((name) => name.toLowerCase()).join('|')})\\b`, 'g')

/** What an incident is called. */
export function failureTitle(failure: string | undefined): string {
  switch (failure) {
    case 'partition':
      return 'The sea is split'
    case 'isolation':
      return 'Cut off from all others'
    case 'node-lost':
      return 'One island is gone'
    case 'partial-partition':
      return 'Some reach each other only through others'
    case 'message-loss':
      return 'Much is lost on the way'
    case 'slowness':
      return 'Answers come late'
    case 'divergence':
      return 'Two states at one version'
    case undefined:
      return 'Something is wrong'
    default:
      return failure
  }
}
