/**
 * How good the ways to others are that are reached: whether much gets lost, or answers are late. Over a transport that is reliable nothing gets
 * lost; there what is lost below is late.
 */
import type { NodeId } from './roster.ts'

/** What a connection says of itself, since it began. */
export interface LinkReading {
  readonly peer: NodeId
  /** Those that were sent again among them. */
  readonly framesOut: number
  readonly resent: number
  /** The last question that was answered: another object for each. */
  readonly last: { readonly tookMs: number } | undefined
}

/** Whom not all is well with. */
export interface LinkTrouble {
  readonly lossy: readonly NodeId[]
  readonly slow: readonly NodeId[]
}

/** Frames from which a share of losses is reckoned. */
const leastFrames = 100
/**
 * Of frames, acknowledgements among them, how many are sent again: from the first on a way is lossy, below the second no longer. About what
 * each direction loses.
 */
const lossyShare = { from: 0.08, until: 0.04 }
/** One late answer may be a pause of either side. */
const lateAnswers = 2
/** What a way takes at its best is what it is made for: late is a multiple of that. */
const lateFactor = 3

interface Watched {
  framesOut: number
  resent: number
  isLossy: boolean
  last: LinkReading['last']
  bestMs: number
  /** Answers in a row. */
  late: number
}

/** Follows the ways to some others; each reading is of the connection that is used now. */
export class LinkQuality {
  readonly #lateMs: number
  #links = new Map<NodeId, Watched>()

  /** `lateMs`: an answer that takes as long is late, where the best on this connection took a third of it at most. */
  constructor(lateMs: number) {
    this.#lateMs = lateMs
  }

  /** To be called now and then, with all that are connected. Of who is not, nothing is remembered. O(readings). */
  look(readings: readonly LinkReading[]): LinkTrouble {
    const links = new Map<NodeId, Watched>()
    for (const reading of readings) {
      const { peer, framesOut, resent, last } = reading
      const known = this.#links.get(peer)
      const isSame = known !== undefined && known.framesOut <= framesOut && known.resent <= resent
      const link = isSame
        ? known
        : { framesOut, resent, isLossy: false, last: undefined, bestMs: Number.POSITIVE_INFINITY, late: 0 }
      links.set(peer, link)
      this.#count(link, reading)
      this.#time(link, last)
    }
    this.#links = links
    const of = (is: (link: Watched) => boolean): NodeId[] =>
      [...links].flatMap(([peer, link]) => (is(link) ? peer : []))
    return { lossy: of(({ isLossy }) => isLossy), slow: of(({ late }) => late >= lateAnswers) }
  }

  #count(link: Watched, { framesOut, resent }: LinkReading): void {
    const frames = framesOut - link.framesOut
    if (frames < leastFrames) return
    const share = (resent - link.resent) / frames
    link.isLossy = share >= (link.isLossy ? lossyShare.until : lossyShare.from)
    link.framesOut = framesOut
    link.resent = resent
  }

  #time(link: Watched, last: LinkReading['last']): void {
    if (last === undefined || last === link.last) return
    const { tookMs } = last
    link.last = last
    link.bestMs = Math.min(link.bestMs, tookMs)
    const least = Math.max(this.#lateMs, lateFactor * link.bestMs)
    // Who is slow is so until it is well within the time.
    link.late = tookMs >= (link.late >= lateAnswers ? least / 2 : least) ? link.late + 1 : 0
  }
}
