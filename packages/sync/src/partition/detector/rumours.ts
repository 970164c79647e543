import type { NodeId } from '../roster.ts'

/** Members of whom there is news to pass on. What is said of them is what is believed when it is sent. */
export interface Rumours {
  readonly size: number
  /** There is something new to say of a member. */
  add(id: NodeId): void
  /** Those told of least, at most `most`; each counts as told once more, and goes after `transmissions`. O(n log n) above `most`. */
  take(most: number, transmissions: number): NodeId[]
  /** Takes back those that `isUnwanted`. */
  drop(isUnwanted: (id: NodeId) => boolean): void
}

export function createRumours(): Rumours {
  /** How often each was sent. */
  const sentOf = new Map<NodeId, number>()
  return {
    get size(): number {
      return sentOf.size
    },
    add: (id) => {
      // Last in line among those sent as often.
      sentOf.delete(id)
      sentOf.set(id, 0)
    },
    take: (most, transmissions) => {
      const all = [...sentOf]
      const taken = all.length <= most ? all : all.sort(([, left], [, right]) => left - right).slice(0, most)
      for (const [id, sent] of taken) {
        if (sent + 1 >= transmissions) sentOf.delete(id)
        else sentOf.set(id, sent + 1)
      }
      return taken.map(([id]) => id)
    },
    drop: (isUnwanted) => {
      for (const id of sentOf.keys()) if (isUnwanted(id)) sentOf.delete(id)
    },
  }
}

/** How often each is sent among so many members. */
export function transmissionsOf(retransmitMult: number, members: number): number {
  return retransmitMult * Math.ceil(Math.log10(members + 1))
}
