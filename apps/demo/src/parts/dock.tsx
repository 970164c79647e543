import { useSignal } from '@preact/signals'
import { PresetGlyph, presets } from '../bar/top-bar.tsx'
import { StepButtons, speeds } from '../time/transport.tsx'
import { brush } from '../ui.ts'
import type { Sailing } from '../world/sailing.ts'
import { Icon } from './icons.tsx'

/** The phone's controls, in reach of a thumb. */
export function Dock({ sailing }: { sailing: Sailing }) {
  const open = useSignal(false)
  const storm = sailing.frame.value.storm
  const at = speeds.indexOf(sailing.speed.value as (typeof speeds)[number])
  return (
    <>
      {open.value ? (
        <fieldset class="storm-sheet only-tall-grid" aria-label="Storms">
          <p>Drag a line across the water, or take one of these.</p>
          {presets.map((preset) => (
            <button
              key={preset.mode}
              type="button"
              onClick={() => {
                open.value = false
                sailing.storm(preset.mode, preset.seat)
              }}
            >
              <PresetGlyph path={preset.glyph} dashed={preset.dashed ?? false} />
              <b>{preset.text}</b>
              <small>{preset.hint}</small>
            </button>
          ))}
        </fieldset>
      ) : null}
      <nav class="dock" aria-label="Controls">
        <StepButtons sailing={sailing} />
        <button
          type="button"
          class="speedb"
          aria-label={`Speed ${sailing.speed.value} times`}
          onClick={() => sailing.setSpeed(speeds[(at + 1) % speeds.length] ?? 1)}
        >
          {sailing.speed.value}×
        </button>
        <button
          type="button"
          class="stormb"
          aria-expanded={open.value}
          onClick={() => {
            if (storm !== undefined) sailing.lift()
            else {
              open.value = !open.value
              brush.value = 'off'
            }
          }}
        >
          <Icon name={storm === undefined ? 'storm' : 'lift'} />
          {storm === undefined ? 'Storms' : 'Lift storm'}
        </button>
      </nav>
    </>
  )
}
