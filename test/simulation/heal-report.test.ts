import {
  createRandom,
  createWorld,
  type LoggedItem,
  type LoggedKey,
  type OpLog,
  randomWrite,
  Workload,
  type World,
  type WorldEvent,
  writeWorkload,
} from '@rejoin/sim'
import { type Change, type Conflict, kindName, leafKinds, type Version, valueFromKey, valuesEqual } from '@rejoin/state'
import type { HealEvent } from '@rejoin/sync'
import { describe, expect, it } from 'vitest'

/** Two replicas write apart for a while, are quiet, and meet again. */
function healOnce(seed: number): { readonly world: World<typeof Workload>; readonly reports: readonly HealEvent[] } {
  const reports: HealEvent[] = []
  const random = createRandom(seed, 'heal-report')
  const world = createWorld({
    seed,
    nodes: [
      { name: 'alice', role: 'peer', dials: [1] },
      { name: 'bob', role: 'peer', dials: [] },
    ],
    schema: Workload,
    write: writeWorkload,
    // Half of the runs heal by bundle, half by the changes themselves.
    pace: random.chance(0.5) ? { limits: { keptChanges: 0 } } : {},
    onEvent: (event: WorldEvent) => {
      if (event.kind === 'healed' && event.report.revision === 1) reports.push(event.report)
    },
  })
  const write = (count: number): void => {
    for (let i = 0; i < count; i += 1) {
      world.runUntil(world.nowMs + random.between(1, 400))
      world.act({ atMs: world.nowMs, kind: 'write', node: random.int(2), write: randomWrite(random) })
    }
  }
  write(15)
  world.runUntil(20_000)
  world.act({ atMs: 20_000, kind: 'storm', preset: 'isolate-one', node: 0 })
  world.runUntil(60_000)
  write(1 + random.int(14))
  world.runUntil(70_000)
  world.calm()
  world.runUntil(150_000)
  return { world, reports }
}

const isIn = (change: Change, version: Version, but: Version): boolean => version.has(change) && !but.has(change)

/** The leaves that changes in `version` and not in `but` touched. */
function touchedPaths(log: OpLog, version: Version, but: Version): string[] {
  const paths = new Set<string>()
  for (const change of log.changes) {
    if (isIn(change, version, but)) for (const op of change.ops) paths.add(op.key.path.join('/'))
  }
  return [...paths].sort()
}

/** What stands for one side at a key: its winning write that the other had not seen, else its removal. */
function leading(log: OpLog, key: LoggedKey, side: Version, other: Version): LoggedItem | 'removed' | undefined {
  const live = log.liveItems(key, side).filter((item) => !other.has(item))
  if (live.length > 0) return live.sort((a, b) => b.hlc - a.hlc || (a.author < b.author ? 1 : -1))[0]
  const isWrite = (touch: { author: string; seq: number }): boolean =>
    key.items.some((item) => item.author === touch.author && item.seq === touch.seq)
  return key.touches.some((touch) => side.has(touch) && !other.has(touch) && !isWrite(touch)) ? 'removed' : undefined
}

/** Whether a side wrote at a key what the other had not seen and is there when both are merged. */
function survives(log: OpLog, key: LoggedKey, writer: Version, other: Version): boolean {
  if (key.kind === leafKinds.counterReset) return false
  const whole = writer.merge(other)
  const dots = key.list === undefined ? log.liveItems(key, whole) : key.list.elementsAt(whole)
  return dots.some((dot) => writer.has(dot) && !other.has(dot))
}

/** Map entries that one side deleted and the other wrote in, without another conflict inside. */
function halfEntries(log: OpLog, ours: Version, theirs: Version, conflicts: readonly string[][]): string[] {
  const keys = [...log.leaves.values()].flat()
  const isWithin = (path: readonly string[], entry: readonly string[]): boolean =>
    entry.every((segment, i) => path[i] === segment)
  const found = new Set<string>()
  for (const { kind, path, touches, items } of keys) {
    if (kind !== leafKinds.entry || conflicts.some((other) => isWithin(other, path))) continue
    for (const [deleter, writer] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      const isDeletion = (touch: { author: string; seq: number }): boolean =>
        !items.some((item) => item.author === touch.author && item.seq === touch.seq)
      if (!touches.some((touch) => isDeletion(touch) && deleter.has(touch) && !writer.has(touch))) continue
      if (keys.some((key) => isWithin(key.path, path) && survives(log, key, writer, deleter))) {
        found.add(nameOf('entry', path, undefined))
      }
    }
  }
  return [...found]
}

function expectedConflicts(log: OpLog, ours: Version, theirs: Version): string[] {
  const paths: string[][] = []
  const found: string[] = []
  const lossless: readonly number[] = [leafKinds.counter, leafKinds.counterReset, leafKinds.list]
  for (const key of [...log.leaves.values()].flat()) {
    if (lossless.includes(key.kind)) continue
    const [a, b] = [leading(log, key, ours, theirs), leading(log, key, theirs, ours)]
    if (a === undefined || b === undefined || (a === 'removed' && b === 'removed')) continue
    if (a !== 'removed' && b !== 'removed' && valuesEqual(a.value, b.value)) continue
    const element = key.kind === leafKinds.set ? valueFromKey(key.member) : undefined
    paths.push([...key.path])
    found.push(nameOf(kindName(key.kind), key.path, element))
  }
  return [...found, ...halfEntries(log, ours, theirs, paths)].sort()
}

const nameOf = (kind: string, path: readonly string[], element: unknown): string =>
  `${kind} ${path.join('/')} ${element === undefined ? '' : JSON.stringify(element)}`.trim()

const namesOf = (conflicts: readonly Conflict[]): string[] =>
  conflicts.map(({ kind, path, element }) => nameOf(kind, path, element)).sort()

describe('heal reports', () => {
  it('[SM12] [HR6] name exactly the leaves and conflicts that the op log has, on both sides', () => {
    let conflicts = 0
    let halves = 0
    for (let seed = 1; seed <= 40; seed += 1) {
      const { world, reports } = healOnce(seed)
      expect(world.pending(), `seed ${seed}`).toEqual([])
      const { log } = world.checker
      for (const report of reports) {
        // With two replicas, what is neither common nor ours is theirs.
        const whole = world.nodes[0]?.handle?.version as Version
        const ours = report.ours.byAuthor.reduce(
          (version, { author, changes }) => version.with(author, report.common.get(author) + changes),
          report.common,
        )
        const theirs = [...whole.entries()].reduce(
          (version, [author, seq]) => (ours.get(author) < seq ? version.with(author, seq) : version),
          report.common,
        )
        const ourPaths = report.ours.paths.map((path) => path.join('/')).sort()
        expect(ourPaths, `seed ${seed}`).toEqual(touchedPaths(log, ours, report.common))
        expect(namesOf(report.conflicts), `seed ${seed}`).toEqual(expectedConflicts(log, ours, theirs))
        conflicts += report.conflicts.length
        halves += report.conflicts.filter(({ rule }) => rule === 'update-wins').length
      }
    }
    expect(conflicts).toBeGreaterThan(5)
    expect(halves).toBeGreaterThan(1)
  })
})
