/** A line of thunderheads over rain, computed once per storm and drawn once. */
import { along, crossing, type Lane, type Point, xy } from './layout.ts'
import { decorativeRandom } from './prng.ts'
import { lengthOf, pointAt, smoothLine } from './storm-line.ts'

/** Left, top, right, bottom, in pixels. */
export type Box = readonly [number, number, number, number]

export interface Puff {
  readonly at: Point
  readonly shape: string
  readonly curls: string
  readonly rain: string
  readonly splash: string
  readonly shade: 0 | 1 | 2
  /** Order along the line, so that the storm rolls in from its first point. */
  readonly order: number
}

export interface Clouds {
  /** The line itself, for shadow, haze and the trace a storm leaves. */
  readonly path: string
  readonly behind: readonly Puff[]
  readonly front: readonly Puff[]
  readonly bolts: readonly string[]
  readonly line: readonly Point[]
}

/**
 * Builds the storm along `line` (pixels). `thin` draws the weather of a flicker, `rainSide` keeps rain on one side
 * of the line (-1 or 1) for a storm that lets boats pass the other way. Clouds keep off the boxes in `clear`: they move
 * aside, shrink, or stay away.
 */
export function cloudsAlong(
  line: readonly Point[],
  scale: number,
  thin: boolean,
  rainSide: -1 | 0 | 1,
  clear: readonly Box[] = [],
): Clouds {
  const smooth = smoothLine(line)
  const length = lengthOf(smooth)
  const random = decorativeRandom(Math.round(line.reduce((sum, [x, y]) => sum + x * 3 + y * 7, 417)))
  const gap = (thin ? 60 : 42) * scale
  const count = Math.max(3, Math.round(length / gap))
  const front: Puff[] = []
  const behind: Puff[] = []
  const bolts: string[] = []
  for (let order = 0; order < count; order += 1) {
    const [x, y] = pointAt(smooth, ((order + 0.2) / count) * length)
    const width = (thin ? 32 : [58, 40, 66, 47][order % 4]! + 12 * random()) * scale
    const side = (order % 2 === 0 ? -1 : 1) * (4 + 17 * random()) * scale
    const head = beside([x + side, y - 28 * scale], width, clear, scale)
    if (head !== undefined) front.push(puff(head.at, head.width, scale, random, order, rainSide, thin))
    if (thin) continue
    const wing = (order % 2 === 0 ? 1 : -1) * (46 + 26 * random()) * scale
    const flank = beside([x + wing, y - 14 * scale], (26 + 18 * random()) * scale, clear, scale)
    if (flank !== undefined) behind.push(puff(flank.at, flank.width, scale, random, order, 0, true))
    // A bolt stands before the cloud below: not where one has stayed away, nor under the last.
    if (head !== undefined && flank !== undefined && order % 3 === 1 && order < count - 1 && rainSide === 0)
      bolts.push(boltAt([x + (flank.at[0] - x) * 0.7, y + 2 * scale], scale))
  }
  return { path: `M${smooth.map(xy).join('L')}`, behind, front, bolts, line: smooth }
}

/** Where a boat on this lane meets the weather: a little before the line. */
export function meetsStorm(lane: Lane, line: readonly Point[], scale: number): number {
  const at = crossing(lane, line) ?? 0.5
  const [x0, y0] = along(lane, 0)
  const [x1, y1] = along(lane, 1)
  return Math.max(0.08, at - (34 * scale) / Math.max(1, Math.hypot(x1 - x0, y1 - y0)))
}

/** Where a cloud of this width can hang without lying over what has to be read. */
function beside(
  at: Point,
  width: number,
  clear: readonly Box[],
  scale: number,
): { readonly at: Point; readonly width: number } | undefined {
  for (const size of [width, width * 0.8, width * 0.6, width * 0.45]) {
    for (const step of [0, 12, -12, 24, -24, 36, -36, 48, -48, 60, -60, 72, -72]) {
      const moved: Point = [at[0] + step * scale, at[1]]
      if (clear.every((box) => !covers(moved, size, box))) return { at: moved, width: size }
    }
  }
  return undefined
}

/** As wide as its lobes bulge, and as high as the highest head. */
function covers([x, y]: Point, width: number, [left, top, right, bottom]: Box): boolean {
  const reach = width * 1.14
  return x + reach > left && x - reach < right && y + width * 0.2 > top && y - width * 0.95 < bottom
}

function puff(
  at: Point,
  width: number,
  scale: number,
  random: () => number,
  order: number,
  rainSide: -1 | 0 | 1,
  small: boolean,
): Puff {
  const height = width * (0.5 + 0.16 * random())
  const lobes = small ? 5 : 6
  // No two heads alike: each leans to a side and billows unevenly.
  const lean = (random() - 0.5) * width * 0.34
  const points: Point[] = []
  for (let lobe = 0; lobe <= lobes; lobe += 1) {
    const turn = Math.PI - (Math.PI * lobe) / lobes
    const end = lobe === 0 || lobe === lobes
    const out = Math.cos(turn) * width * (end ? 1 : 0.9)
    points.push([out + lean * Math.sin(turn), -Math.sin(turn) * height * (end ? 1 : 0.82 + 0.34 * random())])
  }
  let shape = `M${xy(points[0] as Point)}`
  let curls = ''
  for (let lobe = 1; lobe < points.length; lobe += 1) {
    const [ax, ay] = points[lobe - 1] as Point
    const [bx, by] = points[lobe] as Point
    const radius = Math.hypot(bx - ax, by - ay) * (0.54 + 0.1 * random())
    shape += `A${radius.toFixed(1)} ${(radius * 1.07).toFixed(1)} 0 0 1 ${xy([bx, by])}`
    if (!small && lobe % 2 === 0) {
      const inner: Point = [ax * 0.74 + bx * 0.08, ay * 0.72 + 3 * scale]
      curls += `M${xy(inner)}a${radius.toFixed(1)} ${radius.toFixed(1)} 0 0 1 ${xy([radius * 0.78, -radius * 0.4])}`
    }
  }
  const dip = height * 0.17
  shape += `Q${xy([width * 0.68, dip * 1.1])} ${xy([width * 0.24, dip * 0.7])}T${xy([-width * 0.44, dip * 0.8])}T${xy([-width, 0])}Z`
  return {
    at,
    shape,
    curls,
    ...rainUnder(width, scale, random, rainSide, small),
    shade: (order % 3) as 0 | 1 | 2,
    order,
  }
}

function rainUnder(
  width: number,
  scale: number,
  random: () => number,
  side: -1 | 0 | 1,
  small: boolean,
): { rain: string; splash: string } {
  if (small) return { rain: '', splash: '' }
  let rain = ''
  let splash = ''
  for (let x = -width * 0.84; x < width * 0.84; x += 6.4 * scale) {
    if (side !== 0 && Math.sign(x) !== side) continue
    const fall = (20 + 30 * random()) * scale
    const start: Point = [x + 3 * random() * scale, (2 + 5 * random()) * scale]
    rain += `M${xy(start)}l${xy([-fall * 0.3, fall])}`
    if (random() < 0.26)
      splash += `M${xy([start[0] - 14 * scale, start[1] + 44 * scale])}q${xy([3 * scale, 1.6 * scale])} ${xy([6 * scale, 0])}`
  }
  return { rain, splash }
}

function boltAt([x, y]: Point, scale: number): string {
  const leg = (dx: number, dy: number): string => `l${xy([dx * scale, dy * scale])}`
  return `M${xy([x, y])}${leg(-6, 16)}${leg(7.5, -2)}${leg(-7, 17)}${leg(6.5, -2)}${leg(-9, 22)}`
}
