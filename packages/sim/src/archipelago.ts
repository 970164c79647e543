/**
 * The lab behind the demo: a scenario played step by step, with a frame of everything drawable at each moment.
 *
 * A frame is an immutable snapshot; everything in it comes from the links, from protocol events or from a replica.
 * Times are scenario times in milliseconds: 0 is the end of the prologue. The same scenario gives the same frames in a
 * page and headless, however it is stepped.
 */
import { type Change, type Dot, type Schema, type SnapshotOf, Version } from '@rejoin/state'
import type { Partitions } from '@rejoin/sync/partition'
import { wireKind } from '@rejoin/sync/testing'
import {
  type ArchipelagoFields,
  type ArchipelagoWorld,
  type ArchipelagoWorldOptions,
  archipelagoWorld,
  chordLanes,
  islandNames,
  prologueMs,
  ringLanes,
} from './archipelago-world.ts'
import { type IslandStand, standOf } from './island-stand.ts'
import type { Frame } from './links.ts'
import { worldEpochMs } from './node-time.ts'
import type { Action, Scenario, StormPreset } from './scenario.ts'
import type { WorldEvent } from './world-events.ts'

/** An action without its time: {@link Lab.act} gives it the present one. */
export type Deed = Action extends infer A ? (A extends unknown ? Omit<A, 'atMs'> : never) : never

/** Something that happened, at a scenario time. Frames carry the number of events so far. */
export interface LabEvent {
  readonly atMs: number
  readonly event: WorldEvent
}

/** How one island sees another. */
export interface Sight {
  readonly peer: number
  /** `connected`: the connection is up by its own account; `silent`: it is not, or never was. */
  readonly state: 'connected' | 'silent'
  /** Since when that is so. */
  readonly sinceMs: number
  /** When the last boat from there landed; undefined before the first. */
  readonly heardMs: number | undefined
}

/** One island at one moment. */
export interface IslandFrame {
  readonly index: number
  readonly name: string
  /** Equal digests mean equal states. */
  readonly digest: string
  readonly version: Version
  readonly snapshot: SnapshotOf<Schema<ArchipelagoFields>>
  readonly sees: readonly Sight[]
  /** Where it stands with the others; undefined while it is not open. */
  readonly stand: IslandStand | undefined
  /** Whether its state includes what every other island has. */
  readonly hasAll: boolean
  /** Seqs that it has and not every other island has. */
  readonly ahead: number
}

/** One lane at one moment; its two directions can be cut apart. */
export interface LaneFrame {
  readonly a: number
  readonly b: number
  readonly isChord: boolean
  readonly openAToB: boolean
  readonly openBToA: boolean
}

/** A message under way. It is at `(timeMs - departMs) / (arriveMs - departMs)` of its lane, or where it sank. */
export interface BoatFrame {
  readonly id: number
  readonly from: number
  readonly to: number
  readonly departMs: number
  readonly arriveMs: number
  /** When it met the storm, in the middle of its lane. */
  readonly sankMs?: number
  readonly bytes: number
  /** What it carries, by the protocol: `changes`, `bundle`, `hello`, `ping`, ... */
  readonly kind: string
  /** Digest of its sender when it left: the ink of its sail. */
  readonly digest: string
}

/** The storm that is up. */
export interface StormFrame {
  readonly preset: StormPreset | 'lanes'
  readonly sinceMs: number
  /** For `flicker`: when it opens or closes next. */
  readonly nextTurnMs?: number
}

/** Everything drawable at one moment. */
export interface ArchipelagoFrame {
  readonly timeMs: number
  readonly islands: readonly IslandFrame[]
  readonly lanes: readonly LaneFrame[]
  readonly boats: readonly BoatFrame[]
  readonly storm: StormFrame | undefined
  /** Whether all islands have equal versions and equal digests, checked now. */
  readonly converged: boolean
  /** What is missing, in words. */
  readonly pending: readonly string[]
  /** Messages, bytes and sunk boats since time 0. */
  readonly totals: { readonly boats: number; readonly bytes: number; readonly sunk: number }
  /** How many of {@link Lab.events} had happened. */
  readonly eventCount: number
  /** What the checker found; empty unless something is badly wrong. */
  readonly violations: readonly string[]
}

/** A scenario being played. */
export interface Lab {
  readonly timeMs: number
  /** Everything that happened since time 0, in order. It only grows. */
  readonly events: readonly LabEvent[]
  /** Plays on to `toMs`. Going back is a new lab: see {@link createArchipelago} and {@link forkScenario}. */
  step(toMs: number): void
  frame(): ArchipelagoFrame
  /**
   * Does something now. It becomes part of the scenario; what the scenario had planned for later is dropped.
   * @throws RejoinError `invalid-scenario` for what does not exist; then nothing of the scenario is changed.
   */
  act(deed: Deed): void
  /** What was done so far, and what is still planned. */
  scenario(): Scenario
  /** The change behind a dot, with its whole context: what its author had seen. */
  changeAt(dot: Dot): Change | undefined
}

