import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { artNames, emblemOf, flagSpots, islandArt } from '../art/index.ts'
import { type InkFrame, type IslandFrame, type Seat, seatName } from '../frame.ts'
import { sideText } from '../stand.ts'
import { type Layout, type Point, pointOf } from './layout.ts'
import { washOver } from './wash.ts'

export interface IslandProps {
  readonly island: IslandFrame
  readonly ink: InkFrame
  readonly layout: Layout
  readonly selected: boolean
  /** Where the news came ashore, in pixels of the stage; the middle of the island for its own writes. */
  readonly landing: Point | undefined
  /** Counts the merges of this island after a storm; each runs one ring over the water. */
  readonly rings: boolean
  readonly label: string
  onSelect(seat: Seat): void
}

/** The CSS classes that make everything inside a group use an ink. */
export function inkClass(ink: InkFrame): string {
  return `ink-${ink.ink}${ink.tone === 'pale' ? ' pale' : ''}`
}

/** One island: shallows, land, harbour flag. Its colour changes from the point where the boat landed. */
export function Island(props: IslandProps) {
  const { island, ink, layout, selected } = props
  const [x, y] = pointOf(layout.islands, island.seat)
  const [rx, ry] = pointOf(layout.shores, island.seat)
  const scale = layout.scale
  const land = useRef<SVGGElement>(null)
  const water = useRef<SVGGElement>(null)
  const shown = useRef<string>(inkClass(ink))
  const wanted = inkClass(ink)

  useLayoutEffect(() => {
    const group = land.current
    if (group === null || shown.current === wanted) return
    const from = shown.current
    shown.current = wanted
    const at: Point =
      props.landing === undefined ? [0, 0] : [(props.landing[0] - x) / scale, (props.landing[1] - y) / scale]
    washOver({ land: group, water: water.current, from, to: wanted, at, rings: props.rings })
  }, [wanted])

  const name = artNames[island.seat]
  const [flagX, flagY] = flagSpots[island.seat] ?? [0, 0]
  const flagScale = layout.tall ? 1.2 : 0.92
  return (
    // biome-ignore lint/a11y/useSemanticElements: drawn inside an SVG, where a button element cannot be
    <g
      class={`isle isle-${name} ${island.present ? '' : 'absent'}`}
      transform={`translate(${x.toFixed(1)} ${y.toFixed(1)})`}
      tabindex={0}
      role="button"
      aria-label={props.label}
      aria-pressed={selected}
      data-seat={island.seat}
      onClick={() => props.onSelect(island.seat)}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return
        event.preventDefault()
        event.stopPropagation()
        props.onSelect(island.seat)
      }}
    >
      <ellipse class="hit" rx={Math.max(26, rx * 1.1)} ry={Math.max(26, ry * 1.5)} cy={-8 * scale} />
      <g transform={`scale(${scale.toFixed(4)})`}>
        <Glow seat={island.seat} inkName={wanted} />
        <use class="shallows" href={`#shallows-${name}`} />
        <g ref={water} class="ripples" />
      </g>
      <ellipse class={`pick ${selected ? 'picked' : ''}`} rx={rx} ry={ry} cy={3 * scale} />
      <g transform={`scale(${scale.toFixed(4)})`}>
        <Land ref={land} seat={island.seat} first={shown.current} />
        <Flag
          x={flagX}
          y={flagY}
          scale={flagScale}
          flag={island.flag}
          isStarter={island.stand?.lease?.state === 'held'}
        />
      </g>
    </g>
  )
}

/** The land never re-renders: its colour is changed by the wash, which clones it. */
function Land({ ref, seat, first }: { ref: { current: SVGGElement | null }; seat: Seat; first: string }) {
  const initial = useRef(first)
  return <g ref={ref} class={`land ${initial.current}`} dangerouslySetInnerHTML={{ __html: islandArt[seat] ?? '' }} />
}

function Glow({ seat, inkName }: { seat: Seat; inkName: string }) {
  const id = `glow-${seat}`
  return (
    <g class={`glow ${inkName}`}>
      <radialGradient id={id}>
        <stop class="glow-in" offset=".35" />
        <stop class="glow-mid" offset=".68" />
        <stop class="glow-out" offset="1" />
      </radialGradient>
      <ellipse rx="172" ry="96" cy="6" fill={`url(#${id})`} />
    </g>
  )
}

interface FlagProps {
  readonly x: number
  readonly y: number
  readonly scale: number
  readonly flag: string
  /** A pennant above the flag: this island holds the lease of the regatta. */
  readonly isStarter: boolean
}

function Flag({ x, y, scale, flag, isStarter }: FlagProps): ComponentChildren {
  const emblem = emblemOf(flag)
  return (
    <g transform={`translate(${x} ${y}) scale(${scale})`}>
      <use href="#pole" />
      {isStarter ? <path class="pennant" d="M0 -52V-74M0.500 -74L30 -67 0.500 -60z" /> : null}
      {/* A new flag is a new cloth: it is hoisted, the old one is gone. */}
      <g class="hoist" key={flag}>
        <g class="wave">
          <use href="#cloth" />
          {emblem === undefined ? null : <use href={emblem} transform="translate(19 -36) scale(.82)" />}
        </g>
      </g>
    </g>
  )
}

/** What a screen reader says of an island. */
export function islandLabel(island: IslandFrame, notice: string | undefined): string {
  const silent = island.peers.filter((peer) => peer.state === 'silent').map((peer) => seatName(peer.seat))
  const reach = silent.length === 0 ? 'in touch with all' : `silent: ${silent.join(', ')}`
  const side = island.stand === undefined ? '' : `${notice ?? sideText(island.stand)}, `
  const lease = island.stand?.lease?.state === 'held' ? `holds the lease, token ${island.stand.lease.token}, ` : ''
  return `${seatName(island.seat)}, ${side}${reach}, ${lease}flag ${island.flag || 'none'}, ${island.chest.length} in the chest, tally ${island.tally}, digest ${island.digest.slice(0, 4)}`
}
