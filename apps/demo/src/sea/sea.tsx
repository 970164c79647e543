import { useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import type { BoatFrame, Frame, Seat } from '../frame.ts'
import type { SeaModel } from '../model.ts'
import { reducedMotion } from '../motion.ts'
import { campText, noticeAloud } from '../noticing.ts'
import { sidesOf } from '../sides.ts'
import { openIsland, selected } from '../ui.ts'
import { BoatLayer } from './boats.ts'
import { Brush, type BrushTarget } from './brush.tsx'
import { Ground } from './ground.tsx'
import { Island, islandLabel } from './island.tsx'
import { type Camp, Camps, Labels } from './labels.tsx'
import { Lanes } from './lanes.tsx'
import { along, type Layout, laneOf, layoutFor, type Point } from './layout.ts'
import { Storm, StormTrace, stormLine } from './storm.tsx'
import { Sweep } from './sweep.tsx'

export interface SeaProps {
  readonly model: SeaModel
  readonly names?: readonly string[] | undefined
  /** What the storm tool does; live seas have no storms to draw. */
  readonly brush?: BrushTarget | undefined
  readonly trace?: { readonly line: readonly Point[]; readonly text: string } | undefined
}

/** The whole sea: five layers that redraw at their own pace. Only the boats move in every frame. */
export function Sea({ model, names, brush, trace }: SeaProps) {
  const box = useRef<HTMLDivElement>(null)
  const fleet = useRef<SVGGElement>(null)
  const size = useSignal<readonly [number, number]>([0, 0])

  useLayoutEffect(() => {
    const element = box.current
    if (element === null) return
    const measure = (): void => {
      const { clientWidth, clientHeight } = element
      size.value = [clientWidth, clientHeight]
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  const [width, height] = size.value
  const isTall = width < 720
  const layout = useMemo(() => layoutFor(Math.max(1, width), Math.max(1, height), isTall), [width, height, isTall])
  const frame = model.frame.value
  const line = useMemo(
    () => (frame.storm === undefined ? undefined : stormLine(frame.storm, layout)),
    [frame.storm?.id, layout],
  )

  useEffect(() => {
    const group = fleet.current
    if (group === null) return
    const boats = new BoatLayer(group)
    let last = performance.now()
    let handle = 0
    const run = (now: number): void => {
      handle = requestAnimationFrame(run)
      const elapsed = Math.min(100, now - last)
      last = now
      model.tick(elapsed)
      const storm = model.frame.peek().storm
      boats.draw({
        boats: model.boats(),
        now: model.now(),
        layout,
        line: storm === undefined ? undefined : line,
        still: reducedMotion.peek(),
      })
    }
    handle = requestAnimationFrame(run)
    return () => {
      cancelAnimationFrame(handle)
      group.replaceChildren()
    }
  }, [model, layout, line])

  const traceLine = useMemo(() => trace?.line.map((point) => layout.toPixels(point)), [trace?.line, layout])
  return (
    <div class={`sea-box ${isTall ? 'tall' : 'wide'}`} ref={box}>
      {width > 0 ? (
        <>
          <Ground layout={layout} />
          <Sweep seal={frame.seal} inks={frame.inks} layout={layout} />
          {/* biome-ignore lint/a11y/useSemanticElements: a group inside a drawing is no fieldset */}
          <svg class="sea isles" width={width} height={height} role="group" aria-label="Five islands in a ring">
            <Lanes layout={layout} lanes={frame.lanes} line={line} />
            {trace !== undefined && traceLine !== undefined && frame.storm === undefined ? (
              <StormTrace line={traceLine} text={trace.text} layout={layout} />
            ) : null}
            {frame.islands.map((island, at) => (
              <Island
                key={island.seat}
                island={island}
                ink={frame.inks[at] ?? { ink: 'fern', tone: 'full' }}
                layout={layout}
                selected={selected.value === island.seat}
                landing={landingOf(frame, island.seat, model.now(), layout)}
                rings={true}
                label={islandLabel(island, noticeAloud(frame, island))}
                onSelect={openIsland}
              />
            ))}
          </svg>
          <Storm storm={frame.storm} layout={layout} />
          <svg class="sea fleet" aria-hidden="true" focusable="false" width={width} height={height}>
            <g ref={fleet} />
          </svg>
          <Camps camps={campsOf(frame)} layout={layout} />
          <Labels frame={frame} layout={layout} names={names} now={model.now()} />
          {brush === undefined ? null : <Brush layout={layout} target={brush} lanes={frame.lanes} />}
        </>
      ) : null}
    </div>
  )
}

/** The shore where the newest cargo for this island came in. */
function landingOf(frame: Frame, seat: Seat, now: number, layout: Layout): Point | undefined {
  let newest: BoatFrame | undefined
  for (const boat of frame.boats) {
    if (
      boat.to !== seat ||
      boat.lostAt !== undefined ||
      boat.load !== 'changes' ||
      boat.dueAt > now + 120 ||
      boat.dueAt < now - 1200
    )
      continue
    if (newest === undefined || boat.dueAt > newest.dueAt) newest = boat
  }
  return newest === undefined ? undefined : along(laneOf(layout, newest.from, newest.to), 1)
}

/** West and East, while a storm really keeps two sides apart. */
function campsOf(frame: Frame): Camp[] {
  if (frame.storm === undefined) return []
  const groups = sidesOf(frame.lanes)
  if (groups.length !== 2) return []
  return groups.map((group, at): Camp => {
    const side = at === 0 ? 'west' : 'east'
    return {
      side,
      name: at === 0 ? 'West' : 'East',
      text: campText(frame, group),
      ink: frame.inks[group[0] as Seat] ?? { ink: 'fern', tone: 'full' },
      seats: group,
    }
  })
}
