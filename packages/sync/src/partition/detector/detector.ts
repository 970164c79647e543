/**
 * Who is there: the pause guard, phi for each connection, and SWIM, in the order in which they must hear of things. The guard comes first,
 * so that a replica that slept does not find all others silent.
 */
import type { NodeId } from '../roster.ts'
import type { Suspicion } from './beliefs.ts'
import { createPauseGuard, type PauseGuardEffect, type PauseGuardInput, type PauseHint } from './pause-guard.ts'
import { createPhi, type Phi } from './phi.ts'
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
  step(input: DetectorInput): DetectorEffect[]
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
    phi.step({ kind: 'restart', now })
  }
  const stepGuard = (input: PauseGuardInput): DetectorEffect[] =>
    guard.step(input).flatMap((effect) => {
      for (const phi of phis.values()) phi.step({ kind: 'restart', now: input.now })
      return [effect, ...swim.step({ kind: 'paused', until: effect.until, now: input.now })]
    })
  const listen = (now: number): DetectorEffect[] => {
    const effects: DetectorEffect[] = []
    for (const [peer, phi] of open)
      if (phi?.step({ kind: 'tick', now }).includes('silent')) effects.push(...swim.step({ kind: 'silent', peer, now }))
    return effects
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
      let first = Math.min(guard.wakeAt ?? Number.POSITIVE_INFINITY, swim.wakeAt ?? Number.POSITIVE_INFINITY)
      for (const phi of open.values()) first = Math.min(first, phi?.wakeAt ?? first)
      return Number.isFinite(first) ? first : undefined
    },
    step: (input) => {
      const { now } = input
      switch (input.kind) {
        case 'tick':
          return [...stepGuard(input), ...listen(now), ...swim.step(input)]
        case 'hint': {
          const { hint } = input
          const effects = stepGuard(input)
          return hint === 'visible' || hint === 'hidden' ? [...effects, ...swim.step({ kind: hint, now })] : effects
        }
        case 'heartbeat': {
          const phi = open.get(input.peer)
          phi?.step({ kind: input.isHidden ? 'hidden' : 'visible', now })
          phi?.step({ kind: 'heartbeat', now })
          return swim.step({ kind: 'heard', peer: input.peer, now })
        }
        case 'message':
          open.get(input.from)?.step({ kind: 'heard', now })
          return swim.step(input)
        case 'heard':
          open.get(input.peer)?.step(input)
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
