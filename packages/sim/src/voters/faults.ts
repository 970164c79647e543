/** Carries out faults: each begins and ends by itself, and what several do at once ends with the last of them. */
import type { Schema } from '@rejoin/state'
import { type Lane, startFlicker } from '../storms.ts'
import type { World } from '../world.ts'
import type { NextRoster, VoterFault, VoterScript } from './script.ts'

/** What the faults of a script do to a world. */
export interface FaultRun {
  /** Lanes that were closed so far, crashes, and sleeps. */
  readonly counts: { cuts: number; crashes: number; sleeps: number; wipes: number }
  /** Since when a node is awake and up without a break, world ms; undefined while it is not. */
  runsSince(node: number): number | undefined
  /** When a node last woke from a sleep, and how long that was. */
  wokeFrom(node: number): { readonly atMs: number; readonly forMs: number } | undefined
  /** Since when nothing is closed between two, either way; undefined while it is. */
  openSince(a: number, b: number): number | undefined
  /** Since when something is closed between two without a break; undefined while nothing is. */
  closedSince(a: number, b: number): number | undefined
}

/** What a world does about faults that are no business of links, disks and clocks. */
export interface FaultHandlers {
  /** Before a node goes down or loses its disk. */
  readonly downed: (node: number) => void
  readonly proposed: (node: number, next: NextRoster) => void
  /** Answers whether the server was there to be told. */
  readonly forced: (node: number, next: NextRoster) => boolean
  /** Whether it came to what was forced, or to something later. */
  readonly heeded: () => boolean
  /** Whether the group can do without the disk of a node. */
  readonly spares: (node: number) => boolean
  /** Somebody more wants the lease at a node; answers how that ends. */
  readonly wanted: (node: number) => () => void
  /** Who wanted the lease at a node first lets go of it; answers how that ends. */
  readonly rested: (node: number) => () => void
}

/** How long an operator waits before a server that did not run is told again. */
const forceAgainMs = 1_000
/** How often an operator looks at what became of what was forced, and how often it is forced anew. */
const lookMs = 10_000
const mostForces = 4

