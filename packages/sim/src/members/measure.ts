/** What a world of members shows of the detectors: how soon a cut is noticed, and how often somebody is accused wrongly. */
import type { DetectorEffect, DetectorSettings, NodeId, StateChanged } from '@rejoin/sync/partition'
import { createMembersWorld, type MembersWorld } from './members-world.ts'

const indexOf = (id: NodeId): number => Number(id.slice(1)) - 1

/** What came of one cut. */
export interface CutFigures {
  /** From the cut to the first suspicion of anybody beyond it, to the last belief that somebody there is unreachable. */
  readonly firstSuspicionMs: number
  readonly allUnreachableMs: number
  /** From the end of the cut until everybody is alive to everybody. */
  readonly allAliveMs: number
  /** Beliefs about the own side that changed. */
  readonly ownSide: number
}

/** Halves of `nodes` are cut off from each other for `forMs`, over connections that stay open in silence, or break. */
export function measureCut(
  seed: number,
  settings: DetectorSettings,
  nodes: number,
  breaks: boolean,
  forMs = 40_000,
): CutFigures {
  let cutAt = Number.POSITIVE_INFINITY
  let first: number | undefined
  let ownSide = 0
  const left = nodes >> 1
  const members: MembersWorld = createMembersWorld({
    seed,
    settings,
    nodes,
    onEffect: (node, effect, now) => {
      if (effect.kind !== 'stateChanged' || now < cutAt) return
      if (node < left === indexOf(effect.peer) < left) ownSide += 1
      else first ??= now - cutAt
    },
  })
  const runUntil = (isDone: () => boolean, mostMs: number): number => {
    const from = members.now
    while (!isDone() && members.now - from < mostMs) members.run(Math.min(100, from + mostMs - members.now))
    return isDone() ? members.now - from : Number.POSITIVE_INFINITY
  }
  const isEverybody = (status: string, isAsked: (a: number, b: number) => boolean): boolean =>
    members.nodes.every(({ detector }, at) =>
      detector.swim.members.every((member) => member.status === status || !isAsked(at, indexOf(member.id))),
    )
  const isAcross = (a: number, b: number): boolean => a < left !== b < left
  members.run(60_000 + members.random.float() * 60_000)
  cutAt = members.now
  members.cutHalves(left, true)
  if (breaks) connections(members, isAcross, false)
  const allUnreachableMs = runUntil(() => isEverybody('unreachable', isAcross), forMs)
  members.run(Math.max(0, cutAt + forMs - members.now))
  members.cutHalves(left, false)
  if (breaks) connections(members, isAcross, true)
  const allAliveMs = runUntil(() => isEverybody('alive', () => true), 300_000)
  return { firstSuspicionMs: first ?? Number.POSITIVE_INFINITY, allUnreachableMs, allAliveMs, ownSide }
}

/** Opens or breaks connections, each at some time of the next two seconds. */
function connections(members: MembersWorld, isMeant: (a: number, b: number) => boolean, isOpen: boolean): void {
  for (const [a, { id: left }] of members.nodes.entries()) {
    for (const [b, { id: right }] of members.nodes.entries()) {
      if (a >= b || !isMeant(a, b)) continue
      members.after(members.random.float() * 2000, () => {
        for (const [at, peer] of [
          [a, right],
          [b, left],
        ] as const) {
          const now = members.clockOf(at)
          members.step(at, isOpen ? { kind: 'opened', peer, now } : { kind: 'closed', peer, isLost: true, now })
        }
      })
    }
  }
}

/** What came of a long run. */
export interface MembersFigures {
  readonly nodeHours: number
  readonly events: number
  readonly pauses: number
  readonly suspicions: number
  /** Suspicions in which nobody involved had been paused for a while. */
  readonly falseSuspicions: number
  /** Whoever was found unreachable while it had been up and connected for a second. */
  readonly falseUnreachable: number
  readonly unreachable: number
  /** Accusations within the window after a pause of one's own. */
  readonly bySleepers: number
  /** Whether all are alive to all at the end. */
  readonly isWhole: boolean
}

/** Replicas that lose `loss` of all messages and are paused, each every ten minutes or so, for 10 ms to `mostPauseMs`. */
export function watchMembers(
  seed: number,
  settings: DetectorSettings,
  options: { readonly nodes: number; readonly hours: number; readonly loss: number; readonly mostPauseMs: number },
): MembersFigures {
  const { nodes, hours, loss, mostPauseMs } = options
  const figures = { suspicions: 0, falseSuspicions: 0, falseUnreachable: 0, unreachable: 0, bySleepers: 0, pauses: 0 }
  const onEffect = (at: number, effect: DetectorEffect, now: number): void => {
    if (effect.kind !== 'stateChanged' || now < 60_000) return
    if (effect.to !== 'suspect' && effect.to !== 'unreachable') return
    if (members.nodes[at]?.detector.isArmed) figures.bySleepers += 1
    const subject = indexOf(effect.peer)
    if (effect.to === 'suspect') {
      figures.suspicions += 1
      const involved = [at, subject, ...accusersOf(effect)]
      if (involved.every((node) => isFresh(members, node, 30_000))) figures.falseSuspicions += 1
    } else {
      figures.unreachable += 1
      if (isFresh(members, subject, 1000)) figures.falseUnreachable += 1
    }
  }
  const members: MembersWorld = createMembersWorld({ seed, settings, nodes, loss, onEffect })
  const pauseLater = (at: number): void =>
    members.after(-Math.log(1 - members.random.float()) * 600_000, () => {
      figures.pauses += 1
      members.pause(at, 10 * (mostPauseMs / 10) ** members.random.float(), members.random.float() < 0.5)
      pauseLater(at)
    })
  if (mostPauseMs > 0) for (const at of members.nodes.keys()) pauseLater(at)
  members.run((hours / nodes) * 3_600_000)
  // As far as nobody is paused at the end.
  const isWhole = members.nodes.every(
    ({ detector }, at) =>
      !isFresh(members, at, 5000) ||
      detector.swim.members.every(({ id, status }) => status === 'alive' || !isFresh(members, indexOf(id), 5000)),
  )
  return { ...figures, nodeHours: hours, events: members.events, isWhole }
}

const accusersOf = ({ evidence }: StateChanged): number[] => (evidence.kind === 'hearsay' ? [indexOf(evidence.by)] : [])

/** Whether a node is up, and has been for so long, or was away for less than a second. */
function isFresh(members: MembersWorld, at: number, ms: number): boolean {
  const node = members.nodes[at]
  return node !== undefined && members.isUp(at) && (members.now - node.wokeAt >= ms || node.pausedForMs < 1000)
}

/** The value that the share `share` of all is not above. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number
}
