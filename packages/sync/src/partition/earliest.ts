/** When the first of some machines wants a tick; undefined where none does. */
export function earliest(machines: Iterable<{ readonly wakeAt?: number | undefined } | undefined>): number | undefined {
  let first: number | undefined
  for (const machine of machines) {
    const wakeAt = machine?.wakeAt
    if (wakeAt !== undefined && (first === undefined || wakeAt < first)) first = wakeAt
  }
  return first
}
