/**
 * The boats: the only thing on the sea that moves in every frame.
 *
 * Where a boat is follows from the times it carries, so that scrubbing, slow motion and a replay need nothing else.
 * Elements are made when a boat sails and removed when it has landed or sunk; per frame only transforms change.
 */
import type { BoatFrame } from '../frame.ts'
import { meetsStorm } from './clouds.ts'
import { along, crossing, type Lane, type Layout, laneOf, type Point } from './layout.ts'

const svg = 'http://www.w3.org/2000/svg'
/** How long after its last moment a boat stays: it sinks, or it strikes sail in the harbour. */
export const sinkMs = 1400
export const landMs = 900

/** Boats with changes are full size; talk about them sails smaller; a heartbeat is a spark on the water. */
const sizes = { changes: 1.28, talk: 0.66, beat: 0.8 } as const

interface Vessel {
  readonly root: SVGGElement
  readonly wake: SVGPathElement
  readonly tilt: SVGGElement
  readonly canvas: SVGGElement
  readonly rings: SVGGElement
  readonly hold: SVGGElement
  readonly lane: Lane
  readonly layout: Layout
  /** How far off the middle of its lane this boat has to be when it is halfway: the weather need not lie there. */
  warp: number
}

export interface BoatScene {
  readonly boats: readonly BoatFrame[]
  /** Page clock of the sea, with fractions. */
  readonly now: number
  readonly layout: Layout
  readonly line: readonly Point[] | undefined
  /** Reduced motion: a boat stands mid-lane until it lands. */
  readonly still: boolean
}

export class BoatLayer {
  readonly #group: SVGGElement
  readonly #fleet = new Map<number, Vessel>()

  constructor(group: SVGGElement) {
    this.#group = group
  }

  /** Puts every boat where it is now. */
  draw(scene: BoatScene): void {
    const seen = new Set<number>()
    for (const boat of scene.boats) {
      if (scene.now < boat.sentAt) continue
      const over = boat.lostAt === undefined ? scene.now - boat.dueAt - landMs : scene.now - boat.lostAt - sinkMs
      if (over > 0 || (boat.load === 'beat' && scene.now > (boat.lostAt ?? boat.dueAt))) continue
      seen.add(boat.id)
      const vessel = this.#vessel(boat, scene)
      place(vessel, boat, scene)
    }
    for (const [id, vessel] of this.#fleet) {
      if (seen.has(id)) continue
      vessel.root.remove()
      this.#fleet.delete(id)
    }
  }

  #vessel(boat: BoatFrame, scene: BoatScene): Vessel {
    const existing = this.#fleet.get(boat.id)
    if (existing !== undefined && existing.layout === scene.layout) return existing
    existing?.root.remove()
    const vessel = build(boat, laneOf(scene.layout, boat.from, boat.to), scene)
    this.#group.append(vessel.root)
    this.#fleet.set(boat.id, vessel)
    return vessel
  }
}

/**
 * Where the weather lies on a lane, as an offset from its middle. A message meets it halfway through its time, always;
 * the drawn line crosses a lane anywhere.
 */
function warpOf(lane: Lane, scene: BoatScene): number {
  if (scene.line === undefined || crossing(lane, scene.line) === undefined) return 0
  return clamp(meetsStorm(lane, scene.line, weatherScale(scene.layout)), 0.08, 0.92) - 0.5
}

function weatherScale(layout: Layout): number {
  return layout.tall ? layout.scale * 1.2 : layout.scale
}

function build(boat: BoatFrame, lane: Lane, scene: BoatScene): Vessel {
  const root = element('g', `boat ink-${boat.ink}${boat.tone === 'pale' ? ' pale' : ''} ${boat.load}`)
  const wake = element('path', 'trail') as SVGPathElement
  const rings = element('g', 'rings')
  for (const [rx, ry] of [
    [12, 4],
    [19, 6.5],
  ] as const) {
    const ring = element('ellipse', '')
    ring.setAttribute('cy', '7')
    ring.setAttribute('rx', String(rx))
    ring.setAttribute('ry', String(ry))
    rings.append(ring)
  }
  const tilt = element('g', 'tilt')
  const canvas = element('g', 'canvas')
  if (boat.load === 'beat') {
    const spark = element('circle', 'spark')
    spark.setAttribute('r', '2')
    spark.setAttribute('cy', '4')
    tilt.append(spark)
  } else {
    canvas.append(useOf('#canvas'))
    tilt.append(useOf('#hull'), canvas)
  }
  const hold = element('g', 'hold')
  hold.append(rings, tilt)
  root.append(wake, hold)
  root.dataset['from'] = String(boat.from)
  root.dataset['to'] = String(boat.to)
  return { root, wake, tilt, canvas, rings, hold, lane, layout: scene.layout, warp: warpOf(lane, scene) }
}

