/** Where things lie on the sea: two charts (wide and tall), scaled to the space there is. Pixels out, no DOM in. */
import { type Seat, seats } from '../frame.ts'

export type Point = readonly [number, number]

/** A lane from shore to shore: one quadratic curve. */
export interface Lane {
  readonly from: Point
  readonly bend: Point
  readonly to: Point
  readonly near: boolean
}

export interface Layout {
  readonly width: number
  readonly height: number
  readonly tall: boolean
  /** Pixels per unit of the wide chart; islands are drawn at this scale. */
  readonly scale: number
  readonly islands: readonly Point[]
  readonly labels: readonly Point[]
  readonly camps: { readonly west: Point; readonly east: Point }
  readonly rose: Point
  /** Radii of the shore, in pixels. */
  readonly shores: readonly Point[]
  /** Thousandths of the chart to pixels. */
  toPixels(point: Point): Point
  toChart(point: Point): Point
}

interface Chart {
  readonly size: Point
  readonly art: number
  readonly islands: readonly Point[]
  readonly labels: readonly Point[]
  readonly west: Point
  readonly east: Point
  readonly rose: Point
}

const wide: Chart = {
  size: [988, 628],
  art: 1,
  islands: [
    [506, 168],
    [846, 248],
    [730, 468],
    [326, 486],
    [146, 346],
  ],
  labels: [
    [346, 232],
    [776, 306],
    [638, 532],
    [234, 552],
    [20, 414],
  ],
  west: [24, 532],
  east: [868, 452],
  rose: [512, 352],
}

const tall: Chart = {
  size: [390, 312],
  art: 0.5,
  islands: [
    [186, 84],
    [326, 116],
    [292, 236],
    [112, 242],
    [66, 142],
  ],
  labels: [
    [124, 124],
    [288, 155],
    [238, 277],
    [68, 285],
    [16, 186],
  ],
  west: [12, 232],
  east: [338, 250],
  rose: [198, 178],
}

/** Height of the strip below the labels: seal and storm tool on the wide chart, a little air on the tall one. */
const footPx = { wide: 58, tall: 2 }
/** Labels are text and do not shrink with the chart: this is how far below its top the lowest of them may reach. */
const labelPx = { wide: 52, tall: 30 }

const shoreRadii: readonly Point[] = [
  [92.7, 50.2],
  [90.3, 48.8],
  [100, 54.1],
  [107.4, 58.1],
  [107.4, 58.1],
]

/** Chooses the chart and fits it into the stage; never larger than 1.4 times the drawing. */
export function layoutFor(width: number, height: number, isTall: boolean): Layout {
  const chart = isTall ? tall : wide
  const [chartWidth, chartHeight] = chart.size
  const kind = isTall ? 'tall' : 'wide'
  const lowest = Math.max(...chart.labels.map(([, y]) => y))
  // Above a raised sheet there is room for little, and labels are names alone.
  const room = height - footPx[kind] - (isTall && height < 200 ? 18 : labelPx[kind])
  const fit = Math.max(0.2, Math.min(width / chartWidth, room / lowest, isTall ? 1.5 : 1.4))
  const left = (width - chartWidth * fit) / 2
  const top = Math.max(0, Math.min((height - chartHeight * fit) / 2, room - lowest * fit))
  return laidOut(chart, { width, height, tall: isTall, fit, left, top })
}

/** The wide chart as it was drawn: one pixel for each of its units. What lies where is reckoned on it. */
export const drawnChart: Layout = laidOut(wide, {
  width: wide.size[0],
  height: wide.size[1],
  tall: false,
  fit: 1,
  left: 0,
  top: 0,
})

interface Fit {
  readonly width: number
  readonly height: number
  readonly tall: boolean
  readonly fit: number
  readonly left: number
  readonly top: number
}

function laidOut(chart: Chart, { width, height, tall: isTall, fit, left, top }: Fit): Layout {
  const [chartWidth, chartHeight] = chart.size
  const place = ([x, y]: Point): Point => [left + x * fit, top + y * fit]
  const scale = fit * chart.art
  return {
    width,
    height,
    tall: isTall,
    scale,
    islands: chart.islands.map(place),
    labels: chart.labels.map(place),
    camps: { west: place(chart.west), east: place(chart.east) },
    rose: place(chart.rose),
    shores: shoreRadii.map(([rx, ry]): Point => [rx * scale, ry * scale]),
    toPixels: ([x, y]) => place([(x / 1000) * chartWidth, (y / 1000) * chartHeight]),
    toChart: ([x, y]) => [
      Math.round((((x - left) / fit) * 1000) / chartWidth),
      Math.round((((y - top) / fit) * 1000) / chartHeight),
    ],
  }
}