/** Schedules the faults of a script in a world. */
export function runFaults<S extends Schema>(
  world: World<S>,
  { faults, weather }: VoterScript,
  { downed, proposed, forced, heeded, spares, wanted, rested }: FaultHandlers,
): FaultRun {
  const { scheduler, sea, nodes } = world
  const counts = { cuts: 0, crashes: 0, sleeps: 0, wipes: 0 }
  const closed = new Map<string, number>()
  const openSince = new Map<string, number>()
  const closedSince = new Map<string, number>()
  /** Who sleeps, as the process that it is. */
  const sleepsSince = new Map<number, number>()
  const wokeFrom = new Map<number, { readonly atMs: number; readonly forMs: number }>()
  const holds = nodes.map(() => ({ down: 0, asleep: 0, disk: 0 }))
  const since = nodes.map(() => 0)

  const setCut = ({ from, to }: Lane, isCut: boolean): void => {
    const key = `${from}>${to}`
    const before = closed.get(key) ?? 0
    const now = before + (isCut ? 1 : -1)
    closed.set(key, now)
    if (before === 0 && isCut) {
      counts.cuts += 1
      closedSince.set(key, scheduler.nowMs)
      sea.cut(from, to)
    } else if (now === 0) {
      openSince.set(key, scheduler.nowMs)
      sea.restore(from, to)
    }
  }
  const setQuality = (quality: typeof weather): void => {
    for (const a of nodes) for (const b of nodes) if (a !== b) sea.setQuality(a.index, b.index, quality)
  }
  const goDown = (node: number, how: 'stop' | 'crash' | 'wipe'): void => {
    const hold = holds[node] as (typeof holds)[number]
    hold.down += 1
    downed(node)
    counts.crashes += 1
    // Nobody can close what sleeps.
    if (how === 'stop' && hold.asleep === 0) nodes[node]?.stop()
    else nodes[node]?.crash()
    if (how !== 'wipe') return
    counts.wipes += 1
    nodes[node]?.wipe()
  }
  const comeUp = (node: number): void => {
    const hold = holds[node] as (typeof holds)[number]
    hold.down -= 1
    if (hold.down > 0) return
    nodes[node]?.start()
    since[node] = scheduler.nowMs
    // It is another process than the one that slept.
    wokeFrom.delete(node)
    sleepsSince.delete(node)
  }

  const force = (node: number, next: NextRoster, times = 1): void => {
    const look = (): void => {
      if (heeded()) scheduler.after(lookMs, look)
      else if (times < mostForces) force(node, next, times + 1)
    }
    if (forced(node, next)) scheduler.after(lookMs, look)
    else scheduler.after(forceAgainMs, () => force(node, next, times))
  }

  /** Begins a fault; answers how it ends. */
  const begin = (fault: VoterFault): (() => void) => {
    switch (fault.kind) {
      case 'cut':
        for (const lane of fault.lanes) setCut(lane, true)
        return () => {
          for (const lane of fault.lanes) setCut(lane, false)
        }
      case 'flap': {
        const flicker = startFlicker(scheduler, world.random, fault.lanes, setCut, () => fault.everyMs)
        return () => flicker.stop()
      }
      case 'stop':
      case 'crash':
      case 'wipe':
        if (fault.kind === 'wipe' && fault.isSpared === true && !spares(fault.node)) return () => undefined
        goDown(fault.node, fault.kind)
        return () => comeUp(fault.node)
      case 'sleep': {
        const hold = holds[fault.node] as (typeof holds)[number]
        hold.asleep += 1
        counts.sleeps += 1
        if (!sleepsSince.has(fault.node)) sleepsSince.set(fault.node, scheduler.nowMs)
        nodes[fault.node]?.sleep(fault)
        return () => {
          hold.asleep -= 1
          const fromMs = sleepsSince.get(fault.node)
          // Who was started meanwhile sleeps only if it fell asleep again.
          if (hold.asleep > 0 || hold.down > 0 || fromMs === undefined) return
          sleepsSince.delete(fault.node)
          since[fault.node] = Math.max(since[fault.node] ?? 0, scheduler.nowMs)
          wokeFrom.set(fault.node, { atMs: scheduler.nowMs, forMs: scheduler.nowMs - fromMs })
          nodes[fault.node]?.wake()
        }
      }
      case 'clock':
        nodes[fault.node]?.jumpClock(fault.byMs)
        return () => nodes[fault.node]?.jumpClock(-fault.byMs)
      case 'disk': {
        const hold = holds[fault.node] as (typeof holds)[number]
        hold.disk += 1
        nodes[fault.node]?.disk.setMode(fault.mode)
        return () => {
          hold.disk -= 1
          if (hold.disk === 0) nodes[fault.node]?.disk.setMode('ok')
        }
      }
      case 'roster':
        proposed(fault.node, fault)
        return () => undefined
      case 'force':
        force(fault.node, fault)
        return () => undefined
      case 'want':
        return wanted(fault.node)
      case 'rest':
        return rested(fault.node)
      case 'weather':
        setQuality(fault.quality)
        return () => setQuality(weather)
    }
  }
  for (const fault of faults) {
    scheduler.at(fault.atMs, () => {
      const end = begin(fault)
      if (fault.forMs !== undefined) scheduler.after(fault.forMs, end)
    })
  }

  const openOneWay = (from: number, to: number): number | undefined => {
    const key = `${from}>${to}`
    return (closed.get(key) ?? 0) > 0 ? undefined : (openSince.get(key) ?? 0)
  }
  return {
    counts,
    runsSince: (node) => {
      const hold = holds[node]
      return hold === undefined || hold.down > 0 || hold.asleep > 0 ? undefined : since[node]
    },
    wokeFrom: (node) => wokeFrom.get(node),
    closedSince: (a, b) => {
      const since = [`${a}>${b}`, `${b}>${a}`].flatMap((key) =>
        (closed.get(key) ?? 0) > 0 ? (closedSince.get(key) ?? 0) : [],
      )
      return since.length === 0 ? undefined : Math.min(...since)
    },
    openSince: (a, b) => {
      const there = openOneWay(a, b)
      const back = openOneWay(b, a)
      return there === undefined || back === undefined ? undefined : Math.max(there, back)
    },
  }
}
