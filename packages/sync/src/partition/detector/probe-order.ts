import type { NodeId } from '../roster.ts'

/**
 * Whom to probe next: rounds in which each member comes once, each round in another order (SWIM: Das, Gupta, Motivala 2002, 4.3). So
 * nobody waits longer than two rounds, which drawing at random does not give.
 */
export interface ProbeOrder {
  /** A new member goes to a random place of the present round. */
  add(id: NodeId): void
  remove(id: NodeId): void
  /** The next one that is wanted, if any is. */
  next(isWanted: (id: NodeId) => boolean): NodeId | undefined
}

export function createProbeOrder(random: () => number): ProbeOrder {
  let order: NodeId[] = []
  let at = 0
  return {
    add: (id) => {
      const place = Math.floor(random() * (order.length + 1))
      order.splice(place, 0, id)
      if (place < at) at += 1
    },
    remove: (id) => {
      const place = order.indexOf(id)
      if (place < 0) return
      order.splice(place, 1)
      if (place < at) at -= 1
    },
    next: (isWanted) => {
      for (let tried = 0; tried < order.length; tried++) {
        if (at >= order.length) {
          order = pickSome(order, order.length, random)
          at = 0
        }
        const id = order[at] as NodeId
        at += 1
        if (isWanted(id)) return id
      }
      return undefined
    },
  }
}

/** Some of a list in random order, each at most once. O(length). */
export function pickSome<T>(from: readonly T[], count: number, random: () => number): T[] {
  const left = [...from]
  const some: T[] = []
  while (some.length < count && left.length > 0) {
    const at = Math.floor(random() * left.length)
    some.push(left[at] as T)
    left[at] = left[left.length - 1] as T
    left.pop()
  }
  return some
}
