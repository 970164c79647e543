/** What a number may be: its value, the least and the most, and whether it has to be whole. */
export type Range = readonly [value: number, least: number, most: number, isWhole?: boolean]

/** The first of some numbers that is out of its range, in words; undefined where none is. Costs O(ranges). */
export function rangeFault(ranges: Readonly<Record<string, Range>>): string | undefined {
  for (const [name, [value, least, most, isWhole = false]] of Object.entries(ranges)) {
    // Not `value < least`: what is no number is out of every range.
    if (!(value >= least && value <= most) || (isWhole && !Number.isInteger(value)))
      return `${name} is a ${isWhole ? 'whole ' : ''}number from ${least} to ${most}.`
  }
  return undefined
}
