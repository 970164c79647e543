import type { ReplicaCore } from '../replica-core.ts'
import type { Detector } from './detector/detector.ts'
import type { LinkSettings } from './detector/link-presets.ts'
import { IncidentDesk } from './incident-desk.ts'
import { LinkQuality, type LinkReading, type LinkTrouble } from './link-quality.ts'
import type { Neighbours } from './neighbours.ts'
import type { Symptoms } from './recovery/incident.ts'
import type { NodeId } from './roster.ts'

/** How long one that said good-bye may be away: a start that waits until the one before lets go of the data takes half of that. */
const backSoonMs = 30_000

interface Goodbye {
  /** Nothing is made of it before. */
  readonly until: number
  /** Whoever is lost after that is lost otherwise. */
  isBack: boolean
}

/**
 * The incidents of a voter. Another one that says good-bye, as it does when it is shut down, is missed only once it has had the time to be back;
 * one that is gone without a word at once. A way to another that loses much, or on which answers are late, is trouble too.
 */
export class VoterIncidents extends IncidentDesk {
  readonly #detector: Detector
  readonly #of: ReplicaCore
  readonly #others: Neighbours
  readonly #quality: LinkQuality
  readonly #goodbyes = new Map<NodeId, Goodbye>()
  #lookedAt = 0
  #trouble: LinkTrouble = { lossy: [], slow: [] }
  #readAt = 0

  constructor(detector: Detector, settings: LinkSettings, ...desk: ConstructorParameters<typeof IncidentDesk>) {
    super(...desk)
    this.#detector = detector
    this.#of = desk[0]
    this.#others = desk[1]
    this.#quality = new LinkQuality(settings.probeTimeoutMs)
  }

  override get changesAt(): number {
    const ends = [...this.#goodbyes.values()].map(({ until }) => until)
    return Math.min(super.changesAt, ...[this.#readAt, ...ends].filter((until) => until > this.#lookedAt))
  }

  override step(input: Parameters<IncidentDesk['step']>[0]): void {
    super.step(input.kind === 'seen' ? { ...input, symptoms: this.#all(input.symptoms) } : input)
  }

  #all(symptoms: Symptoms): Symptoms {
    const now = this.#of.clock.monotonic()
    this.#lookedAt = now
    if (now >= this.#readAt) {
      this.#readAt = now + this.#of.timing.pingMs
      this.#trouble = this.#quality.look(this.#readings(symptoms.here))
    }
    return { ...this.#unexpected(symptoms, now), ...this.#trouble }
  }

  #readings(here: readonly NodeId[]): LinkReading[] {
    const used = new Set(here.map((peer) => this.#others.sessionsOf(peer).at(-1)))
    return [...this.#of.connections].flatMap(({ session, counters }) => {
      if (!used.has(session)) return []
      const { framesOut, retransmitted } = counters
      return { peer: this.#others.idOf(session), framesOut, resent: retransmitted, last: session.clockOffset.last }
    })
  }

  /** But for the absence of who said good-bye, and for what only some of the others know as it goes and comes back. */
  #unexpected(symptoms: Symptoms, now: number): Symptoms {
    const { absent, missing } = symptoms
    const goodbyes = this.#goodbyes
    const hasLeft = (peer: NodeId): boolean => this.#detector.memberOf(peer)?.status === 'left'
    const isExpected = (peer: NodeId): boolean => now < (goodbyes.get(peer)?.until ?? 0)
    for (const peer of [...absent, ...missing.flat()])
      if (hasLeft(peer) && goodbyes.get(peer)?.isBack !== false)
        goodbyes.set(peer, { until: now + backSoonMs, isBack: false })
    for (const [peer, known] of goodbyes) known.isBack ||= !absent.includes(peer) && !hasLeft(peer)
    return {
      ...symptoms,
      absent: absent.filter((peer) => goodbyes.get(peer)?.isBack || !isExpected(peer)),
      missing: missing.filter((pair) => !pair.some(isExpected)),
    }
  }
}
