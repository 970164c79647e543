import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { clockText, seatName } from '../frame.ts'
import type { Sailing } from '../world/sailing.ts'
import { type ForkTrack, laneOrder, type Mark, scaleEnd, type TimelineModel, tickTimes } from './timeline-model.ts'

interface Scale {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly gap: number
  readonly bar: number
  readonly end: number
  x(at: number): number
  y(lane: number): number
}

/** One ribbon per island. Drag to look back, let go to look on; what lies beyond the playhead is not sailed yet. */
export function Timeline({ sailing }: { sailing: Sailing }) {
  const box = useRef<HTMLDivElement>(null)
  const size = useSignal<readonly [number, number]>([0, 0])
  useLayoutEffect(() => {
    const element = box.current
    if (element === null) return
    const measure = (): void => {
      size.value = [element.clientWidth, element.clientHeight]
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  const [width, height] = size.value
  return (
    <div class="tl-box" ref={box}>
      {width > 0 ? <Chart sailing={sailing} width={width} height={height} /> : null}
    </div>
  )
}

function Chart({ sailing, width, height }: { sailing: Sailing; width: number; height: number }) {
  const scale = scaleFor(width, height, scaleEnd(sailing.edge.value))
  const drag = useRef<number | undefined>(undefined)
  const seekTo = (event: PointerEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect()
    sailing.seek(((event.clientX - box.left - scale.left) / (scale.right - scale.left)) * scale.end)
  }
  const head = sailing.head.value
  return (
    <>
      {/* biome-ignore lint/a11y/useFocusableInteractive: tabindex is written as SVG attributes are, in lower case */}
      <svg
        class="tl"
        width={width}
        height={height}
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: no native slider holds a drawing
        role="slider"
        tabindex={0}
        aria-label="Timeline"
        aria-valuemin={0}
        aria-valuemax={Math.round(sailing.edge.value / 1000)}
        aria-valuenow={Math.round(head / 1000)}
        aria-valuetext={`${clockText(head, 1)} of ${clockText(sailing.edge.value, 1)}`}
        onPointerDown={(event) => {
          if ((event.target as Element).closest('.fork') !== null) return
          drag.current = event.pointerId
          event.currentTarget.setPointerCapture(event.pointerId)
          seekTo(event)
        }}
        onPointerMove={(event) => {
          if (drag.current === event.pointerId) seekTo(event)
        }}
        onPointerUp={() => {
          drag.current = undefined
        }}
      >
        <defs>
          <pattern id="tl-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(24)">
            <path class="tl-h" d="M0 0v6" />
          </pattern>
          <clipPath id="tl-past">
            <rect x="0" y="-20" width={Math.max(0, scale.x(head))} height={height + 40} />
          </clipPath>
        </defs>
        <Lanes scale={scale} tall={height < 90} />
        {head < sailing.edge.value ? (
          <g class="tl-beyond">
            <Body model={sailing.timeline.value} scale={scale} ribbonsOnly={true} />
          </g>
        ) : null}
        <g clip-path="url(#tl-past)">
          <Body model={sailing.timeline.value} scale={scale} ribbonsOnly={false} />
        </g>
        <StormNames sailing={sailing} scale={scale} head={scale.x(head)} />
        <Head x={scale.x(head)} scale={scale} />
        {height >= 90 && scale.x(sailing.edge.value) < scale.right - 190 ? (
          <text
            class="tl-blank"
            x={(scale.x(sailing.edge.value) + scale.right) / 2}
            y={scale.y(2) + 5}
            text-anchor="middle"
          >
            not sailed yet
          </text>
        ) : null}
      </svg>
      {/* Outside the slider: what is inside one is not there for a screen reader. */}
      {/* biome-ignore lint/a11y/useSemanticElements: a group inside a drawing is no fieldset */}
      <svg class="tl forks" width={width} height={height} aria-label="Forks" role="group">
        <Forks sailing={sailing} scale={scale} />
      </svg>
    </>
  )
}

function scaleFor(width: number, height: number, end: number): Scale {
  const isTall = height < 90
  const left = isTall ? 2 : 74
  const right = width - (isTall ? 2 : 8)
  const top = isTall ? 19 : 33
  const gap = isTall ? Math.max(6, (height - 26) / 4.6) : Math.max(14, (height - 62) / 4.2)
  return {
    left,
    right,
    top,
    gap,
    bar: isTall ? 4.6 : 7,
    end,
    x: (at) => left + (Math.min(at, end) / end) * (right - left),
    y: (lane) => top + lane * gap,
  }
}

function Lanes({ scale, tall }: { scale: Scale; tall: boolean }) {
  return (
    <g>
      {laneOrder.map((seat, lane) => (
        <g key={seat}>
          <path class="tl-base" d={`M${scale.left} ${scale.y(lane)}H${scale.right}`} />
          {tall ? null : (
            <text class="tl-n" x="0" y={scale.y(lane) + 4.5}>
              {seatName(seat)}
            </text>
          )}
        </g>
      ))}
      {tall
        ? null
        : tickTimes(scale.end).map((at) => (
            <g key={at}>
              <path class="tl-tick" d={`M${scale.x(at)} ${scale.y(4) + 12}v4`} />
              <text
                class="tl-t"
                x={scale.x(at)}
                y={scale.y(4) + 27}
                text-anchor={at === 0 ? 'start' : at >= scale.end ? 'end' : 'middle'}
              >
                {clockText(at)}
              </text>
            </g>
          ))}
    </g>
  )
}

function Body({ model, scale, ribbonsOnly }: { model: TimelineModel; scale: Scale; ribbonsOnly: boolean }) {
  return (
    <g>
      {ribbonsOnly ? null : <Storms model={model} scale={scale} />}
      {laneOrder.map((seat, lane) =>
        (model.spans[seat] ?? []).map((span) => (
          <rect
            key={`${seat}-${span.from}-${span.ink}-${span.tone}`}
            class={`tl-rib ink-${span.ink} ${span.tone === 'pale' ? 'pale' : ''}`}
            x={scale.x(span.from)}
            y={scale.y(lane) - scale.bar / 2}
            width={Math.max(0.5, scale.x(span.to) - scale.x(span.from))}
            height={scale.bar}
          />
        )),
      )}
      {ribbonsOnly ? null : <Merges model={model} scale={scale} />}
      {ribbonsOnly ? null : <Writes model={model} scale={scale} />}
    </g>
  )
}

function Storms({ model, scale }: { model: TimelineModel; scale: Scale }) {
  return (
    <g>
      {model.storms.map((storm) => {
        const left = scale.x(storm.from)
        const width = Math.max(2, scale.x(storm.to ?? scale.end) - left)
        const top = scale.y(0) - scale.gap * 0.62
        const height = scale.gap * 5.2
        return (
          <g key={storm.from}>
            <rect class="tl-storm" x={left} y={top} width={width} height={height} />
            <rect fill="url(#tl-hatch)" x={left} y={top} width={width} height={height} />
            {storm.split === undefined ? null : (
              <path class="tl-cut" d={jagged(left, left + width, scale.y(storm.split - 0.5))} />
            )}
          </g>
        )
      })}
    </g>
  )
}

/**
 * The names of storms, where they lie on nothing: an earlier one stays, and as long as the playhead would run through a
 * name, it goes ahead of the playhead. Forks have the same height, and are there to be pressed: they come first.
 */
function StormNames({ sailing, scale, head }: { sailing: Sailing; scale: Scale; head: number }) {
  if (scale.left < 10) return null
  const forks = shownForks(sailing).map((fork) => forkReach(fork, scale))
  const y = scale.y(0) - scale.gap * 0.62 - 6
  let free = 0
  return (
    <g>
      {sailing.timeline.value.storms.map((storm) => {
        const width = storm.label.length * 6.6
        const left = scale.x(storm.from) + 1
        if (left > head + 1) return null
        const x = left + width + 8 > head ? head + 11 : left
        if (x < free || x + width > scale.right) return null
        if (forks.some(([from, to]) => x < to && x + width > from)) return null
        free = x + width + 10
        return (
          <text key={storm.from} class="tl-t hi" x={x} y={y}>
            {storm.label}
          </text>
        )
      })}
    </g>
  )
}

function Merges({ model, scale }: { model: TimelineModel; scale: Scale }) {
  if (scale.left < 10) return null
  const gap = scale.bar / 2 + 1
  return (
    <g>
      {model.merges.map((merge) => {
        const a = laneOrder.indexOf(merge.from)
        const b = laneOrder.indexOf(merge.to)
        const way = b > a ? 1 : -1
        const x0 = scale.x(merge.sentAt)
        const x1 = scale.x(merge.at)
        const y0 = scale.y(a) + way * gap
        const y1 = scale.y(b) - way * gap
        const bend = (x1 - x0) * 0.5
        return (
          <g key={`${merge.sentAt}-${merge.at}-${merge.from}-${merge.to}`}>
            <path class="tl-fan" d={`M${x0} ${y0}C${x0 + bend} ${y0 + way * 6} ${x1} ${y1 - way * 8} ${x1} ${y1}`} />
            <path class="tl-arr" d={`M${x1 - 2.4} ${y1 - way * 3.4}L${x1} ${y1}L${x1 + 2.4} ${y1 - way * 3.4}`} />
          </g>
        )
      })}
    </g>
  )
}

function Writes({ model, scale }: { model: TimelineModel; scale: Scale }) {
  const radius = scale.left < 10 ? 3 : 4
  return (
    <g>
      {specialLast(model.marks).map((mark, at) => {
        const x = scale.x(mark.at)
        const y = scale.y(laneOrder.indexOf(mark.seat))
        const key = `${mark.at}-${mark.seat}-${at}`
        const r = radius + 2
        if (mark.kind !== undefined) return <SpecialMark key={key} mark={mark} x={x} y={y} r={r} />
        return mark.conflict ? (
          <path key={key} class="tl-write cf" d={`M${x} ${y - r}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`}>
            <title>{`${mark.text}: concurrent`}</title>
          </path>
        ) : (
          <circle key={key} class="tl-write" cx={x} cy={y} r={radius}>
            <title>{mark.text}</title>
          </circle>
        )
      })}
    </g>
  )
}

/** What is rare is drawn over what is common. */
function specialLast(marks: readonly Mark[]): Mark[] {
  return [...marks.filter(({ kind }) => kind === undefined), ...marks.filter(({ kind }) => kind !== undefined)]
}

/** A refusal is a barred ring, the start of a regatta a pennant. */
function SpecialMark({ mark, x, y, r }: { mark: Mark; x: number; y: number; r: number }) {
  if (mark.kind === 'regatta') {
    return (
      <path class="tl-write" d={`M${x - r * 0.7} ${y - r * 1.3}l${r * 2} ${r * 0.8}l${-r * 2} ${r * 0.8}v${r * 1.1}z`}>
        <title>{mark.text}</title>
      </path>
    )
  }
  const bar = r * 0.62
  return (
    <g class="tl-refused">
      <circle cx={x} cy={y} r={r} />
      <path d={`M${x - bar} ${y + bar}L${x + bar} ${y - bar}`} />
      <title>{mark.text}</title>
    </g>
  )
}

function shownForks(sailing: Sailing): readonly ForkTrack[] {
  return sailing.forks.value.slice(-3)
}

/** Where a fork begins, where its name ends, and where its track ends. */
function forkReach(fork: ForkTrack, scale: Scale): readonly [number, number, number] {
  const from = scale.x(fork.from)
  const to = Math.max(from + 24, scale.x(fork.to))
  return [from, to + 8 + fork.name.length * 6.6, to]
}

function Forks({ sailing, scale }: { sailing: Sailing; scale: Scale }) {
  const rise = scale.left < 10 ? 6 : 12
  return (
    <g>
      {shownForks(sailing).map((fork, at, shown) => {
        const [x0, , x1] = forkReach(fork, scale)
        const y = scale.y(0) - scale.gap * 0.62 - rise - (shown.length - 1 - at) * 0
        return (
          // biome-ignore lint/a11y/useSemanticElements: drawn inside an SVG, where a button element cannot be
          <g
            key={fork.id}
            class="fork"
            role="button"
            tabindex={0}
            aria-label={`${fork.name}, from ${clockText(fork.from)} to ${clockText(fork.to)}: sail on there`}
            onClick={() => sailing.openFork(fork.id)}
            onKeyDown={(event) => {
              if (event.key === 'Enter') sailing.openFork(fork.id)
            }}
          >
            <path class="fk" d={`M${x0} ${y + 10}C${x0} ${y + 1} ${x0 + 4} ${y} ${x0 + 14} ${y}H${x1}`} />
            <circle class="fkd" cx={x0} cy={y + 10} r="3" />
            <circle class="fkd open" cx={x1} cy={y} r="3" />
            {scale.left > 10 ? (
              <text class="tl-t hi" x={x1 + 8} y={y + 4}>
                {fork.name}
              </text>
            ) : null}
          </g>
        )
      })}
    </g>
  )
}

function Head({ x, scale }: { x: number; scale: Scale }) {
  const top = scale.y(0) - scale.gap * 0.62 - 4
  return (
    <g class="tl-head">
      <path d={`M${x} ${top}V${scale.y(4) + 13}`} />
      <path class="knobh" d={`M${x - 5.5} ${top - 8}h11v6l-5.5 6l-5.5 -6z`} />
    </g>
  )
}

function jagged(from: number, to: number, y: number): string {
  let path = `M${from} ${y}`
  for (let x = from, up = true; x < to; x += 6, up = !up) path += `l6 ${up ? -2.4 : 2.4}`
  return path
}
