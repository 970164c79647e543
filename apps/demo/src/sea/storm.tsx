import { useEffect, useMemo, useState } from 'preact/hooks'
import { flagSpots } from '../art/index.ts'
import { type Seat, type StormFrame, seatName, seats } from '../frame.ts'
import { stillSea } from '../motion.ts'
import { type Box, type Clouds, cloudsAlong } from './clouds.ts'
import { type Layout, type Point, pointOf } from './layout.ts'

const liftMs = 1200

/** The storm on the sea. It rolls in along its line, lies still, and lifts when the world says it has lifted. */
export function Storm({ storm, layout }: { storm: StormFrame | undefined; layout: Layout }) {
  const lifting = useLifting(storm)
  const shown = storm ?? lifting
  if (shown === undefined) return null
  return <Weather key={shown.id} storm={shown} layout={layout} lifting={storm === undefined} />
}

/** Keeps the last storm for as long as it takes to lift. */
function useLifting(storm: StormFrame | undefined): StormFrame | undefined {
  const [last, setLast] = useState(storm)
  useEffect(() => {
    if (storm !== undefined) {
      setLast(storm)
      return
    }
    const timer = setTimeout(() => setLast(undefined), stillSea() ? 0 : liftMs + 300)
    return () => clearTimeout(timer)
  }, [storm])
  return last
}

/** The line of a storm in pixels. */
export function stormLine(storm: StormFrame, layout: Layout): Point[] {
  return storm.line.map((point) => layout.toPixels(point))
}

function Weather({ storm, layout, lifting }: { storm: StormFrame; layout: Layout; lifting: boolean }) {
  const clouds = useMemo(
    () =>
      cloudsAlong(
        stormLine(storm, layout),
        weatherScale(layout),
        storm.mode === 'flicker',
        storm.mode === 'one-way' ? 1 : 0,
        readable(layout),
      ),
    [storm.id, layout],
  )
  const state = lifting
    ? 'lifting'
    : storm.mode === 'flicker' && !storm.shut
      ? 'thin open'
      : storm.mode === 'flicker'
        ? 'thin'
        : ''
  // The same drawing as long as storm and layout are the same: a frame that only moves boats compares nothing in it.
  return useMemo(
    () => (
      <>
        <Shadow clouds={clouds} layout={layout} state={state} />
        <svg class="sea weather" aria-hidden="true" focusable="false" width={layout.width} height={layout.height}>
          <g class={`storm ${state}`}>
            {clouds.behind.map((puff) => (
              <g key={puff.order} transform={`translate(${puff.at[0].toFixed(1)} ${puff.at[1].toFixed(1)})`}>
                <path class="st-side" d={puff.shape} style={delayOf(puff.order, clouds)} />
              </g>
            ))}
            {clouds.bolts.map((bolt, at) => (
              <path key={bolt} class={`bolt b${at % 3}`} d={bolt} />
            ))}
            {clouds.front.map((puff) => (
              <g key={puff.order} transform={`translate(${puff.at[0].toFixed(1)} ${puff.at[1].toFixed(1)})`}>
                <g class={`puff p${puff.shade}`} style={delayOf(puff.order, clouds)}>
                  <path class="st-rain" d={puff.rain} />
                  <path class="st-splash" d={puff.splash} />
                  <path class="st-c" d={puff.shape} />
                  <path class="st-under" d={puff.shape} fill="url(#under)" />
                  <path class="st-curl" d={puff.curls} />
                </g>
              </g>
            ))}
          </g>
        </svg>
      </>
    ),
    [clouds, state, layout],
  )
}

/** The soft shadow: a layer of its own, blurred once and from then on only shown and hidden by the compositor. */
function Shadow({ clouds, layout, state }: { clouds: Clouds; layout: Layout; state: string }) {
  const s = weatherScale(layout)
  const pad = 150 * s
  const xs = clouds.line.map(([x]) => x)
  const ys = clouds.line.map(([, y]) => y)
  const [left, top] = [Math.min(...xs) - pad, Math.min(...ys) - pad]
  return (
    <svg
      class={`sea st-shadows ${state}`}
      aria-hidden="true"
      focusable="false"
      width={layout.width}
      height={layout.height}
    >
      <filter
        id="storm-soft"
        filterUnits="userSpaceOnUse"
        x={left}
        y={top}
        width={Math.max(...xs) + pad - left}
        height={Math.max(...ys) + pad - top}
      >
        <feGaussianBlur stdDeviation={18 * s} />
      </filter>
      <path class="st-shadow" d={clouds.path} stroke-width={96 * s} filter="url(#storm-soft)" />
      <path class="st-haze" d={clouds.path} stroke-width={150 * s} filter="url(#storm-soft)" />
    </svg>
  )
}

function delayOf(order: number, clouds: Clouds): { animationDelay: string } {
  const most = Math.max(1, clouds.front.length - 1)
  return { animationDelay: `${Math.min(60 * order, (order / most) * 660)}ms` }
}

/** Labels and harbour flags with room for a pennant: what a storm never hides. */
function readable(layout: Layout): Box[] {
  const labelHeight = layout.tall ? 34 : 54
  const flag = layout.scale * (layout.tall ? 1.2 : 0.92)
  return seats.flatMap((seat): Box[] => {
    const [left, top] = pointOf(layout.labels, seat)
    const [x, y] = pointOf(layout.islands, seat)
    const [flagX, flagY] = flagSpots[seat] ?? [0, 0]
    const [poleX, poleY] = [x + flagX * layout.scale, y + flagY * layout.scale]
    return [
      [left, top - 8, left + labelWidth(layout, seat), top - 8 + labelHeight],
      [poleX - 2, poleY - 76 * flag, poleX + 40 * flag, poleY - 18 * flag],
    ]
  })
}

/** On a phone a label is its name, or a side below it; elsewhere it has three lines, of which the facts are the longest. */
function labelWidth(layout: Layout, seat: Seat): number {
  return layout.tall ? 32 + Math.max(58, seatName(seat).length * 9) : 168
}

function weatherScale(layout: Layout): number {
  return layout.tall ? Math.max(0.4, layout.scale * 0.8) : layout.scale
}

/** The dotted line a storm leaves behind, with the moment it lifted. */
export function StormTrace({ line, text, layout }: { line: readonly Point[]; text: string; layout: Layout }) {
  const path = useMemo(() => cloudsAlong(line, 1, true, 0), [line])
  const spot = layout.tall ? undefined : textSpot(path.line, layout)
  return (
    <g class="trace">
      <path class="ghost" d={path.path} />
      {spot === undefined ? null : (
        <text class="ghost-t" x={spot.left} y={spot.bottom - 5}>
          {text}
        </text>
      )}
    </g>
  )
}

/** Beside either end of the trace, or anywhere along it, where the moment that it lifted lies on no label. */
function textSpot(line: readonly Point[], layout: Layout): { left: number; bottom: number } | undefined {
  const [width, height] = [130, 20]
  const boxes = readable(layout)
  const ends = [line[0], line.at(-1), ...line.filter((_, at) => at % 4 === 2)]
  for (const end of ends) {
    if (end === undefined) continue
    const bottom = Math.max(height, end[1] + 14)
    for (const left of [end[0] + 12, end[0] - 12 - width]) {
      const isInside = left > 0 && left + width < layout.width && bottom < layout.height - 58
      const isClear = boxes.every(([l, t, r, b]) => left > r || left + width < l || bottom < t || bottom - height > b)
      if (isInside && isClear) return { left, bottom }
    }
  }
  return undefined
}
