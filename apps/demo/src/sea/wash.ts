/**
 * The wash of colour: a new ink runs over an island from the point where its boat landed.
 *
 * Two copies of the drawing are laid over the old one, each clipped by a growing circle: first a wet front in the
 * paler tones of the new ink, right behind it the ink itself. Rings of it run out over the water. When the front has
 * passed, the land takes the new ink and the copies go. Everything here is one short animation of two radii.
 */
import { stillSea } from '../motion.ts'
import type { Point } from './layout.ts'

const svg = 'http://www.w3.org/2000/svg'
const washMs = 700
let washes = 0

export interface Wash {
  readonly land: SVGGElement
  readonly water: SVGGElement | null
  /** Ink classes, as on the group: `ink-jade`, `ink-jade pale`. */
  readonly from: string
  readonly to: string
  readonly at: Point
  readonly rings: boolean
}

export function washOver(wash: Wash): void {
  const { land, to } = wash
  finishWash(land)
  if (stillSea() || document.hidden || typeof land.animate !== 'function') {
    land.setAttribute('class', `land ${to}`)
    return
  }
  const wet = copyOf(land, `${to.replace(' pale', '')} pale wet`, wash.at)
  const settled = copyOf(land, to, wash.at)
  const reach = Math.max(
    ...[
      [-130, -130],
      [130, -130],
      [130, 60],
      [-130, 60],
    ].map(([x, y]) => Math.hypot((x as number) - wash.at[0], (y as number) - wash.at[1])),
  )
  const timing = { duration: washMs * 1.5, easing: 'cubic-bezier(.3,.1,.3,1)', fill: 'forwards' } as const
  const started = performance.now()
  const step = (now: number): void => {
    if (!wet.copy.isConnected) return
    const t = Math.max(0, Math.min(1, (now - started) / timing.duration))
    const front = easeOut(Math.min(1, t * 1.18)) * reach
    const tail = easeOut(Math.max(0, (t - 0.2) / 0.8)) * reach
    wet.circle.setAttribute('r', front.toFixed(1))
    settled.circle.setAttribute('r', tail.toFixed(1))
    if (t < 1) requestAnimationFrame(step)
    else finishWash(land)
  }
  land.dataset['washTo'] = to
  requestAnimationFrame(step)
  if (wash.rings && wash.water !== null) ringsOver(wash.water, to.replace(' pale', ''), wash.at)
}

/** Ends a wash at once; the land has its new ink. */
function finishWash(land: SVGGElement): void {
  const to = land.dataset['washTo']
  if (to === undefined) return
  delete land.dataset['washTo']
  land.setAttribute('class', `land ${to}`)
  for (const copy of [...(land.parentElement?.querySelectorAll('.over') ?? [])]) copy.remove()
}

function copyOf(land: SVGGElement, ink: string, [x, y]: Point): { copy: SVGGElement; circle: SVGCircleElement } {
  washes += 1
  const id = `wash-${washes}`
  const copy = document.createElementNS(svg, 'g')
  copy.setAttribute('class', 'over')
  const clip = document.createElementNS(svg, 'clipPath')
  clip.id = id
  const circle = document.createElementNS(svg, 'circle')
  circle.setAttribute('cx', String(x))
  circle.setAttribute('cy', String(y))
  circle.setAttribute('r', '0')
  clip.append(circle)
  const clipped = document.createElementNS(svg, 'g')
  clipped.setAttribute('clip-path', `url(#${id})`)
  const art = land.cloneNode(true) as SVGGElement
  art.setAttribute('class', `land ${ink}`)
  delete art.dataset['washTo']
  clipped.append(art)
  copy.append(clip, clipped)
  const last = [...(land.parentElement?.querySelectorAll(':scope > .over') ?? [])].at(-1) ?? land
  last.after(copy)
  keepInStep(land, art)
  return { copy, circle }
}

/** A copied mill must not stand at another angle than the mill under it. */
function keepInStep(original: SVGGElement, copy: SVGGElement): void {
  const moving = '.sails,.beam,.smoke,.fronds'
  const copies = copy.querySelectorAll(moving)
  original.querySelectorAll(moving).forEach((element, at) => {
    const running = element.getAnimations()
    copies[at]?.getAnimations().forEach((animation, index) => {
      const time = running[index]?.currentTime
      if (time !== undefined && time !== null) animation.currentTime = time
    })
  })
}

/** Rings of the new ink, out over the water, from the landing point. */
function ringsOver(water: SVGGElement, ink: string, [x, y]: Point): void {
  for (let ring = 0; ring < 3; ring += 1) {
    const ellipse = document.createElementNS(svg, 'ellipse')
    ellipse.setAttribute('class', `wash-ring ${ink}`)
    ellipse.setAttribute('cx', String(x * 0.25))
    ellipse.setAttribute('cy', String(4 + y * 0.25))
    ellipse.setAttribute('rx', '112')
    ellipse.setAttribute('ry', '60')
    water.append(ellipse)
    const animation = ellipse.animate(
      [
        { transform: 'scale(.62)', opacity: 0 },
        { opacity: 0.85 - ring * 0.2, offset: 0.16 },
        { transform: `scale(${1.5 + ring * 0.22})`, opacity: 0 },
      ],
      { duration: 1900, delay: 120 + ring * 210, easing: 'cubic-bezier(.22,1,.36,1)', fill: 'both' },
    )
    const gone = (): void => ellipse.remove()
    animation.finished.then(gone, gone)
  }
}

function easeOut(t: number): number {
  return 1 - (1 - t) ** 3
}
