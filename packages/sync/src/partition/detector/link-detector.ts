/**
 * Who is there, for a replica without a vote: whether the voters that it is connected to answer. What those hear of each other it
 * learns from their rows; nobody counts its word, and nobody probes on its behalf.
 *
 * Invariants
 * 1. Whatever is heard ends a silence.
 * 2. A voter counts as unreachable only once its connection is gone, or one more question went unanswered.
 * 3. After a pause of this replica all silences begin anew, none before the guard's `until`.
 */
import type { NodeId } from '../roster.ts'
import type { SwimEvidence } from './beliefs.ts'
import type { Detector, DetectorEffect, DetectorInput } from './detector.ts'
import type { LinkSettings } from './link-presets.ts'
import { createPauseGuard } from './pause-guard.ts'
import type { MemberStatus } from './swim-messages.ts'

/** What is known of one peer; the roster may say only later that it is a voter. */
interface Link {
  readonly id: NodeId
  isVoter: boolean
  isOpen: boolean
  /** `suspect` while the last question waits for its answer. */
  status: MemberStatus
  heardAt: number
  /** Until when that question waits. */
  failAt: number
}

const silent: SwimEvidence = { kind: 'unanswered', helpers: 0, nacks: 0 }

/** Knows nobody; begins with `join` and `opened`. A step costs O(peers). */
export function createLinkDetector(settings: LinkSettings): Detector {
  const { probeIntervalMs, hiddenProbeIntervalMs, probeTimeoutMs, phiPauseMs } = settings
  const guard = createPauseGuard({ intervalMs: probeIntervalMs, hiddenIntervalMs: hiddenProbeIntervalMs })
  const links = new Map<NodeId, Link>()
  let effects: DetectorEffect[] = []
  let intervalMs = probeIntervalMs
  let askAt = 0
  let seq = 0

  const become = (link: Link, to: MemberStatus, evidence = silent): void => {
    const { id, status: from } = link
    link.status = to
    if (link.isVoter && from !== to) effects.push({ kind: 'stateChanged', peer: id, from, to, evidence })
  }
  const heard = (link: Link, now: number): void => {
    link.heardAt = Math.max(link.heardAt, now)
    if (link.isOpen) become(link, 'alive', { kind: 'said', incarnation: 0 })
  }
  const ask = ({ id, isOpen, isVoter }: Link): void => {
    seq += 1
    if (isOpen && isVoter) effects.push({ kind: 'send', to: id, message: { kind: 'probe', seq, rumours: [] } })
  }
  const askAll = (now: number): void => {
    for (const link of links.values()) ask(link)
    askAt = now + intervalMs
  }
  const tick = (now: number): void => {
    for (const link of links.values()) {
      // Two answers may be lost, besides what is nobody's fault.
      if (link.status === 'alive' && now >= link.heardAt + 3 * intervalMs + phiPauseMs) {
        become(link, 'suspect')
        link.failAt = now + 2 * probeTimeoutMs
        ask(link)
      } else if (link.status === 'suspect' && now >= link.failAt) become(link, 'unreachable')
    }
    if (now >= askAt) askAll(now)
  }
  /** Whatever is not about connections and voters is a sign of life. */
  const stepLink = (kind: DetectorInput['kind'], id: NodeId, now: number): void => {
    const link = links.get(id) ?? { id, isVoter: false, isOpen: false, status: 'unreachable', heardAt: 0, failAt: 0 }
    links.set(id, link)
    if (kind === 'opened' || kind === 'join') {
      if (kind === 'join') link.isVoter = true
      else link.isOpen = true
      ask(link)
    } else if (kind === 'closed') {
      link.isOpen = false
      become(link, 'unreachable')
    } else if (kind === 'removed') {
      if (link.isVoter)
        effects.push({ kind: 'stateChanged', peer: id, from: link.status, to: 'removed', evidence: { kind: 'roster' } })
      link.isVoter = false
    } else heard(link, now)
    if (!link.isOpen && !link.isVoter) links.delete(id)
  }
  const pause = (until: number): void => {
    for (const link of links.values()) {
      link.heardAt = until
      link.failAt = until + 2 * probeTimeoutMs
    }
  }

  return {
    get suspicions() {
      const suspects = [...links.values()].filter(({ isVoter, status }) => isVoter && status === 'suspect')
      return suspects.map(({ id, failAt }) => ({ peer: id, since: failAt - 2 * probeTimeoutMs, until: failAt }))
    },
    memberOf: (peer) => {
      const link = links.get(peer)
      if (!link?.isVoter) return undefined
      const { id, status } = link
      return { id, status, incarnation: 0, reach: { via: status === 'unreachable' ? 'none' : 'direct' } }
    },
    get isArmed(): boolean {
      return guard.isArmed
    },
    get wakeAt(): number {
      return Math.min(askAt, guard.wakeAt ?? askAt)
    },
    step: (input) => {
      const { kind, now } = input
      effects = []
      if (kind === 'message') stepLink(kind, input.from, now)
      else if ('peer' in input) stepLink(kind, input.peer, now)
      else if (kind === 'tick' || kind === 'hint') {
        const hint = kind === 'hint' ? input.hint : undefined
        if (hint === 'hidden' || hint === 'visible') {
          intervalMs = hint === 'hidden' ? hiddenProbeIntervalMs : probeIntervalMs
          askAt = Math.min(askAt, now + intervalMs)
        }
        for (const paused of guard.step(input)) {
          effects.push(paused)
          pause(paused.until)
          askAt = now
        }
        tick(now)
      }
      return effects
    },
  }
}
