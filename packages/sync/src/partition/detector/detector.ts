/**
 * Who is there: the pause guard, phi for each connection, and SWIM, in the order in which they must hear of things. The guard comes first,
 * so that a replica that slept does not find all others silent.
 */
import type { NodeId } from '../roster.ts'
import { createPauseGuard, type PauseGuardEffect, type PauseGuardInput, type PauseHint } from './pause-guard.ts'
import { createPhi, type Phi } from './phi.ts'
import { createSwim, type Swim, type SwimOptions } from './swim.ts'
import type { SwimEffect, SwimInput } from './swim-types.ts'

export type DetectorInput =
  | { readonly kind: 'tick'; readonly now: number; readonly wall: number }
  | { readonly kind: 'hint'; readonly hint: PauseHint; readonly now: number; readonly wall: number }
  /** A heartbeat came from a peer, which says whether its page is hidden. */
  | { readonly kind: 'heartbeat'; readonly peer: NodeId; readonly isHidden: boolean; readonly now: number }
  | Extract<
      SwimInput,
      { readonly kind: 'message' | 'heard' | 'opened' | 'closed' | 'join' | 'removed' | 'leave' | 'rejoin' }
    >

export type DetectorEffect = SwimEffect | PauseGuardEffect

export interface Detector {
  step(input: DetectorInput): DetectorEffect[]
  readonly swim: Pick<Swim, 'incarnation' | 'health' | 'members' | 'memberOf'>
  /** Whether nobody is accused now, as this replica was paused. */
  readonly isArmed: boolean
  /** How unlikely the silence of a connected peer is; undefined where there is no connection. */
  phiOf(peer: NodeId, now: number): number | undefined
  readonly wakeAt: number | undefined
}

export function createDetector(options: SwimOptions): Detector {
  const { settings } = options
  const guard = createPauseGuard({
    intervalMs: settings.probeIntervalMs,
    hiddenIntervalMs: settings.hiddenProbeIntervalMs,
  })
  const swim = createSwim(options)
  /** Of members that are or were connected: a connection after another goes on with the same intervals. */
  const phis = new Map<NodeId, Phi>()
  const open = new Set<NodeId>()

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
    phi.step({ kind: 'restart', now })
  }
  const stepGuard = (input: PauseGuardInput): DetectorEffect[] =>
    guard.step(input).flatMap((effect) => {
      for (const phi of phis.values()) phi.step({ kind: 'restart', now: input.now })
      return [effect, ...swim.step({ kind: 'paused', until: effect.until, now: input.now })]
    })
  const listen = (now: number): DetectorEffect[] =>
    [...open].flatMap((peer) =>
      phis.get(peer)?.step({ kind: 'tick', now }).includes('silent') ? swim.step({ kind: 'silent', peer, now }) : [],
    )

  return {
    swim,
    get isArmed(): boolean {
      return guard.isArmed
    },
    phiOf: (peer, now) => (open.has(peer) ? phis.get(peer)?.at(now) : undefined),
    get wakeAt(): number | undefined {
      let first = Math.min(guard.wakeAt ?? Number.POSITIVE_INFINITY, swim.wakeAt ?? Number.POSITIVE_INFINITY)
      for (const peer of open) first = Math.min(first, phis.get(peer)?.wakeAt ?? first)
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
          const phi = phis.get(input.peer)
          phi?.step({ kind: input.isHidden ? 'hidden' : 'visible', now })
          phi?.step({ kind: 'heartbeat', now })
          return swim.step({ kind: 'heard', peer: input.peer, now })
        }
        case 'message':
          phis.get(input.from)?.step({ kind: 'heard', now })
          return swim.step(input)
        case 'heard':
          phis.get(input.peer)?.step(input)
          return swim.step(input)
        case 'opened':
          open.add(input.peer)
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
          return swim.step(input)
        case 'leave':
        case 'rejoin':
          return swim.step(input)
      }
    },
  }
}
