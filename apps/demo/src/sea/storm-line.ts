/** The line a storm lies along, in thousandths of the chart: drawn by the visitor, or laid between two sides. */
import { type Seat, seats } from '../frame.ts'
import { along, drawnChart as chart, crossing, laneOf, type Point, pairs, pointOf } from './layout.ts'

/** The line of the halves preset, as it was drawn by hand. */
const halvesLine = drawn([
  [736, 56],
  [712, 130],
  [680, 220],
  [628, 322],
  [574, 424],
  [538, 510],
  [530, 562],
])

/** Between two sides that Lantern alone joins: the lower part of the same weather. */
const bridgeLine = drawn([
  [606, 262],
  [590, 346],
  [566, 424],
  [538, 510],
  [530, 562],
])

/** Over the middle, where all chords meet, clear of the label above. */
const middleLine = drawn([
  [440, 418],
  [500, 436],
  [570, 438],
  [640, 420],
])

/** Which lanes a drawn line crosses. */
export function lanesCrossed(line: readonly Point[]): readonly (readonly [Seat, Seat])[] {
  const pixels = line.map((point) => chart.toPixels(point))
  return pairs.filter(([a, b]) => crossing(laneOf(chart, a, b), pixels) !== undefined)
}

const bridgeCut: readonly (readonly [Seat, Seat])[] = [
  [1, 3],
  [1, 4],
  [2, 3],
  [2, 4],
]
const chords: readonly (readonly [Seat, Seat])[] = [
  [0, 2],
  [0, 3],
  [1, 3],
  [1, 4],
  [2, 4],
]

/** A line that lies across exactly these lanes as well as one line can. */
export function lineFor(cut: readonly (readonly [Seat, Seat])[]): readonly Point[] {
  const halves = lanesCrossed(halvesLine)
  if (sameCut(cut, halves)) return halvesLine
  if (sameCut(cut, bridgeCut)) return bridgeLine
  if (sameCut(cut, chords)) return middleLine
  const alone = seats.find((seat) => cut.length > 0 && cut.every(([a, b]) => a === seat || b === seat))
  if (alone !== undefined) return lineAround(alone)
  const middles = cut.map(([a, b]) => along(laneOf(chart, a, b), 0.5))
  return spread(middles)
}

function drawn(points: readonly Point[]): readonly Point[] {
  return points.map((point) => chart.toChart(point))
}

/** Keeps what a visitor drew small enough for a link: at most 24 points, evenly apart. */
export function simplifyLine(line: readonly Point[], most = 24): readonly Point[] {
  const total = lengthOf(line)
  if (line.length < 2 || total === 0) return line
  const count = Math.max(2, Math.min(most, Math.round(total / 40) + 1))
  return Array.from({ length: count }, (_, at) => {
    const [x, y] = pointAt(line, (total * at) / (count - 1))
    return [Math.round(x), Math.round(y)] as const
  })
}

/** A smooth path through the points, as short straight pieces. */
export function smoothLine(line: readonly Point[], pieces = 6): Point[] {
  if (line.length < 3) return [...line]
  const out: Point[] = []
  for (let at = 0; at < line.length - 1; at += 1) {
    const p0 = line[Math.max(0, at - 1)] as Point
    const p1 = line[at] as Point
    const p2 = line[at + 1] as Point
    const p3 = line[Math.min(line.length - 1, at + 2)] as Point
    for (let piece = 0; piece < pieces; piece += 1) out.push(catmullRom(p0, p1, p2, p3, piece / pieces))
  }
  out.push(line.at(-1) as Point)
  return out
}

export function lengthOf(line: readonly Point[]): number {
  let sum = 0
  for (let at = 1; at < line.length; at += 1) sum += distance(line[at - 1] as Point, line[at] as Point)
  return sum
}

/** The point that lies `reach` along the line. */
export function pointAt(line: readonly Point[], reach: number): Point {
  let left = reach
  for (let at = 1; at < line.length; at += 1) {
    const a = line[at - 1] as Point
    const b = line[at] as Point
    const step = distance(a, b)
    if (left <= step || at === line.length - 1) {
      const t = step === 0 ? 0 : Math.min(1, left / step)
      return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]
    }
    left -= step
  }
  return line[0] ?? [500, 500]
}

