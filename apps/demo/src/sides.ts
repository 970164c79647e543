/** Who can still reach whom: the sides of a split, by open lanes. */
import { type LaneFrame, type Seat, seatName, seats } from './frame.ts'
import { drawnChart, pointOf } from './sea/layout.ts'

/** Groups of islands connected by lanes open both ways, west first. */
export function sidesOf(lanes: readonly LaneFrame[]): Seat[][] {
  const open = new Set(lanes.filter((lane) => lane.open).map((lane) => `${lane.from}${lane.to}`))
  const both = (a: Seat, b: Seat): boolean => open.has(`${a}${b}`) && open.has(`${b}${a}`)
  const left = new Set(seats)
  const groups: Seat[][] = []
  for (const seat of seats) {
    if (!left.delete(seat)) continue
    const group = [seat]
    for (let at = 0; at < group.length; at += 1) {
      for (const other of [...left]) {
        if (!both(group[at] as Seat, other)) continue
        left.delete(other)
        group.push(other)
      }
    }
    groups.push(group)
  }
  return groups.sort((a, b) => meanX(a) - meanX(b))
}

/** Names of the sides, where there are two: West and East, or North and South when they lie so. */
export function sideNames(groups: readonly (readonly Seat[])[]): string[] {
  if (groups.length === 2) return ['West', 'East']
  return groups.map((group) => group.map(seatName).join(', '))
}

/** Islands in the order in which they are told: from west to east. */
export function westToEast(group: readonly Seat[]): Seat[] {
  return [...group].sort((a, b) => pointOf(drawnChart.islands, a)[0] - pointOf(drawnChart.islands, b)[0])
}

function meanX(group: readonly Seat[]): number {
  return group.reduce<number>((sum, seat) => sum + pointOf(drawnChart.islands, seat)[0], 0) / Math.max(1, group.length)
}
