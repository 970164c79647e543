/** The first of some numbers that is out of its range, in words; undefined where none is. Costs O(ranges). */
export function rangeFault(ranges: Readonly<Record<string, readonly [number, number, number]>>): string | undefined {
  // Not `value < least`: what is no number is out of every range.
  for (const [name, [value, least, most]] of Object.entries(ranges))
    if (!(value >= least && value <= most)) return `${name} is a number from ${least} to ${most}.`
  return undefined
}
