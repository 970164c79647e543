import type { NodeId, Roster } from './roster.ts'
import { rosterText } from './roster-record.ts'

/** A server that is connected, and goes by another roster than this one. */
export interface OtherGroup {
  readonly peer: NodeId
  readonly roster: Roster
}

interface Told {
  readonly roster: Roster
  readonly since: number
  at: number
}

/** Longer than two servers that go by the same soon need to find out. */
const soonMs = 2_500
/** Whoever goes by another roster tells it every second, and nobody says when it no longer does. */
const freshMs = 3_500

/** Who goes by another roster, and stays with it: a group of its own, of whom nobody here is asked for what it grants. Times are monotonic. */
export class OtherGroups {
  readonly #told = new Map<NodeId, Told>()

  /** Servers that are remembered: those that told of another roster lately. */
  get size(): number {
    return this.#told.size
  }

  /** Whether it is one now and was none before. */
  heard({ peer, roster }: OtherGroup, mine: Roster, now: number): boolean {
    const before = this.#told.get(peer)
    // Names are given by whoever connects, and may be another each time.
    for (const [other, { at }] of this.#told) if (now - at > freshMs) this.#told.delete(other)
    if (rosterText(roster) === rosterText(mine)) {
      this.#told.delete(peer)
      return false
    }
    if (before === undefined || now - before.at > freshMs || rosterText(before.roster) !== rosterText(roster)) {
      this.#told.set(peer, { roster, since: now, at: now })
      return false
    }
    const wasOne = before.at - before.since >= soonMs
    before.at = now
    return !wasOne && before.at - before.since >= soonMs
  }

  /** Another roster is in force here: whoever does not go by it tells so again. */
  clear(): void {
    this.#told.clear()
  }

  at(now: number): readonly OtherGroup[] {
    return [...this.#told].flatMap(([peer, { roster, since, at }]) =>
      at - since >= soonMs && now - at <= freshMs ? { peer, roster } : [],
    )
  }
}