function place(vessel: Vessel, boat: BoatFrame, scene: BoatScene): void {
  const { lane } = vessel
  const end = boat.lostAt ?? boat.dueAt
  const t = clamp((Math.min(scene.now, end) - boat.sentAt) / Math.max(1, boat.dueAt - boat.sentAt), 0, 1)
  const wanted = warpOf(lane, scene)
  // A storm that rises or lifts moves boats under way gently to where they now have to be.
  vessel.warp += scene.still ? wanted - vessel.warp : (wanted - vessel.warp) * 0.06
  const middle = 0.5 + vessel.warp
  const at = t < 0.5 ? 2 * t * middle : middle + (2 * t - 1) * (1 - middle)
  const progress = scene.still && t < 1 && boat.lostAt === undefined ? middle : at
  const [x, y] = along(lane, progress)
  const size =
    sizes[boat.load] *
    (scene.layout.tall ? 0.74 * Math.min(1, scene.layout.scale / 0.42) : Math.max(0.72, scene.layout.scale))
  const east = lane.to[0] >= lane.from[0] ? 1 : -1
  const after = Math.max(0, scene.now - end)
  vessel.root.style.opacity = String(appear(t) * (boat.load === 'changes' ? 1 : 0.9))
  vessel.hold.setAttribute(
    'transform',
    `translate(${f(x)} ${f(y)}) scale(${(size * east).toFixed(3)} ${size.toFixed(3)})`,
  )
  if (boat.load === 'changes') drawWake(vessel, progress, t, after, size)
  if (boat.load === 'beat') return
  if (after > 0) {
    if (boat.lostAt === undefined) strikeSail(vessel, boat, after / landMs)
    else sink(vessel, after / sinkMs)
    return
  }
  const bob = scene.still ? 0 : Math.sin(scene.now / 420 + boat.id) * 2.2
  vessel.tilt.setAttribute('transform', `translate(0 ${(bob * 0.3).toFixed(2)}) rotate(${bob.toFixed(2)})`)
  vessel.rings.style.opacity = '0'
}

/** It tilts and goes down; two rings stay a moment longer. */
function sink(vessel: Vessel, part: number): void {
  const deep = clamp(part, 0, 1)
  vessel.tilt.setAttribute(
    'transform',
    `translate(0 ${(deep * deep * 16).toFixed(2)}) rotate(${(easeOut(deep) * 58).toFixed(1)})`,
  )
  vessel.tilt.style.opacity = String(clamp(1.25 - deep * 1.25, 0, 1))
  vessel.rings.style.opacity = String(clamp(deep < 0.2 ? deep * 4 : (1 - deep) * 1.2, 0, 0.9))
  vessel.rings.setAttribute('transform', `scale(${(0.7 + deep * 0.5).toFixed(3)})`)
}

/** It glides in, the sail comes down, a ring runs from the quay. */
function strikeSail(vessel: Vessel, boat: BoatFrame, part: number): void {
  const done = clamp(part, 0, 1)
  const furl = 1 - easeOut(clamp(done * 1.6, 0, 1))
  vessel.canvas.setAttribute('transform', `translate(0 ${((1 - furl) * 1.8).toFixed(2)}) scale(1 ${furl.toFixed(3)})`)
  vessel.tilt.setAttribute('transform', 'rotate(0)')
  vessel.tilt.style.opacity = String(clamp(1.6 - done * 1.6, 0, 1))
  vessel.rings.style.opacity = boat.load === 'changes' ? String(clamp(1 - done, 0, 0.9)) : '0'
  vessel.rings.setAttribute('transform', `scale(${(0.5 + easeOut(done) * 1.3).toFixed(3)})`)
}

/** The water keeps the ink of the sail for a little while: a fading line behind the boat. */
function drawWake(vessel: Vessel, progress: number, t: number, after: number, size: number): void {
  const long = 0.26 * Math.min(1, t * 3)
  const start = Math.max(0, progress - long)
  if (progress - start < 0.01) {
    vessel.wake.setAttribute('d', '')
    return
  }
  const [ax, ay] = along(vessel.lane, start)
  const [bx, by] = along(vessel.lane, progress)
  const mid = along(vessel.lane, (start + progress) / 2)
  const low = 6 * size
  const wide = 1.7 * size
  const nx = -(by - ay)
  const ny = bx - ax
  const length = Math.hypot(nx, ny) || 1
  const ox = (nx / length) * wide
  const oy = (ny / length) * wide
  // A long thin wedge: a point at its tail, as wide as the hull's stern at the boat.
  vessel.wake.setAttribute(
    'd',
    `M${f(ax)} ${f(ay + low)}Q${f(mid[0] + ox / 2)} ${f(mid[1] + low + oy / 2)} ${f(bx + ox)} ${f(by + low + oy)}L${f(bx - ox)} ${f(by + low - oy)}Q${f(mid[0] - ox / 2)} ${f(mid[1] + low - oy / 2)} ${f(ax)} ${f(ay + low)}Z`,
  )
  vessel.wake.style.opacity = String(0.42 * clamp(1 - after / 700, 0, 1))
}

function appear(t: number): number {
  return clamp(t * 9, 0, 1)
}

function element(name: 'g' | 'path' | 'ellipse' | 'circle' | 'use', className: string): SVGGElement {
  const made = document.createElementNS(svg, name) as SVGGElement
  if (className !== '') made.setAttribute('class', className)
  return made
}

function useOf(href: string): SVGGElement {
  const made = element('use', '')
  made.setAttribute('href', href)
  return made
}

function f(value: number): string {
  return value.toFixed(1)
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}

function easeOut(t: number): number {
  return 1 - (1 - t) ** 3
}
