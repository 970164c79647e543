/**
 * Who is there: the pause guard, phi for each connection, and SWIM, in the order in which they must hear of things. The guard comes first,
 * so that a replica that slept does not find all others silent.
 */
import type { NodeId } from '../roster.ts'
import type { Suspicion } from './beliefs.ts'
import { createPauseGuard, type PauseGuardEffect, type PauseGuardInput, type PauseHint } from './pause-guard.ts'
import { createPhi, type Phi, type PhiInput } from './phi.ts'
import { createSwim, type Swim, type SwimOptions } from './swim.ts'
import type { MemberView, SwimEffect, SwimInput } from './swim-types.ts'

/** Times are milliseconds: `now` of a monotonic clock, `wall` of the other. */
export type DetectorInput =
  | { readonly kind: 'tick'; readonly now: number; readonly wall: number }
  | { readonly kind: 'hint'; readonly hint: PauseHint; readonly now: number; readonly wall: number }
  /** A heartbeat came from a peer, which says whether its page is hidden. */
  | { readonly kind: 'heartbeat'; readonly peer: NodeId; readonly isHidden: boolean; readonly now: number }
  | Extract<
      SwimInput,
      { readonly kind: 'message' | 'heard' | 'opened' | 'closed' | 'join' | 'removed' | 'leave' | 'rejoin' }
    >

/** What is to be done, and what is believed now. */
export type DetectorEffect = SwimEffect | PauseGuardEffect

/** Who of the voters is there. */
export interface Detector {
  step(input: DetectorInput): readonly DetectorEffect[]
  memberOf(peer: NodeId): MemberView | undefined
  /** Who is suspected now. Where nobody probes, nobody is. */
  readonly suspicions: readonly Suspicion[]
  /** Whether nobody is accused now, as this replica was paused. */
  readonly isArmed: boolean
  readonly wakeAt: number | undefined
}

/** Of a voter: the three machines as one. */
export interface SwimDetector extends Detector {
  readonly swim: Pick<Swim, 'incarnation' | 'health' | 'members' | 'memberOf'>
  /** How unlikely the silence of a connected peer is; undefined where there is no connection. */
  phiOf(peer: NodeId, now: number): number | undefined
}

/** As most heartbeats have no effect. */
const nothing: readonly DetectorEffect[] = []

/** Knows nobody; begins with `join` and `opened`. */
export function createDetector(options: SwimOptions): SwimDetector {
  const { settings } = options
  const guard = createPauseGuard({
    intervalMs: settings.probeIntervalMs,
    hiddenIntervalMs: settings.hiddenProbeIntervalMs,
  })
  const swim = createSwim(options)
  /** Of members that are or were connected: a connection after another goes on with the same intervals. */
  const phis = new Map<NodeId, Phi>()
  /** Open connections; with whom is no member, without phi. */
  const open = new Map<NodeId, Phi | undefined>()
  /** Before this, no connection is silent: what is heard only puts it off. */
  let listenAt = Number.POSITIVE_INFINITY

  const stepPhi = (phi: Phi | undefined, input: PhiInput): void => {
    if (phi === undefined) return
    phi.step(input)
    listenAt = Math.min(listenAt, phi.wakeAt ?? listenAt)
  }

  const watch = (peer: NodeId, now: number): void => {
    let phi = phis.get(peer)
    if (phi === undefined) {
      phi = createPhi({
        threshold: settings.phiThreshold,
        acceptablePauseMs: settings.phiPauseMs,
        heartbeatMs: settings.heartbeatMs,
        hiddenHeartbeatMs: settings.hiddenHeartbeatMs,
      })
      phis.set(peer, phi)
    }
    open.set(peer, phi)
    stepPhi(phi, { kind: 'restart', now })
  }
  const stepGuard = (input: PauseGuardInput): readonly DetectorEffect[] =>
    guard.step(input).flatMap((effect) => {
      for (const phi of phis.values()) stepPhi(phi, { kind: 'restart', now: input.now })
      return [effect, ...swim.step({ kind: 'paused', until: effect.until, now: input.now })]
    })
  const listen = (now: number): readonly DetectorEffect[] => {
    const effects: DetectorEffect[] = []
    listenAt = Number.POSITIVE_INFINITY
    for (const [peer, phi] of open) {
      if (phi === undefined) continue
      if (phi.step({ kind: 'tick', now }).includes('silent')) effects.push(...swim.step({ kind: 'silent', peer, now }))
      listenAt = Math.min(listenAt, phi.wakeAt ?? listenAt)
    }
    return effects
  }
  const tick = (input: PauseGuardInput & { readonly kind: 'tick' }): readonly DetectorEffect[] => {
    const before = stepGuard(input)
    const silent = input.now < listenAt ? before : [...before, ...listen(input.now)]
    const after = swim.step(input)
    return silent.length === 0 ? after : [...silent, ...after]
  }

  return {
    swim,
    memberOf: swim.memberOf,
    get suspicions() {
      return swim.suspicions
    },
    get isArmed(): boolean {
      return guard.isArmed
    },
    phiOf: (peer, now) => open.get(peer)?.at(now),
    get wakeAt(): number | undefined {
      const first = Math.min(guard.wakeAt ?? listenAt, swim.wakeAt ?? listenAt, listenAt)
      return Number.isFinite(first) ? first : undefined
    },
    step: (input) => {
      const { now } = input
      switch (input.kind) {
        case 'tick':
          return tick(input)
        case 'hint': {
          const { hint } = input
          const effects = stepGuard(input)
          return hint === 'visible' || hint === 'hidden' ? [...effects, ...swim.step({ kind: hint, now })] : effects
        }
        case 'heartbeat': {
          const phi = open.get(input.peer)
          if (phi !== undefined && phi.isHidden !== input.isHidden)
            stepPhi(phi, { kind: input.isHidden ? 'hidden' : 'visible', now })
          stepPhi(phi, { kind: 'heartbeat', now })
          return swim.isHeard(input.peer) ? nothing : swim.step({ kind: 'heard', peer: input.peer, now })
        }
        case 'message':
          stepPhi(open.get(input.from), { kind: 'heard', now })
          return swim.step(input)
        case 'heard':
          stepPhi(open.get(input.peer), input)
          return swim.step(input)
        case 'opened':
          open.set(input.peer, undefined)
          if (swim.memberOf(input.peer) !== undefined) watch(input.peer, now)
          return swim.step(input)
        case 'closed':
          open.delete(input.peer)
          return swim.step(input)
        case 'join': {
          const effects = swim.step(input)
          if (!open.has(input.peer) || swim.memberOf(input.peer) === undefined) return effects
          watch(input.peer, now)
          return [...effects, ...swim.step({ kind: 'opened', peer: input.peer, now })]
        }
        case 'removed':
          phis.delete(input.peer)
          if (open.has(input.peer)) open.set(input.peer, undefined)
          return swim.step(input)
        case 'leave':
        case 'rejoin':
          return swim.step(input)
      }
    },
  }
}