/** The lane between two seats, from shore to shore. */
export function laneOf(layout: Layout, from: Seat, to: Seat): Lane {
  const a = pointOf(layout.islands, from)
  const b = pointOf(layout.islands, to)
  const start = shorePoint(layout, from, b)
  const end = shorePoint(layout, to, a)
  const near = isNear(from, to)
  // Ring lanes bow away from the middle, chords bow a little towards it, so that no two lie on each other.
  const middle: Point = [(start[0] + end[0]) / 2, (start[1] + end[1]) / 2]
  const out: Point = [middle[0] - layout.rose[0], middle[1] - layout.rose[1]]
  const length = Math.hypot(out[0], out[1]) || 1
  const bow = (near ? 9 : -7) * layout.scale
  return {
    from: start,
    bend: [middle[0] + (out[0] / length) * bow, middle[1] + (out[1] / length) * bow],
    to: end,
    near,
  }
}

/** Whether two seats sit side by side in the ring. */
export function isNear(a: Seat, b: Seat): boolean {
  const apart = Math.abs(a - b)
  return apart === 1 || apart === 4
}

/** A point of the lane at `t`, 0 to 1. */
export function along(lane: Lane, t: number): Point {
  const u = 1 - t
  return [
    u * u * lane.from[0] + 2 * u * t * lane.bend[0] + t * t * lane.to[0],
    u * u * lane.from[1] + 2 * u * t * lane.bend[1] + t * t * lane.to[1],
  ]
}

/** SVG path data of the part of a lane between two fractions. */
export function lanePath(lane: Lane, start = 0, end = 1): string {
  const a = along(lane, start)
  const b = along(lane, end)
  const u = 1 - start
  const v = 1 - end
  const bend: Point = [
    u * v * lane.from[0] + (u * end + v * start) * lane.bend[0] + start * end * lane.to[0],
    u * v * lane.from[1] + (u * end + v * start) * lane.bend[1] + start * end * lane.to[1],
  ]
  return `M${xy(a)}Q${xy(bend)} ${xy(b)}`
}

/** Where a line first meets a lane, as a fraction of the lane; `undefined` where they do not cross. */
export function crossing(lane: Lane, line: readonly Point[]): number | undefined {
  const steps = 28
  for (let step = 0; step < steps; step += 1) {
    const a = along(lane, step / steps)
    const b = along(lane, (step + 1) / steps)
    for (let at = 1; at < line.length; at += 1) {
      const hit = segmentHit(a, b, line[at - 1] as Point, line[at] as Point)
      if (hit !== undefined) return (step + hit) / steps
    }
  }
  return undefined
}

/** Every pair of seats once, in ring order. */
export const pairs: readonly (readonly [Seat, Seat])[] = seats.flatMap((a) =>
  seats.filter((b) => b > a).map((b) => [a, b] as const),
)

/** Short number text for path data. */
export function xy([x, y]: Point): string {
  return `${x.toFixed(1)} ${y.toFixed(1)}`
}

export function pointOf(points: readonly Point[], at: number): Point {
  return points[at] ?? [0, 0]
}

function shorePoint(layout: Layout, seat: Seat, towards: Point): Point {
  const [x, y] = pointOf(layout.islands, seat)
  const [rx, ry] = pointOf(layout.shores, seat)
  const dx = towards[0] - x
  const dy = towards[1] - y
  // Land rises upwards: whoever comes from behind an island lands a little farther out, or it would sail up a slope.
  const rise = Math.max(0, -dy / Math.max(1, Math.hypot(dx, dy))) * (layout.tall ? 0.8 : 0.4)
  const reach = (1 + rise) / Math.max(1e-6, Math.hypot(dx / rx, dy / ry))
  return [x + dx * reach, y + 3 * layout.scale + dy * reach]
}

function segmentHit(a: Point, b: Point, c: Point, d: Point): number | undefined {
  const rx = b[0] - a[0]
  const ry = b[1] - a[1]
  const sx = d[0] - c[0]
  const sy = d[1] - c[1]
  const cross = rx * sy - ry * sx
  if (Math.abs(cross) < 1e-9) return undefined
  const t = ((c[0] - a[0]) * sy - (c[1] - a[1]) * sx) / cross
  const u = ((c[0] - a[0]) * ry - (c[1] - a[1]) * rx) / cross
  return t >= 0 && t <= 1 && u >= 0 && u <= 1 ? t : undefined
}
