/**
 * When removal records are freed, and up to which version (C5). Freeing is always sound, as whoever is below the floor joins
 * whole; it is a matter of cost. So the floor lags: by days, so that who was away for a while comes back with a difference
 * and not with everything, and by less where removal records take more than their share.
 */
import type { StoreStats, Version } from '@rejoin/state'

/** Pace of pruning. */
export interface PruningLimits {
  /** Age at which removal records are freed in any case. */
  readonly floorLagMs: number
  /** Removal records for each live item beyond which they are freed sooner. */
  readonly floorShare: number
}

/** A version that everybody who counts had on disk at a time. */
interface Mark {
  readonly atMs: number
  readonly version: Version
}

/** Marks in a full lag, by hours where it is the usual 14 days. */
const marksPerLag = 336
/** Marks of this many spacings back are all kept, of older ones one for each such stretch of half that length. */
const fineMarks = 24
/** Below this many records nothing is freed before its time. */
const fewRecords = 64

/** Remembers what was stable when, and says what may go. No clock of its own; one for each document. */
export class Pruning {
  readonly #limits: PruningLimits
  #marks: Mark[] = []

  constructor(limits: PruningLimits) {
    this.#limits = limits
  }

  /** Notes what is stable now, by the wall clock. `stable` is asked only when it is time: this is called with each batch. */
  note(nowMs: number, stable: () => Version): void {
    const last = this.#marks.at(-1)
    if (last !== undefined && nowMs >= last.atMs && nowMs - last.atMs < this.#spacingMs) return
    const version = stable()
    if (last?.version === version || version.size === 0) return
    this.#thin(nowMs)
    this.#marks.push({ atMs: nowMs, version })
  }

  /** The version up to which removal records may go now, if any are due. */
  due(nowMs: number, { removalRecords, liveItems, listElements }: StoreStats, floor: Version): Version | undefined {
    if (removalRecords === 0) return undefined
    const share = this.#limits.floorShare * (liveItems + listElements)
    const isCrowded = removalRecords > Math.max(fewRecords, share)
    const ageMs = isCrowded ? this.#spacingMs : this.#limits.floorLagMs
    const mark = this.#marks.findLast(({ atMs }) => nowMs - atMs >= ageMs)
    if (mark === undefined) return undefined
    this.#marks = this.#marks.filter(({ atMs }) => atMs >= mark.atMs)
    return floor.covers(mark.version) ? undefined : mark.version
  }

  /** Leaves about fifty: the newest that is past the lag, some for each day, and those of the last day. */
  #thin(nowMs: number): void {
    const stretchMs = (this.#spacingMs * fineMarks) / 2
    const oldest = this.#marks.findLast(({ atMs }) => nowMs - atMs >= this.#limits.floorLagMs)
    let stretch = Number.NaN
    this.#marks = this.#marks.filter(({ atMs }) => {
      // A clock that was set back: what lies ahead of it now would never come of age.
      if (atMs > nowMs || (oldest !== undefined && atMs < oldest.atMs)) return false
      const before = stretch
      stretch = Math.floor(atMs / stretchMs)
      return stretch !== before || nowMs - atMs <= this.#spacingMs * fineMarks
    })
  }

  get #spacingMs(): number {
    return this.#limits.floorLagMs / marksPerLag
  }
}
