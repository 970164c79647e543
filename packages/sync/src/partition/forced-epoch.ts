/**
 * The epochs of rosters that an operator forces. Whoever forces one may not know of another, so that a count alone does not do: it is made of
 * the time, and what is forced later holds.
 */

/** Changes that may follow on a force. */
const changes = 2 ** 18
/** Of forces in one moment, whose order is by chance. */
const draws = 64
/** Who forces one and knows of another counts on from that: by this it is told whether two knew of each other. */
const rounds = 4
const momentMs = 10_000
/** The number of moments is from this day on, and the least such that no roster that nobody forced comes near; it goes on for 39 years. */
const firstMs = Date.UTC(2025, 0, 1)
const leastMoment = 1024
const mostMoment = 2 ** 27 - 2 ** 20
const firstForced = leastMoment * rounds * draws * changes

/** The number of a moment in the order of epochs: above those of rosters that were forced before, unless their clocks were ahead. Unix milliseconds. */
export function epochAt(wall: number): number {
  const sinceMs = Math.max(0, Math.floor(wall) - firstMs)
  const moment = Math.min(mostMoment, Math.floor(sinceMs / momentMs))
  // Clocks that were never set count, too.
  return Math.max(Math.floor(wall), moment * rounds * draws * changes + (sinceMs % momentMs))
}

/** Whether a roster was forced, or one before it. */
export function isAfterForce(epoch: number): boolean {
  return epoch >= firstForced
}

/**
 * The epoch of a forced roster: beyond all that whoever did not hear of it can reach by changes meanwhile. Of two that are forced where nobody
 * heard of the other, on two sides or as a disk was lost, the later one is above, and so are the tokens under it. `draw` is in [0, 1), `wall` the
 * time of who forces it, Unix milliseconds.
 */
export function forcedEpochAfter(epoch: number, draw: number, wall: number): number {
  const known = forceOf(epoch)
  const now = Math.min(mostMoment, Math.max(leastMoment, Math.floor((wall - firstMs) / momentMs)))
  const moment = Math.max(now, momentOf(known) + 1)
  const round = known === 0 ? 0 : (roundOf(known) + 1) % rounds
  return ((moment * rounds + round) * draws + Math.floor(draw * draws)) * changes
}

/** Whether a roster was forced: what counted under those before it counts no more, and is handed over by nobody. */
export function isForced(epoch: number): boolean {
  return isAfterForce(epoch) && epoch % changes === 0
}

/** The number of the force that a roster comes after; 0 for none. */
export function forceOf(epoch: number): number {
  return isAfterForce(epoch) ? Math.floor(epoch / changes) : 0
}

const momentOf = (force: number): number => Math.floor(force / draws / rounds)
const roundOf = (force: number): number => Math.floor(force / draws) % rounds

/** Whether two epochs come after two forces of which neither knew the other. */
export function areForcedApart(one: number, other: number): boolean {
  const [force, another] = [forceOf(one), forceOf(other)]
  return force > 0 && another > 0 && force !== another && roundOf(force) === roundOf(another)
}
