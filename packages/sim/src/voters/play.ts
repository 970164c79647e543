/**
 * Plays a script of voters to its end. In safety mode everything that is broken ends, and all must be well within bounds; in
 * liveness mode the core must be, while the rest stays broken.
 */
import { digestOf, type Schema, Version } from '@rejoin/state'
import type { Receipt } from '@rejoin/sync'
import { hashText } from '../random.ts'
import type { WorldNode } from '../world-node.ts'
import type { SimulatedApp, WriteTallies } from './app.ts'
import { isSameRoster } from './operator-desk.ts'
import { calmAtMs, type VoterScript } from './script.ts'
import { createVoterWorld, nameOfVoter, type VoterWorld, type VoterWorldOptions } from './voter-world.ts'
import { workloadApp } from './workload-app.ts'

/** While something is waited for it is looked more often, as the time that it takes is measured. */
const waitStepMs = 1_000

/** How to play. */
export interface PlayVoterOptions extends VoterWorldOptions {
  /** How often all is looked at, and something may be written. Default 250 ms. */
  readonly stepMs?: number
  /** Whether the lease is looked at after every event. Default where there are three voters. */
  readonly everyEvent?: boolean
}

/** How a run ended. */
export interface VoterResult {
  readonly script: VoterScript
  /** What is wrong, in words; nothing where all is well. */
  readonly wrong: readonly string[]
  /** From the end of the faults until all that must hear of each other were `full`, and had the same state. */
  readonly healMs: number
  readonly sameMs: number
  /** Until every incident was closed. */
  readonly closedMs: number
  readonly writes: number
  readonly merges: number
  readonly heals: number
  readonly cuts: number
  readonly crashes: number
  readonly sleeps: number
  readonly wipes: number
  /** Looks at which somebody held the lease, and rounds that a quorum stored. */
  readonly held: number
  readonly rounds: number
  /** Rosters that came into force. */
  readonly rosters: number
  readonly suspicions: number
  readonly pauses: number
  readonly simulatedMs: number
  readonly events: number
  /** What became of what the app tried to write. */
  readonly tallies: WriteTallies
  /** Equal for equal runs. */
  readonly fingerprint: string
}

/** How often an operator asks for a change that was refused. */
const askAgainMs = 5_000

/** After the return of the links: for all to be `full` and alike, for incidents to close, for a lease to be held. */
export const voterBounds = {
  healMs: 65_000,
  closeMs: 120_000,
  leaseMs: 60_000,
  rosterMs: 60_000,
  quorumMs: 30_000,
  settleMs: 10_000,
} as const

/** Plays a script, with documents of every kind of leaf, and checks everything. */
export function playVoters(script: VoterScript, options: PlayVoterOptions = {}): VoterResult {
  return playApp(script, workloadApp, options)
}

/** Plays a script with the document of an app, and checks everything. */
export function playApp<S extends Schema>(
  script: VoterScript,
  app: SimulatedApp<S>,
  options: PlayVoterOptions = {},
): VoterResult {
  const { stepMs = 250, everyEvent = script.voters <= 3 } = options
  const voters = createVoterWorld(script, app, options)
  const isLeased = app.exclusive !== undefined
  const { world } = voters
  let looks = 0
  const runTo = (toMs: number): void => {
    if (everyEvent) {
      const { scheduler } = world
      for (let nextMs = scheduler.nextAtMs(); nextMs !== undefined && nextMs <= toMs; nextMs = scheduler.nextAtMs()) {
        scheduler.step()
        voters.lookAtLease()
      }
    }
    world.runUntil(toMs)
  }
  const run = (ms: number, writes: boolean): void => {
    const untilMs = world.nowMs + ms
    while (world.nowMs < untilMs && voters.wrong.length === 0) {
      runTo(Math.min(untilMs, world.nowMs + stepMs))
      looks += 1
      if (looks % 4 === 0) voters.look()
      else voters.lookAtLease()
      if (writes && world.random.chance(0.12)) voters.write()
    }
  }
  /** How long it takes until nothing is missing. */
  const wait = (what: () => string[], mostMs: number, writes = false): number => {
    const fromMs = world.nowMs
    let missing = what()
    while (missing.length > 0 && voters.wrong.length === 0) {
      if (world.nowMs - fromMs >= mostMs) {
        voters.wrong.push(`not so after ${mostMs / 1000} s: ${missing.slice(0, 4).join('; ')}`)
        break
      }
      run(Math.min(stepMs, waitStepMs), writes)
      missing = what()
    }
    return world.nowMs - fromMs
  }

  run(Math.max(calmAtMs(script), 5_000), true)
  const times =
    script.core === undefined
      ? healAll(voters, script, wait, run, isLeased, app.exclusive?.begun !== undefined)
      : healCore(voters, script.core, wait, run, isLeased)
  for (const { kind, message } of world.violations) voters.wrong.push(`${kind}: ${message}`)
  return resultOf(voters, script, times)
}

