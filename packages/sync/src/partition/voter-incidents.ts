import type { Clock } from '../seams.ts'
import type { Detector } from './detector/detector.ts'
import { IncidentDesk } from './incident-desk.ts'
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
 * one that is gone without a word at once.
 */
export class VoterIncidents extends IncidentDesk {
  readonly #detector: Detector
  readonly #clock: Clock
  readonly #goodbyes = new Map<NodeId, Goodbye>()
  #lookedAt = 0

  constructor(detector: Detector, ...desk: ConstructorParameters<typeof IncidentDesk>) {
    super(...desk)
    this.#detector = detector
    this.#clock = desk[0].clock
  }

  override get changesAt(): number {
    const ends = [...this.#goodbyes.values()].map(({ until }) => until)
    return Math.min(super.changesAt, ...ends.filter((until) => until > this.#lookedAt))
  }

  override step(input: Parameters<IncidentDesk['step']>[0]): void {
    super.step(input.kind === 'seen' ? { ...input, symptoms: this.#unexpected(input.symptoms) } : input)
  }

  /** But for the absence of who said good-bye, and for what only some of the others know as it goes and comes back. */
  #unexpected(symptoms: Symptoms): Symptoms {
    const { absent, missing } = symptoms
    const goodbyes = this.#goodbyes
    const now = this.#clock.monotonic()
    this.#lookedAt = now
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
