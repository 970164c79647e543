import {
  createRandom,
  createWorld,
  randomWrite,
  type Scenario,
  type World,
  type WorldEvent,
  type WorldNode,
  worldOf,
} from '@rejoin/sim'
import { digestOf, type Path, recheck, type Store, storeToPlain, verifyStore } from '@rejoin/state'
import type { SyncRules } from '@rejoin/sync/testing'
import { describe, expect, it } from 'vitest'

type Fields = ReturnType<typeof worldOf>['schema']
type Diverged = Extract<WorldEvent, { readonly kind: 'diverged' }>

/** Where a value is changed past the interface of its store, and what its digest says of that. */
type Damage = 'as if merged so' | 'in memory'

/** One world with one damage, to its end: what is wrong with how it ended, in words. */
interface Outcome {
  readonly fault: string | undefined
  readonly alarms: readonly Diverged[]
  readonly path: Path
}

const victims = ['register', 'entry-name'] as const

/** Writes for a while, damages one value of one node, and goes on writing elsewhere until all must be well again. */
function playWithDamage(seed: number, damage: Damage, rules: Partial<SyncRules> = {}): Outcome {
  const random = createRandom(seed, 'damage')
  const alarms: Diverged[] = []
  const scenario: Scenario = { world: 'hub', seed, nodes: 4, durationMs: 0, actions: [] }
  const world = createWorld({
    ...worldOf(scenario, { rules }),
    onEvent: (event) => {
      if (event.kind === 'diverged') alarms.push(event)
    },
  })
  const write = (verbs?: readonly string[]): void => {
    const drawn = randomWrite(random)
    const verb = verbs === undefined ? drawn.verb : random.pick(verbs as (typeof drawn.verb)[])
    world.nodes[random.int(world.nodes.length)]?.write({ ...drawn, verb })
  }
  world.runUntil(2_000)
  world.nodes[1]?.write({ verb: 'register', number: 1, text: 'title' })
  world.nodes[2]?.write({ verb: 'entry-name', number: 2, text: 'ada' })
  for (let i = 0; i < 40; i++) {
    write()
    world.runUntil(world.nowMs + 200)
  }
  world.nodes[1]?.write({ verb: 'entry-name', number: 3, text: 'ada' })
  world.runUntil(world.nowMs + 60_000)

  // A server is the one that is believed: only its own disk can tell that its memory is wrong.
  const node = world.nodes[damage === 'in memory' ? random.int(4) : 1 + random.int(3)] as WorldNode<Fields>
  const path = random.pick(victims) === 'register' ? ['title'] : ['players', 'ada', 'name']
  const { store } = node.handle as { readonly store: Store }
  digestOf(store)
  store.tree.values.set(store.tree.findNode(path), 'damaged')
  if (damage === 'as if merged so') recheck(store, Number.POSITIVE_INFINITY)

  // Who writes all the time is told of the place no closer than that it is somewhere: a search takes some round trips.
  for (let i = 0; i < 16; i++) {
    write(['counter', 'set-add', 'list-insert', 'entry-hp'])
    world.runUntil(world.nowMs + 15_000)
  }
  world.runUntil(world.nowMs + 120_000)
  return { fault: faultOf(world), alarms, path }
}

function faultOf(world: World<Fields>): string | undefined {
  const [pending] = world.pending()
  if (pending !== undefined) return pending
  for (const { name, handle } of world.nodes) {
    const [fault] = verifyStore((handle as { readonly store: Store }).store)
    if (fault !== undefined) return `${name}: ${fault}`
    if (JSON.stringify(storeToPlain((handle as { readonly store: Store }).store)).includes('damaged'))
      return `${name} is damaged still`
  }
  // The op log agrees from here on: one more write of each makes the checks look at all of them.
  const before = world.violations.length
  for (const node of world.nodes) node.write({ verb: 'counter', number: 12, text: '' })
  world.runUntil(world.nowMs + 60_000)
  return world.pending()[0] ?? world.violations[before]?.message
}

/** The place itself, or one around it: somebody may write while it is searched for. */
function isNear(path: Path, found: Path): boolean {
  return found.length > 0 && found.every((name, i) => name === path[i])
}

const seeds = Array.from({ length: process.env['SOAK'] === '1' ? 400 : 15 }, (_, i) => i + 1)

describe('a store that was changed past its interface', () => {
  it('[SM20] is found by its peers, named, traced and repaired, and all end alike', () => {
    for (const seed of seeds) {
      const { fault, alarms, path } = playWithDamage(seed, 'as if merged so')
      expect(fault, `seed ${seed}`).toBeUndefined()
      const named = alarms.filter(({ event }) => event.paths.some((found) => isNear(path, found)))
      expect(named.length, `seed ${seed}: ${JSON.stringify(alarms.map(({ event }) => event.paths))}`).toBeGreaterThan(0)
      expect(alarms.some(({ event }) => event.repair === 'adopting')).toBe(true)
      for (const { event } of named) {
        const lines = event.trace.trim().split('\n')
        expect(lines).toHaveLength(3)
        expect(JSON.parse(lines[0] as string)).toMatchObject({ document: 'world', paths: event.paths })
      }
      expect(named.some(({ event }) => event.trace.includes('"damaged"'))).toBe(true)
    }
  })

  it('[SM20] notices damaged memory itself and makes it anew from its disk, the server too', () => {
    for (const seed of seeds) {
      const { fault, alarms } = playWithDamage(seed, 'in memory')
      expect(fault, `seed ${seed}`).toBeUndefined()
      expect(alarms, `seed ${seed}`).toEqual([])
    }
  })

  it('[DV6] stays so where nobody compares', () => {
    const { fault, alarms } = playWithDamage(1, 'as if merged so', { digestsAreCompared: false })
    expect(alarms).toEqual([])
    expect(fault).toBeDefined()
  })

  it('[DV8] spreads or stays where nobody looks at its memory', () => {
    const { fault } = playWithDamage(1, 'in memory', { memoryIsRechecked: false, digestsAreCompared: false })
    expect(fault).toBeDefined()
  })
})