/** A calm scenario of the archipelago. */
export function calmScenario(seed: number, durationMs = 60_000): Scenario {
  return { world: 'archipelago', seed, nodes: islandNames.length, durationMs, actions: [] }
}

/** The past of a scenario up to `atMs`: what a fork begins with. */
export function forkScenario(scenario: Scenario, atMs: number): Scenario {
  const actions = scenario.actions.filter((action) => action.atMs <= atMs)
  return { ...scenario, durationMs: Math.max(0, Math.ceil(atMs)), actions }
}

/** Starts a lab at time 0 of a scenario. Call `step` to get to a later time; a minute takes some milliseconds. */
export function createArchipelago(scenario: Scenario, options: ArchipelagoWorldOptions = {}): Lab {
  return new ArchipelagoLab(scenario, options)
}

/** How often the lab looks who is connected to whom. */
const lookMs = 100

class ArchipelagoLab implements Lab {
  readonly events: LabEvent[] = []
  readonly #world: ArchipelagoWorld
  readonly #scenario: Scenario
  readonly #heard = new Map<string, number>()
  readonly #sights = new Map<string, { readonly state: Sight['state']; readonly sinceMs: number }>()
  readonly #stands = new Map<number, { readonly text: string; readonly stand: IslandStand }>()
  readonly #sails = new Map<number, { readonly digest: string; readonly kind: string }>()
  readonly #sentBefore: { readonly frames: number; readonly bytes: number; readonly sunk: number }
  #actions: Action[]
  #done = 0
  #timeMs = 0
  #nextLookMs = prologueMs + lookMs
  #storm: { readonly preset: StormPreset | 'lanes'; readonly sinceMs: number } | undefined

