import type { Frame, Seat, StormMode } from '../frame.ts'
import { seats } from '../frame.ts'
import { Icon } from '../parts/icons.tsx'
import { seatSpots } from '../parts/ring-glyph.tsx'
import { inkClass } from '../sea/island.tsx'
import { drawerOpen, keysOpen, theme, toggleTheme } from '../ui.ts'

/** The presets, and which island each begins with. */
export const presets: readonly {
  readonly mode: Exclude<StormMode, 'brush'>
  readonly text: string
  /** What it cuts, for whoever cannot tell it from the glyph. */
  readonly hint: string
  readonly seat: Seat
  readonly glyph: string
  readonly dashed?: boolean
}[] = [
  {
    mode: 'isolate-one',
    text: 'Isolate one',
    hint: 'Needle alone, cut from all others',
    seat: 1,
    glyph: 'M1.5 13C6 12 8 8.5 7 2.5',
  },
  {
    mode: 'halves',
    text: 'Halves',
    hint: 'three islands here, two there',
    seat: 1,
    glyph: 'M13.2 1C10.5 7 9.5 12 10 19',
  },
  {
    mode: 'one-way',
    text: 'One-way',
    hint: 'two islands hear the others, but are not heard',
    seat: 1,
    glyph: 'M6.5 9.5H13M11 7.5l2 2 -2 2',
  },
  {
    mode: 'flicker',
    text: 'Flicker',
    hint: 'two sides, cut and joined by turns',
    seat: 1,
    glyph: 'M13.2 1C10.5 7 9.5 12 10 19',
    dashed: true,
  },
  {
    mode: 'bridge',
    text: 'Bridge',
    hint: 'two sides that Lantern alone still joins',
    seat: 0,
    glyph: 'M10.6 8C10.2 11.5 10 15 10 19',
  },
  {
    mode: 'majorities-ring',
    text: 'Majorities',
    hint: 'every island reaches its two neighbours only',
    seat: 1,
    glyph: 'M7.4 10.4a2.8 2.8 0 1 0 5.6 0a2.8 2.8 0 1 0 -5.6 0',
  },
]

export interface TopBarProps {
  readonly frame: Frame
  readonly mode: 'simulated' | 'live'
  readonly storm: StormMode | undefined
  onPreset(mode: Exclude<StormMode, 'brush'>, seat: Seat): void
  onMode(mode: 'simulated' | 'live'): void
  onShare(): void
}

export function TopBar({ frame, mode, storm, onPreset, onMode, onShare }: TopBarProps) {
  return (
    <header class="bar">
      <div class="brand">
        <svg viewBox="-15 -15 30 30" width="26" height="26" aria-hidden="true" focusable="false">
          {seats.map((seat) => {
            const [x, y] = seatSpots[seat] ?? [0, 0]
            const ink = frame.inks[seat]
            return (
              <g key={seat} class={ink === undefined ? '' : inkClass(ink)}>
                <circle cx={x} cy={y} r="3.4" />
              </g>
            )
          })}
          <path d="M-4 0q2 -2.2 4 0t4 0" />
        </svg>
        <span>Archipelago</span>
      </div>
      {mode === 'simulated' ? (
        <nav class="presets only-wide" aria-label="Storm presets">
          {presets.map((preset) => (
            <button
              key={preset.mode}
              type="button"
              aria-pressed={storm === preset.mode}
              title={`${preset.text}: ${preset.hint}`}
              onClick={() => onPreset(preset.mode, preset.seat)}
            >
              <PresetGlyph path={preset.glyph} dashed={preset.dashed ?? false} />
              <span>{preset.text}</span>
            </button>
          ))}
        </nav>
      ) : null}
      <fieldset class="mode" aria-label="Where this runs">
        <button type="button" aria-pressed={mode === 'simulated'} onClick={() => onMode('simulated')}>
          <span>Simulated</span>
        </button>
        <button type="button" aria-pressed={mode === 'live'} onClick={() => onMode('live')}>
          <span>Live</span>
        </button>
      </fieldset>
      <button
        type="button"
        class="icon"
        aria-label={mode === 'live' ? 'Copy a link to this sea' : 'Copy a link to this run'}
        onClick={onShare}
      >
        <Icon name="link" />
      </button>
      <button
        type="button"
        class="icon"
        aria-label={`Switch to ${theme.value === 'dark' ? 'light' : 'dark'}`}
        onClick={() => toggleTheme()}
      >
        <Icon name="theme" />
      </button>
      <button
        type="button"
        class="icon only-wide"
        aria-label="Keyboard map"
        onClick={() => {
          keysOpen.value = true
        }}
      >
        <Icon name="help" />
      </button>
      <button
        type="button"
        class="icon only-drawer"
        aria-label="Details"
        aria-expanded={drawerOpen.value}
        onClick={() => {
          drawerOpen.value = !drawerOpen.value
        }}
      >
        <Icon name="chart" />
      </button>
    </header>
  )
}

export function PresetGlyph({ path, dashed }: { path: string; dashed: boolean }) {
  return (
    <svg class="pg" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
      {[
        [10, 3.2],
        [16.6, 8],
        [14.1, 15.8],
        [5.9, 15.8],
        [3.4, 8],
      ].map(([x, y]) => (
        <circle key={x} cx={x} cy={y} r="1.7" />
      ))}
      <path class={dashed ? 'dashes' : ''} d={path} />
    </svg>
  )
}
