import type { LaneFrame, Seat } from '../frame.ts'
import { along, crossing, type Lane, type Layout, laneOf, lanePath, type Point, pairs, xy } from './layout.ts'

/** Dotted lanes between shores; a cut lane is dashed, stops short of the storm and ends in a bar. */
export function Lanes({
  layout,
  lanes,
  line,
}: {
  layout: Layout
  lanes: readonly LaneFrame[]
  line: readonly Point[] | undefined
}) {
  return (
    <g class="lanes">
      {pairs.map(([a, b]) => {
        const there = isOpen(lanes, a, b)
        const back = isOpen(lanes, b, a)
        const lane = laneOf(layout, a, b)
        const hit = line === undefined ? undefined : crossing(lane, line)
        const near = lane.near ? 'near' : 'far'
        if (there && back) return <path key={`${a}${b}`} class={`lane ${near}`} d={lanePath(lane)} />
        if (there !== back) {
          return <OneWay key={`${a}${b}`} lane={there ? lane : laneOf(layout, b, a)} near={near} scale={layout.scale} />
        }
        return <CutLane key={`${a}${b}`} lane={lane} near={near} at={hit ?? 0.5} scale={layout.scale} />
      })}
    </g>
  )
}

export function isOpen(lanes: readonly LaneFrame[], from: Seat, to: Seat): boolean {
  return lanes.find((lane) => lane.from === from && lane.to === to)?.open ?? true
}

function CutLane({ lane, near, at, scale }: { lane: Lane; near: string; at: number; scale: number }) {
  const length = Math.hypot(lane.to[0] - lane.from[0], lane.to[1] - lane.from[1])
  // Wide of the clouds, or nobody would see where it ends.
  const gap = Math.min(0.34, (84 * scale) / Math.max(1, length))
  const left = Math.max(0.04, at - gap)
  const right = Math.min(0.96, at + gap)
  return (
    <g>
      <path class={`lane cut ${near}`} d={`${lanePath(lane, 0, left)}${lanePath(lane, right, 1)}`} />
      <path class="cutend" d={bar(lane, left, scale) + bar(lane, right, scale)} />
    </g>
  )
}

/** Boats still pass one way: chevrons along the lane say which. */
function OneWay({ lane, near, scale }: { lane: Lane; near: string; scale: number }) {
  return (
    <g>
      <path class={`lane oneway ${near}`} d={lanePath(lane)} />
      <path class="chevron" d={[0.3, 0.5, 0.7].map((t) => chevron(lane, t, scale)).join('')} />
    </g>
  )
}

function bar(lane: Lane, t: number, scale: number): string {
  const [x, y] = along(lane, t)
  const [dx, dy] = heading(lane, t)
  const reach = 7 * Math.max(0.7, scale)
  return `M${xy([x - dy * reach, y + dx * reach])}L${xy([x + dy * reach, y - dx * reach])}`
}

function chevron(lane: Lane, t: number, scale: number): string {
  const [x, y] = along(lane, t)
  const [dx, dy] = heading(lane, t)
  const r = 5 * Math.max(0.8, scale)
  const tail = (side: number): Point => [x - dx * r - dy * r * side, y - dy * r + dx * r * side]
  return `M${xy(tail(1))}L${xy([x, y])}L${xy(tail(-1))}`
}

function heading(lane: Lane, t: number): Point {
  const [ax, ay] = along(lane, Math.max(0, t - 0.02))
  const [bx, by] = along(lane, Math.min(1, t + 0.02))
  const length = Math.hypot(bx - ax, by - ay) || 1
  return [(bx - ax) / length, (by - ay) / length]
}