  constructor(scenario: Scenario, options: ArchipelagoWorldOptions) {
    this.#scenario = scenario
    this.#actions = [...scenario.actions]
    const early: WorldEvent[] = []
    let hear = (event: WorldEvent): void => {
      early.push(event)
    }
    this.#world = archipelagoWorld(scenario, {
      ...options,
      onEvent: (event) => {
        hear(event)
        options.onEvent?.(event)
      },
    })
    // What happened in the prologue counts for who has heard whom, and is not told.
    for (const event of early) this.#note(event)
    hear = (event) => {
      this.#note(event)
      this.events.push({ atMs: event.atMs - prologueMs, event })
    }
    this.#sentBefore = { ...this.#world.sea.sent }
    this.#look()
  }

  get timeMs(): number {
    return this.#timeMs
  }

  step(toMs: number): void {
    for (let next = this.#actions[this.#done]; next !== undefined && next.atMs <= toMs; ) {
      this.#runTo(prologueMs + next.atMs)
      this.#done += 1
      this.#carryOut(next)
      next = this.#actions[this.#done]
    }
    this.#runTo(prologueMs + toMs)
    // As asked for: adding the prologue and taking it off again can lose the last bit, and a caller who waits for the
    // time it asked for would wait for ever.
    this.#timeMs = Math.max(this.#timeMs, toMs)
  }

  act(deed: Deed): void {
    // Whole milliseconds, so that the permalink plays alike.
    const atMs = Math.ceil(this.timeMs)
    this.step(atMs)
    const action = { ...deed, atMs } as Action
    this.#carryOut(action)
    this.#actions = [...this.#actions.slice(0, this.#done), action]
    this.#done += 1
  }

  scenario(): Scenario {
    const last = this.#actions.at(-1)?.atMs ?? 0
    const playedMs = Math.ceil(this.timeMs)
    const isAsPlanned = this.#actions.length === this.#scenario.actions.length
    const durationMs = Math.max(last, playedMs, isAsPlanned ? this.#scenario.durationMs : 0)
    return { ...this.#scenario, durationMs, actions: [...this.#actions] }
  }

  changeAt(dot: Dot): Change | undefined {
    return this.#world.checker.log.changeAt(dot)
  }

  frame(): ArchipelagoFrame {
    const world = this.#world
    const handles = world.nodes.map((node) => node.handle)
    const all = handles.reduce((version, handle) => version.merge(handle?.version ?? Version.empty), Version.empty)
    const shared = handles.reduce((version, handle) => version.meet(handle?.version ?? Version.empty), all)
    const pending = world.pending()
    const { frames, bytes, sunk } = world.sea.sent
    return {
      timeMs: this.timeMs,
      islands: world.nodes.flatMap(({ handle, name, index }): IslandFrame[] => {
        if (handle === undefined) return []
        const { version, snapshot } = handle
        const sees = this.#sees(index)
        const ahead = seqsBeyond(version, shared)
        const stand = this.#stands.get(index)?.stand
        const hasAll = version.covers(all)
        return [{ index, name, digest: handle.digest(), version, snapshot, sees, stand, hasAll, ahead }]
      }),
      lanes: [...ringLanes, ...chordLanes].map(([a, b], i) => ({
        a,
        b,
        isChord: i >= ringLanes.length,
        openAToB: !world.sea.isCut(a, b),
        openBToA: !world.sea.isCut(b, a),
      })),
      boats: world.sea.frames().map((frame) => this.#boat(frame)),
      storm: this.#stormFrame(),
      converged: pending.length === 0,
      pending,
      totals: {
        boats: frames - this.#sentBefore.frames,
        bytes: bytes - this.#sentBefore.bytes,
        sunk: sunk - this.#sentBefore.sunk,
      },
      eventCount: this.events.length,
      violations: world.violations.map(({ message }) => message),
    }
  }

  #carryOut(action: Action): void {
    this.#world.act({ ...action, atMs: prologueMs + action.atMs })
    const sinceMs = action.atMs
    if (action.kind === 'storm') this.#storm = { preset: action.preset, sinceMs }
    else if (action.kind === 'cut') this.#storm ??= { preset: 'lanes', sinceMs }
    else if (action.kind === 'restore-all' || (action.kind === 'restore' && !this.#hasCut())) this.#storm = undefined
  }

  #hasCut(): boolean {
    const { sea } = this.#world
    return [...ringLanes, ...chordLanes].some(([a, b]) => sea.isCut(a, b) || sea.isCut(b, a))
  }

  #stormFrame(): StormFrame | undefined {
    if (this.#storm === undefined) return undefined
    const nextAtMs = this.#world.flicker?.nextAtMs
    return { ...this.#storm, ...(nextAtMs === undefined ? {} : { nextTurnMs: nextAtMs - prologueMs }) }
  }

  #note(event: WorldEvent): void {
    if (event.kind === 'frame-sent') {
      const { id, from, payload } = event.frame
      this.#sails.set(id, { digest: this.#world?.nodes[from]?.handle?.digest() ?? '', kind: wireKind(payload) })
    } else if (event.kind === 'frame-arrived') {
      this.#heard.set(sightKey(event.frame.to, event.frame.from), event.atMs - prologueMs)
      this.#sails.delete(event.frame.id)
    }
  }

  /** Plays on, and looks at the connections ten times a second of scenario time, whenever frames are asked for. */
  #runTo(worldMs: number): void {
    for (; this.#nextLookMs <= worldMs; this.#nextLookMs += lookMs) {
      this.#world.runUntil(this.#nextLookMs)
      this.#look()
    }
    this.#world.runUntil(Math.max(this.#world.nowMs, worldMs))
  }

  #look(): void {
    for (const { index, net, handle } of this.#world.nodes) {
      this.#lookAt(index, handle === undefined ? undefined : this.#world.watches[index])
      const connected = new Set(net?.peers.map((peer) => peer.name))
      islandNames.forEach((name, peer) => {
        const state = connected.has(name) ? 'connected' : 'silent'
        const key = sightKey(index, peer)
        if (this.#sights.get(key)?.state === state) return
        this.#sights.set(key, { state, sinceMs: this.#world.nowMs - prologueMs })
      })
    }
  }

  /** One object for as long as it says the same. */
  #lookAt(index: number, partitions: Partitions | undefined): void {
    if (partitions === undefined) {
      this.#stands.delete(index)
      return
    }
    const stand = standOf(partitions, this.#world.starters[index], islandNames, worldEpochMs + prologueMs)
    const text = JSON.stringify(stand)
    if (this.#stands.get(index)?.text !== text) this.#stands.set(index, { text, stand })
  }

  #sees(island: number): Sight[] {
    return islandNames.flatMap((_, peer): Sight[] => {
      if (peer === island) return []
      const key = sightKey(island, peer)
      const { state, sinceMs } = this.#sights.get(key) ?? { state: 'silent' as const, sinceMs: -prologueMs }
      return [{ peer, state, sinceMs, heardMs: this.#heard.get(key) }]
    })
  }

  #boat(frame: Frame): BoatFrame {
    const sail = this.#sails.get(frame.id)
    const { id, from, to, bytes, departMs, arriveMs, sankMs } = frame
    return {
      id,
      from,
      to,
      departMs: departMs - prologueMs,
      arriveMs: arriveMs - prologueMs,
      ...(sankMs === undefined ? {} : { sankMs: sankMs - prologueMs }),
      bytes,
      kind: sail?.kind ?? 'unknown',
      digest: sail?.digest ?? '',
    }
  }
}

const sightKey = (island: number, peer: number): string => `${island}<${peer}`

function seqsBeyond(version: Version, other: Version): number {
  let count = 0
  for (const [author, seq] of version.entries()) count += Math.max(0, seq - other.get(author))
  return count
}