type Wait = (what: () => string[], mostMs: number, writes?: boolean) => number
type Run = (ms: number, writes: boolean) => void
interface Times {
  readonly healMs: number
  readonly sameMs: number
  readonly closedMs: number
}

/** Whether it lasts as long as the weather, which stays: what gets lost is told of, or late. */
function isOfWeather(failure: string, { weather }: VoterScript): boolean {
  return weather.loss > 0 && (failure === 'message-loss' || failure === 'slowness')
}

/** Safety mode. */
function healAll<S extends Schema>(
  voters: VoterWorld<S>,
  script: VoterScript,
  wait: Wait,
  run: Run,
  isLeased: boolean,
  isCounted: boolean,
): Times {
  const { world, watches } = voters
  const fromMs = world.nowMs
  const healMs = wait(() => notFull(voters), voterBounds.healMs, true)
  const sameMs = healMs + wait(() => differing(world.nodes), Math.max(1_000, voterBounds.healMs - healMs))
  const closedMs =
    sameMs +
    wait(
      () =>
        watches.flatMap((watch, node) =>
          (watch?.status.open ?? []).flatMap(({ phase, failure = 'new' }) =>
            isOfWeather(failure, script) ? [] : `${nameOfVoter(node)} has an incident in phase ${phase}`,
          ),
        ),
      voterBounds.closeMs,
    )
  if (isLeased)
    wait(
      () => (voters.tokens().some((token) => token !== undefined) ? [] : ['nobody holds the lease']),
      voterBounds.leaseMs,
    )
  // Who never wrote anything has proved nothing, which is told otherwise.
  if (isCounted && voters.tallies.exclusive.written > 0) countOneMore(voters, wait)
  const isOperated = script.faults.some(({ kind }) => kind === 'roster' || kind === 'force')
  if (isOperated) changeOnceMore(voters, wait)
  run(1_000, false)
  // Who has just found out that it slept says for a moment that it knows nothing. And a change of the roster that was pending may have made a
  // voter of somebody since, whose links have as long as all others.
  const leftMs = isOperated ? voterBounds.healMs : voterBounds.healMs - (world.nowMs - fromMs)
  wait(() => [...differing(world.nodes), ...notFull(voters)], Math.max(voterBounds.settleMs, leftMs))
  lookForLost(voters, world.nodes)
  return { healMs, sameMs, closedMs }
}

/** A round of who holds the lease counts, unless the app has none to begin. */
function countOneMore<S extends Schema>(voters: VoterWorld<S>, wait: Wait): void {
  const { counts, tallies, world } = voters
  const { rounds } = counts
  let begunMs = world.nowMs
  // Whether somebody begins one is left to no chance.
  const begin = (): void => {
    if (world.nowMs < begunMs + askAgainMs) return
    begunMs = world.nowMs
    voters.workAlone()
  }
  const before = { ...tallies.exclusive }
  const isOver = (): boolean => {
    const { tried, written, refused } = tallies.exclusive
    return tried > before.tried + 3 && written === before.written && refused === before.refused
  }
  wait(
    () => {
      begin()
      return counts.rounds > rounds || isOver() ? [] : ['no round counts']
    },
    voterBounds.leaseMs,
    true,
  )
}

/** Whatever operators did, the next change of the roster can be made. */
function changeOnceMore<S extends Schema>(voters: VoterWorld<S>, wait: Wait): void {
  const { watches, world } = voters
  const servers = watches.slice(0, voters.servers)
  const unsettled = (): string[] =>
    servers.flatMap((watch, node) => {
      const isNamed = watch?.status.roster?.voters.some(({ id }) => id === nameOfVoter(node)) === true
      return isNamed && watch?.status.isSettled !== true ? [`${nameOfVoter(node)} is not settled`] : []
    })
  wait(unsettled, voterBounds.rosterMs)
  const before = new Set(servers.map((watch) => watch?.status.roster?.epoch ?? 0))
  const weights = servers.map(() => 1 + world.random.int(2))
  let askedMs = Number.NEGATIVE_INFINITY
  // One that was asked for before may be on its way yet, so that another is refused.
  const ask = (): void => {
    if (world.nowMs < askedMs + askAgainMs) return
    askedMs = world.nowMs
    voters.propose(0, weights)
  }
  wait(() => {
    const missing = watches.flatMap((watch, node) => {
      const epoch = watch?.status.roster?.epoch ?? 0
      return before.has(epoch) ? [`${nameOfVoter(node)} is still at the roster of epoch ${epoch}`] : []
    })
    if (missing.length > 0) ask()
    return missing
  }, voterBounds.rosterMs)
  wait(unsettled, voterBounds.rosterMs)
}