/** A storm round one island: an arc between it and the rest of the ring. */
function lineAround(seat: Seat): readonly Point[] {
  const here = pointOf(chart.islands, seat)
  const others = seats.filter((other) => other !== seat).map((other) => laneOf(chart, seat, other))
  const points = others.map((lane) => along(lane, lane.near ? 0.36 : 0.2))
  const turn = (point: Point): number => {
    const base = Math.atan2(chart.rose[1] - here[1], chart.rose[0] - here[0])
    const angle = Math.atan2(point[1] - here[1], point[0] - here[0]) - base
    return Math.atan2(Math.sin(angle), Math.cos(angle))
  }
  const sorted = points.sort((a, b) => turn(a) - turn(b))
  return withEnds(sorted, 64).map((point) => chart.toChart(point))
}

/** Sorts scattered crossings along their main direction and runs one line through them. */
function spread(points: readonly Point[]): readonly Point[] {
  if (points.length === 0) return halvesLine
  const cx = points.reduce((sum, [x]) => sum + x, 0) / points.length
  const cy = points.reduce((sum, [, y]) => sum + y, 0) / points.length
  let xx = 0
  let xyProduct = 0
  let yy = 0
  for (const [x, y] of points) {
    xx += (x - cx) ** 2
    xyProduct += (x - cx) * (y - cy)
    yy += (y - cy) ** 2
  }
  const angle = points.length < 2 ? Math.PI / 2.4 : 0.5 * Math.atan2(2 * xyProduct, xx - yy)
  const reach = ([x, y]: Point): number => (x - cx) * Math.cos(angle) + (y - cy) * Math.sin(angle)
  const sorted = [...points].sort((a, b) => reach(a) - reach(b))
  const eased = sorted.map((point, at): Point => {
    if (at === 0 || at === sorted.length - 1) return point
    const near = sorted.slice(Math.max(0, at - 1), at + 2)
    return [near.reduce((sum, [x]) => sum + x, 0) / near.length, near.reduce((sum, [, y]) => sum + y, 0) / near.length]
  })
  const spaced = eased.filter((point, at) => at === 0 || distance(point, eased[at - 1] as Point) > 24)
  const line = spaced.length < 2 ? [polar(cx, cy, angle, -40), polar(cx, cy, angle, 40)] : spaced
  return withEnds(line, 80).map((point) => chart.toChart(point))
}

function withEnds(line: readonly Point[], reach: number): Point[] {
  const first = line[0] as Point
  const second = line[1] as Point
  const last = line.at(-1) as Point
  const before = line.at(-2) as Point
  return [beyond(second, first, reach), ...line, beyond(before, last, reach)]
}

function beyond(from: Point, to: Point, reach: number): Point {
  const length = distance(from, to) || 1
  return [to[0] + ((to[0] - from[0]) / length) * reach, to[1] + ((to[1] - from[1]) / length) * reach]
}

function polar(x: number, y: number, angle: number, reach: number): Point {
  return [x + Math.cos(angle) * reach, y + Math.sin(angle) * reach]
}

function sameCut(a: readonly (readonly [Seat, Seat])[], b: readonly (readonly [Seat, Seat])[]): boolean {
  const key = ([x, y]: readonly [Seat, Seat]): string => (x < y ? `${x}${y}` : `${y}${x}`)
  const wanted = new Set(b.map(key))
  return a.length === b.length && a.every((pair) => wanted.has(key(pair)))
}

function distance(a: Point, b: Point): number {
  return Math.hypot(b[0] - a[0], b[1] - a[1])
}

function catmullRom(p0: Point, p1: Point, p2: Point, p3: Point, t: number): Point {
  const axis = (a: number, b: number, c: number, d: number): number =>
    0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t * t * t)
  return [axis(p0[0], p1[0], p2[0], p3[0]), axis(p0[1], p1[1], p2[1], p3[1])]
}
