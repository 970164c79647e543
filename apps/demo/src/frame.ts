/**
 * What the page draws: one frame is one instant of a sea, and nothing on the page comes from anywhere else.
 *
 * Frames are values. The simulated world and the live server each have one adapter that makes them from protocol
 * events (`world/` and `live/`), so that the drawing never knows which of the two it shows.
 */

import type { Stand } from './stand.ts'

/** Seats in ring order, clockwise from the top. Everything that counts islands counts in this order. */
export const seatNames = ['Lantern', 'Needle', 'Cinder', 'Halo', 'Quern'] as const

/** A place in the ring, 0 to 4. */
export type Seat = 0 | 1 | 2 | 3 | 4

export const seats: readonly Seat[] = [0, 1, 2, 3, 4]

/** The six inks, in the order that the slot of a digest counts in. */
export const inkNames = ['fern', 'jade', 'lagoon', 'iris', 'heather', 'rose'] as const

/** The colour of a state. */
export type Ink = (typeof inkNames)[number]

/** `full` means: every island drawn in this ink at full tone holds the same digest. `pale` means behind. */
export type Tone = 'full' | 'pale'

/** What an island knows about another: heard lately, or nothing since a moment. No verdicts. */
export type PeerView =
  | { readonly seat: Seat; readonly state: 'connected'; readonly heardAt: number | undefined }
  | { readonly seat: Seat; readonly state: 'silent'; readonly since: number | undefined }

/** How many changes of one incarnation an island holds: one entry of its version vector. */
export interface VersionEntry {
  readonly author: string
  readonly count: number
}

/** What changed on an island since it last was in touch with everybody. */
export interface Divergence {
  readonly since: number
  readonly changes: number
  readonly keys: number
  readonly bytes: number
  readonly flag: string
  readonly chest: readonly string[]
  readonly tally: number
}

/** One island as it believes the world to be. */
export interface IslandFrame {
  readonly seat: Seat
  /** 16 hex digits; the page shows the first four or eight. */
  readonly digest: string
  readonly version: readonly VersionEntry[]
  readonly flag: string
  readonly flagBy: { readonly seat: Seat; readonly at: number } | undefined
  readonly chest: readonly string[]
  readonly tally: number
  /** Regattas that were started, as far as it knows. */
  readonly regatta: number
  readonly peers: readonly PeerView[]
  readonly apart: Divergence | undefined
  /** Where it stands by its own word; undefined on live seas. */
  readonly stand: Stand | undefined
  /** False for a seat nobody has taken (live), or a replica that is down. */
  readonly present: boolean
}

/** One direction of one lane. */
export interface LaneFrame {
  readonly from: Seat
  readonly to: Seat
  readonly open: boolean
}

/** One message under way, or one that has just been lost. Positions follow from the times alone. */
export interface BoatFrame {
  readonly id: number
  readonly from: Seat
  readonly to: Seat
  readonly sentAt: number
  readonly dueAt: number
  /** When it met the storm, if it did. */
  readonly lostAt: number | undefined
  readonly bytes: number
  /** The ink of its sender when it sailed. */
  readonly ink: Ink
  readonly tone: Tone
  readonly load: Load
}

/** A storm as it lies on the sea; `line` is in thousandths of the sea's width and height. */
export interface StormFrame {
  readonly id: number
  readonly since: number
  readonly mode: StormMode
  readonly line: readonly (readonly [number, number])[]
  readonly cut: readonly (readonly [Seat, Seat])[]
  /** Flicker: whether lanes are shut right now, and when that changes. */
  readonly shut: boolean
  readonly turnsAt: number | undefined
}

/** What a message is for: to carry changes, to talk about them (greetings, digests, acknowledgements), or a heartbeat. */
export type Load = 'changes' | 'talk' | 'beat'

export type StormMode = 'isolate-one' | 'halves' | 'one-way' | 'flicker' | 'bridge' | 'majorities-ring' | 'brush'

/** The check that never sleeps: are all digests equal, and what did it take to get there. */
export interface SealFrame {
  readonly converged: boolean
  readonly digests: number
  readonly since: number
  readonly rounds: number
  readonly messages: number
  readonly bytes: number
}

/** An island's colour in this frame, decided once and kept, so that a replay looks the same. */
export interface InkFrame {
  readonly ink: Ink
  readonly tone: Tone
}

/** One instant. */
export interface Frame {
  readonly at: number
  readonly islands: readonly IslandFrame[]
  readonly inks: readonly InkFrame[]
  readonly lanes: readonly LaneFrame[]
  readonly boats: readonly BoatFrame[]
  readonly storm: StormFrame | undefined
  readonly seal: SealFrame
}

export function seatName(seat: Seat): string {
  return seatNames[seat]
}

/** `r1` to `r5`: how tests and docs call the same replica. */
export function replicaName(seat: Seat): string {
  return `r${seat + 1}`
}

/** The short form of a digest: four digits on the water, two groups of four in the panel. */
export function shortDigest(digest: string, groups: 1 | 2 = 1): string {
  return groups === 1 ? digest.slice(0, 4) : `${digest.slice(0, 4)} ${digest.slice(4, 8)}`
}

/** `1:04` or, with tenths, `1:04.2`. */
export function clockText(ms: number, decimals: 0 | 1 | 2 = 0): string {
  const unit = 10 ** decimals
  const total = Math.floor((Math.max(0, ms) * unit) / 1000 + 1e-6)
  const minutes = Math.floor(total / (60 * unit))
  const rest = total - minutes * 60 * unit
  const seconds = Math.floor(rest / unit)
  const tail = decimals === 0 ? '' : `.${String(rest % unit).padStart(decimals, '0')}`
  return `${minutes}:${String(seconds).padStart(2, '0')}${tail}`
}

/** `412 B`, `2.1 kB`. */
export function bytesText(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`
}

/** `1 change`, `4 changes`. */
export function countText(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** `Quern, Lantern and Halo`. */
export function listText(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? 'nobody') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** `26 s`, `1 min 4 s`. */
export function secondsText(ms: number): string {
  const total = Math.max(0, Math.round(ms / 1000))
  const minutes = Math.floor(total / 60)
  return minutes === 0 ? `${total} s` : `${minutes} min ${total - minutes * 60} s`
}
