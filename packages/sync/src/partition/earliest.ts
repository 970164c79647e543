/** When the first of some machines wants a tick; undefined where none does. */
export function earliest(machines: Iterable<{ readonly wakeAt: number | undefined }>): number | undefined {
  let first: number | undefined
  for (const { wakeAt } of machines) if (wakeAt !== undefined && (first === undefined || wakeAt < first)) first = wakeAt
  return first
}