/** Liveness mode: the core is a quorum that is connected, whatever the rest does. */
function healCore<S extends Schema>(
  voters: VoterWorld<S>,
  core: readonly number[],
  wait: Wait,
  run: Run,
  isLeased: boolean,
): Times {
  const { world, watches } = voters
  const nodes = world.nodes.filter(({ index }) => core.includes(index))
  const sameMs = wait(() => differing(nodes), voterBounds.healMs)
  const healMs = wait(
    () =>
      nodes.flatMap(({ index }) =>
        watches[index]?.status.verdict?.capabilities.mayGrantLease === true
          ? []
          : [`${nameOfVoter(index)} has no powers`],
      ),
    voterBounds.healMs,
  )
  if (isLeased)
    wait(
      () => (voters.tokens().some((token) => token !== undefined) ? [] : ['nobody holds the lease']),
      voterBounds.leaseMs,
    )
  let stored = false
  const writer = core[0] as number
  // Not all that is drawn can be written: nobody spends what is not there.
  const { tallies, wrong } = voters
  const [wrongBefore, refusedBefore] = [wrong.length, tallies.write.refused]
  let receipt: Receipt | undefined
  for (let tries = 0; tries < 20 && receipt?.change === undefined && wrong.length === wrongBefore; tries += 1)
    receipt = voters.writeAt(writer) ?? receipt
  if (receipt === undefined) {
    const why = tallies.write.refused > refusedBefore ? tallies.write.refusal : 'it does not run'
    // Where the app threw, that is told already.
    if (wrong.length === wrongBefore) wrong.push(`${nameOfVoter(writer)} cannot write: ${why}`)
  } else {
    watches[writer]?.reached({ name: 'world' }, receipt).then(
      () => {
        stored = true
      },
      () => undefined,
    )
  }
  wait(() => (stored ? [] : ['no quorum has stored what the core wrote']), voterBounds.quorumMs)
  run(20_000, true)
  wait(() => differing(nodes), voterBounds.healMs)
  lookForLost(voters, [])
  return { healMs, sameMs, closedMs: 0 }
}

/** Who does not say that all voters reach all, or goes by another roster. A client may be connected with one server only. */
function notFull<S extends Schema>({ watches, world }: VoterWorld<S>): string[] {
  const roster = watches[0]?.status.roster
  return world.nodes.flatMap(({ index, name }) => {
    const mode = watches[index]?.status.verdict?.mode
    if (mode !== 'full') return [`${name} is ${mode ?? 'down'}`]
    return isSameRoster(watches[index]?.status.roster, roster) ? [] : [`${name} goes by another roster than r1`]
  })
}

/** What keeps nodes from being alike. */
function differing<S extends Schema>(nodes: readonly WorldNode<S>[]): string[] {
  const missing: string[] = []
  const all = nodes.reduce((version, { handle }) => version.merge(handle?.version ?? Version.empty), Version.empty)
  const digests = new Set<string>()
  for (const { name, handle } of nodes) {
    if (handle === undefined) missing.push(`${name} is down`)
    else if (!handle.version.covers(all)) missing.push(`${name} lacks changes`)
    else digests.add(digestOf(handle.store))
  }
  if (missing.length === 0 && digests.size > 1) missing.push(`equal versions have ${digests.size} digests`)
  return missing
}

/** What was acknowledged is somewhere: with a quorum always; on the own disk, unless that was lost. */
function lookForLost<S extends Schema>(
  { world, quorumAcknowledged, wrong }: VoterWorld<S>,
  nodes: readonly WorldNode<S>[],
): void {
  const all = world.nodes.reduce(
    (version, { handle }) => version.merge(handle?.version ?? Version.empty),
    Version.empty,
  )
  if (!all.covers(quorumAcknowledged)) wrong.push('something is lost that a quorum had on its disks')
  if (nodes.length > 0 && !all.covers(world.checker.diskAcknowledged))
    wrong.push('something is lost that was on the disk of who wrote it')
}

function resultOf<S extends Schema>(voters: VoterWorld<S>, script: VoterScript, times: Times): VoterResult {
  const { world, counts, faults } = voters
  const sum = (of: 'writes' | 'merges' | 'heals'): number =>
    world.nodes.reduce((total, node) => total + node.counts[of], 0)
  const counted = {
    ...times,
    writes: sum('writes'),
    merges: sum('merges'),
    heals: sum('heals'),
    ...faults.counts,
    held: counts.held,
    rounds: counts.rounds,
    rosters: counts.rosters,
    suspicions: counts.suspicions,
    pauses: counts.pauses,
    simulatedMs: world.nowMs,
    events: world.scheduler.steps,
  }
  const digests = world.nodes.map(({ handle }) => (handle === undefined ? '' : digestOf(handle.store)))
  const text = JSON.stringify([counted, digests, voters.wrong, world.sea.sent])
  const hash = [1, 2].map((start) => hashText(text, start).toString(16).padStart(8, '0'))
  return { script, wrong: voters.wrong, ...counted, tallies: voters.tallies, fingerprint: hash.join('') }
}
