import type { NodeId } from '../roster.ts'
import type { Rumour } from './swim-messages.ts'

/** Rumours on their way: one for each member they are about, the latest. */
export interface Rumours {
  readonly size: number
  /** Replaces what was said of the member before. */
  add(rumour: Rumour): void
  /** Those sent least, at most `most`, of which each counts as sent once more and goes after `transmissions`. O(n log n) above `most`. */
  take(most: number, transmissions: number): Rumour[]
  /** Takes back those that `isUnwanted`. */
  drop(isUnwanted: (rumour: Rumour) => boolean): void
}

export function createRumours(): Rumours {
  const queue = new Map<NodeId, { readonly rumour: Rumour; sent: number }>()
  return {
    get size(): number {
      return queue.size
    },
    add: (rumour) => {
      // Last in line among those sent as often.
      queue.delete(rumour.id)
      queue.set(rumour.id, { rumour, sent: 0 })
    },
    take: (most, transmissions) => {
      const all = [...queue.values()]
      const taken = all.length <= most ? all : all.sort((left, right) => left.sent - right.sent).slice(0, most)
      for (const entry of taken) {
        entry.sent += 1
        if (entry.sent >= transmissions) queue.delete(entry.rumour.id)
      }
      return taken.map(({ rumour }) => rumour)
    },
    drop: (isUnwanted) => {
      for (const [id, { rumour }] of queue) if (isUnwanted(rumour)) queue.delete(id)
    },
  }
}

/** How often each is sent among so many members. */
export function transmissionsOf(retransmitMult: number, members: number): number {
  return retransmitMult * Math.ceil(Math.log10(members + 1))
}
