import type { Roster } from '../roster.ts'
import { type AddressRecord, addressKey, type PeerAddress } from './address.ts'
import { createAddressBook } from './address-book.ts'
import { createBreaker } from './breaker.ts'
import { createDialBudget } from './dial-budget.ts'
import { type LinkLimits, linkPresets } from './dial-options.ts'
import { createDialPlanner } from './dial-planner.ts'
import type { DialPlanner, DialPlannerEffect, DialPlannerInput } from './dial-types.ts'
import { createEventHeap, type EventHeap, seededRandom } from './event-heap.test-helper.ts'
import { createRace, type Race } from './happy-eyeballs.ts'

export interface DialWorldOptions {
  readonly seed: number
  readonly names: readonly string[]
  /** Addresses that all are configured with. */
  readonly bootstrap?: readonly string[]
  readonly roster?: Roster
  /** Whom each has heard of, beside the bootstrap addresses and the voters. Default all. */
  readonly known?: (name: string) => readonly string[]
  readonly limits?: LinkLimits
}

export interface DialNode {
  readonly name: string
  readonly planner: DialPlanner
  readonly dialTimes: number[]
  readonly failures: (key: string) => number
  isDown: boolean
  input(input: Omit<DialPlannerInput, 'now' | 'wall'> & Record<string, unknown>): void
}

export interface DialWorld {
  readonly time: EventHeap
  readonly nodes: ReadonlyMap<string, DialNode>
  /** Whether nothing gets from one to the other. */
  isCut: (from: string, to: string) => boolean
  /** Breaks the links that are cut, as a failure detector would: each end some seconds later. */
  breakLinks(): void
  linkCount(name: string): number
  /** The connected components, by links that work. */
  components(): string[][]
}

interface Cable {
  readonly ends: readonly [string, string]
  readonly numbers: readonly [number, number]
  isOpen: boolean
}

export const addressOf = (name: string): PeerAddress => ({ transport: 'tcp', address: name })

