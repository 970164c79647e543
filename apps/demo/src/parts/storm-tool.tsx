import { type Seat, seatName, seats, secondsText } from '../frame.ts'
import { brush, brushSide } from '../ui.ts'
import type { Sailing } from '../world/sailing.ts'
import { Icon } from './icons.tsx'

/** The one tool on the water: draw a storm, or lift the one there is. */
export function StormTool({ sailing, lit, now }: { sailing: Sailing; lit: boolean; now: number }) {
  const storm = sailing.frame.value.storm
  const using = brush.value
  if (storm !== undefined) {
    return (
      <div class="tool only-wide">
        <span class="lead">
          <Icon name="storm" />
          <span class="num">
            {stormText(storm.mode === 'flicker' ? storm.turnsAt : undefined, storm.shut, now, storm.since)}
          </span>
        </span>
        <button type="button" class="act" onClick={() => sailing.lift()}>
          Lift it
        </button>
      </div>
    )
  }
  if (using === 'keys') return <SideChooser sailing={sailing} />
  return (
    <div class={`tool only-wide ${lit || using === 'draw' ? 'lit' : ''}`}>
      <button
        type="button"
        class="lead"
        aria-pressed={using === 'draw'}
        onClick={() => {
          brush.value = using === 'draw' ? 'off' : 'draw'
        }}
      >
        <Icon name="storm" />
        {using === 'draw' ? 'Drag a line across the water' : 'Draw a storm'}
        <kbd>S</kbd>
      </button>
    </div>
  )
}

/** The storm by keyboard: choose one side, then raise it. */
function SideChooser({ sailing }: { sailing: Sailing }) {
  const side = brushSide.value
  return (
    <fieldset class="tool sides only-wide lit" aria-label="One side of the storm">
      <span class="lead">
        <Icon name="storm" />
        One side:
      </span>
      {seats.map((seat) => (
        <button key={seat} type="button" class="act" aria-pressed={side.has(seat)} onClick={() => toggleSide(seat)}>
          {seatName(seat)}
        </button>
      ))}
      <button type="button" class="act" disabled={!isSplit(side)} onClick={() => raiseSide(sailing)}>
        Raise <kbd>Enter</kbd>
      </button>
    </fieldset>
  )
}

export function toggleSide(seat: Seat): void {
  const next = new Set(brushSide.peek())
  if (!next.delete(seat)) next.add(seat)
  brushSide.value = next
}

/** Raises the storm round the chosen side; nothing happens while the choice splits nobody off. */
export function raiseSide(sailing: Sailing): void {
  const side = brushSide.peek()
  if (!isSplit(side)) return
  const lanes = seats.flatMap((a) =>
    seats.filter((b) => b > a && side.has(a) !== side.has(b)).map((b) => [a, b] as const),
  )
  brush.value = 'off'
  brushSide.value = new Set()
  sailing.raise(undefined, lanes)
}

function isSplit(side: ReadonlySet<Seat>): boolean {
  return side.size > 0 && side.size < seats.length
}

function stormText(turnsAt: number | undefined, shut: boolean, now: number, since: number): string {
  if (turnsAt === undefined) return `Storm for ${secondsText(now - since)}`
  return `${shut ? 'Shut, opens' : 'Open, shuts'} in ${secondsText(Math.max(0, turnsAt - now))}`
}
