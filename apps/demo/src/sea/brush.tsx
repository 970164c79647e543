import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { LaneFrame, Seat } from '../frame.ts'
import { brush } from '../ui.ts'
import { crossing, type Layout, laneOf, lanePath, type Point, pairs, xy } from './layout.ts'
import { lanesCrossed, simplifyLine } from './storm-line.ts'

export interface BrushTarget {
  /** A storm along this line, in thousandths of the chart, across these lanes. */
  raise(line: readonly Point[], lanes: readonly (readonly [Seat, Seat])[]): void
  readonly enabled: boolean
}

/** The storm brush: drag a line across the water. Lanes it crosses are lit while it is drawn. */
export function Brush({ layout, target, lanes }: { layout: Layout; target: BrushTarget; lanes: readonly LaneFrame[] }) {
  const stroke = useSignal<readonly Point[]>([])
  const drawing = useRef<number | undefined>(undefined)
  const surface = useRef<SVGSVGElement>(null)
  const enabled = target.enabled && lanes.every((lane) => lane.open)

  useEffect(() => {
    const element = surface.current?.parentElement
    if (element === null || element === undefined || !enabled) return
    const pointOf = (event: PointerEvent): Point => {
      const box = element.getBoundingClientRect()
      return [event.clientX - box.left, event.clientY - box.top]
    }
    const down = (event: PointerEvent): void => {
      const onIsland = (event.target as Element).closest('.isle') !== null
      if (event.button !== 0 || (onIsland && brush.peek() !== 'draw')) return
      drawing.current = event.pointerId
      stroke.value = [pointOf(event)]
    }
    const move = (event: PointerEvent): void => {
      if (drawing.current !== event.pointerId) return
      const point = pointOf(event)
      const last = stroke.peek().at(-1)
      if (last !== undefined && Math.hypot(point[0] - last[0], point[1] - last[1]) < 6) return
      if (stroke.peek().length === 1) element.setPointerCapture(event.pointerId)
      stroke.value = [...stroke.peek(), point].slice(-600)
    }
    const up = (event: PointerEvent): void => {
      if (drawing.current !== event.pointerId) return
      drawing.current = undefined
      const points = stroke.peek()
      stroke.value = []
      if (points.length < 3) return
      const line = simplifyLine(points.map((point) => layout.toChart(point)))
      const crossed = layout.tall ? lanesHit(layout, points) : lanesCrossed(line)
      brush.value = 'off'
      if (crossed.length > 0) target.raise(line, crossed)
    }
    const cancel = (event: PointerEvent): void => {
      if (drawing.current !== event.pointerId) return
      drawing.current = undefined
      stroke.value = []
    }
    element.addEventListener('pointerdown', down)
    element.addEventListener('pointermove', move)
    element.addEventListener('pointerup', up)
    element.addEventListener('pointercancel', cancel)
    return () => {
      element.removeEventListener('pointerdown', down)
      element.removeEventListener('pointermove', move)
      element.removeEventListener('pointerup', up)
      element.removeEventListener('pointercancel', cancel)
    }
  }, [layout, enabled, target])

  const points = stroke.value
  const hits = points.length < 2 ? [] : lanesHit(layout, points)
  return (
    <svg
      ref={surface}
      class="sea brush"
      aria-hidden="true"
      focusable="false"
      width={layout.width}
      height={layout.height}
    >
      {hits.map(([a, b]) => (
        <path key={`${a}${b}`} class="lane-hit" d={lanePath(laneOf(layout, a, b))} />
      ))}
      {points.length < 2 ? null : <path class="stroke" d={`M${points.map(xy).join('L')}`} />}
    </svg>
  )
}

function lanesHit(layout: Layout, points: readonly Point[]): (readonly [Seat, Seat])[] {
  return pairs.filter(([a, b]) => crossing(laneOf(layout, a, b), points) !== undefined)
}