/** Replicas that dial each other over links with latency: dials to who is cut off or down are lost without a word. */
export function createDialWorld(options: DialWorldOptions): DialWorld {
  const time = createEventHeap()
  const random = seededRandom(options.seed, 'network')
  const between = (low: number, high: number): number => low + random() * (high - low)
  const nodes = new Map<string, DialNode>()
  const cables = new Set<Cable>()
  const believed = new Set<Cable>()
  let number = 0
  let isDirty = false

  const byNumber = new Map<number, Cable>()
  const forget = (cable: Cable): void => {
    believed.delete(cable)
    isDirty = true
  }
  const end = (cable: Cable, at: 0 | 1, refused: boolean): void =>
    nodes.get(cable.ends[at])?.input({ kind: 'down', link: cable.numbers[at], productive: false, refused })
  const world: DialWorld = {
    time,
    nodes,
    isCut: () => false,
    breakLinks: () => {
      for (const cable of [...cables]) {
        const [left, right] = cable.ends
        if (!world.isCut(left, right) && !world.isCut(right, left)) continue
        const ends = ([0, 1] as const).map((at) => () => end(cable, at, false))
        for (const tell of ends) time.after(between(2000, 8000), tell)
        // Until all have noticed, membership goes on believing in it.
        time.after(8000, () => forget(cable))
        cables.delete(cable)
        cable.isOpen = false
      }
    },
    linkCount: (name) =>
      new Set([...cables].flatMap(({ ends: [a, b] }) => (a === name ? b : b === name ? a : []))).size,
    components: () => componentsOf([...nodes.keys()], cables),
  }

  const make = (name: string): DialNode => {
    const own = seededRandom(options.seed, name)
    const book = createAddressBook({ self: name, wall: 0 })
    if (options.roster !== undefined) book.step({ kind: 'roster', roster: options.roster })
    book.step({ kind: 'configure', tier: 'bootstrap', addresses: (options.bootstrap ?? []).map(addressOf), wall: 0 })
    const heard = options.known?.(name) ?? options.names
    for (let at = 0; at < heard.length; at += 64) {
      const addresses = heard.slice(at, at + 64).map((peer) => ({ ...addressOf(peer), peer }))
      book.step({ kind: 'learn', source: `finder-${at}`, addresses, wall: 0 })
    }
    const budget = createDialBudget(3)
    const limits = options.limits ?? linkPresets.lan
    const breaker = createBreaker({ random: own })
    const planner = createDialPlanner({ self: name, book, breaker, budget, links: limits, random: own })
    const races = new Map<number, Race>()
    const dialTimes: number[] = []
    let wake: { cancel(): void } | undefined

    const input: DialNode['input'] = (given) => {
      if (node.isDown) return
      const stamped = { ...given, now: time.now, wall: time.now } as unknown as DialPlannerInput
      for (const effect of planner.step(stamped)) carryOut(effect)
      wake?.cancel()
      if (planner.wakeAt !== undefined) wake = time.at(planner.wakeAt, () => input({ kind: 'tick' }))
    }
    const carryOut = (effect: DialPlannerEffect): void => {
      if (effect.kind === 'dial') race(effect.dial, effect.addresses)
      if (effect.kind === 'give-up') races.get(effect.dial)?.step({ kind: 'stop' })
      if (effect.kind === 'give-up') races.delete(effect.dial)
      if (effect.kind === 'close') hangUp(effect.link, effect.reason === 'full')
    }
    const hangUp = (link: number, refused: boolean): void => {
      const cable = byNumber.get(link)
      if (cable?.isOpen !== true) return
      cables.delete(cable)
      cable.isOpen = false
      forget(cable)
      const far = cable.ends[0] === name ? 1 : 0
      time.after(between(5, 40), () => end(cable, far, refused))
    }
    const race = (dial: number, addresses: readonly AddressRecord[]): void => {
      const made = createRace({ addresses, budget })
      races.set(dial, made)
      for (const effect of made.step({ kind: 'start', now: time.now }))
        if (effect.kind === 'attempt') attempt(dial, made, effect.key, addresses)
    }
    const attempt = (dial: number, made: Race, key: string, addresses: readonly AddressRecord[]): void => {
      dialTimes.push(time.now)
      const to = addresses.find((at) => addressKey(at) === key)?.address as string
      const delay = between(10, 80)
      time.after(delay, () => {
        const other = nodes.get(to)
        if (other === undefined || other.isDown || world.isCut(name, to) || world.isCut(to, name)) return
        if (made.outcome !== undefined) return
        number += 2
        const [mine, theirs] = [number, number + 1]
        const cable: Cable = { ends: [name, to], numbers: [mine, theirs], isOpen: true }
        cables.add(cable)
        for (const own of [mine, theirs]) byNumber.set(own, cable)
        believed.add(cable)
        isDirty = true
        other.input({ kind: 'up', link: theirs, peer: name })
        time.after(delay / 2, () => {
          // It closed it at once, or the line went.
          if (!cable.isOpen) return input({ kind: 'failed', dial, refused: true })
          if (made.outcome !== undefined) return hangUp(mine, false)
          made.step({ kind: 'succeeded', key, now: time.now })
          races.delete(dial)
          input({ kind: 'up', link: mine, peer: to, dial, key })
        })
      })
    }
    const node: DialNode = {
      name,
      planner,
      dialTimes,
      isDown: false,
      failures: (key) => book.records.get(key)?.failures ?? 0,
      input,
    }
    return node
  }

  /** Membership hears of who can be reached with a second's delay. */
  const look = (): void => {
    if (isDirty) {
      isDirty = false
      for (const component of componentsOf([...nodes.keys()], believed)) {
        const reachable = new Set(component)
        for (const name of component) nodes.get(name)?.input({ kind: 'side', reachable })
      }
    }
    time.after(1000, look)
  }
  for (const name of options.names) nodes.set(name, make(name))
  time.after(1000, look)
  return world
}

function componentsOf(names: readonly string[], cables: ReadonlySet<Cable>): string[][] {
  const root = new Map(names.map((name) => [name, name]))
  const rootOf = (name: string): string => {
    let at = name
    for (let up = root.get(at) as string; up !== at; up = root.get(at) as string) {
      root.set(at, root.get(up) as string)
      at = up
    }
    return at
  }
  for (const { ends } of cables) root.set(rootOf(ends[0]), rootOf(ends[1]))
  const groups = new Map<string, string[]>()
  for (const name of names) groups.set(rootOf(name), [...(groups.get(rootOf(name)) ?? []), name])
  return [...groups.values()]
}

/** The greatest number of times within any second. */
export function mostInOneSecond(times: readonly number[]): number {
  let most = 0
  for (let from = 0, at = 0; at < times.length; at++) {
    while ((times[at] as number) - (times[from] as number) >= 1000) from++
    most = Math.max(most, at - from + 1)
  }
  return most
}
