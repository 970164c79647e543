import { clockText } from '../frame.ts'
import { Icon } from '../parts/icons.tsx'
import type { Sailing } from '../world/sailing.ts'

/** Speeds of the world. At 1x a boat takes a few seconds: latency is stretched, and the page says so. */
export const speeds = [0.1, 1, 4] as const

export function Transport({ sailing, onShare }: { sailing: Sailing; onShare(): void }) {
  return (
    <div class="transport">
      <StepButtons sailing={sailing} />
      <span
        class="clock num"
        title="Page time. Latency is stretched: a boat takes seconds where a message takes milliseconds."
      >
        {clockText(sailing.head.value, 1)}
      </span>
      <fieldset class="speed" aria-label="Speed">
        {speeds.map((speed) => (
          <button
            key={speed}
            type="button"
            aria-pressed={sailing.speed.value === speed}
            onClick={() => sailing.setSpeed(speed)}
          >
            {speed}×
          </button>
        ))}
      </fieldset>
      <button type="button" class="btn plain" onClick={() => sailing.forkHere()}>
        <Icon name="fork" />
        Fork here
      </button>
      <button type="button" class="btn plain right" onClick={onShare}>
        <Icon name="link" />
        Seed {sailing.seed.value}. Copy this run as a test
      </button>
    </div>
  )
}

export function StepButtons({ sailing }: { sailing: Sailing }) {
  const playing = sailing.playing.value
  return (
    <>
      <button type="button" class="icon" aria-label="One event back" onClick={() => sailing.stepEvent(-1)}>
        <Icon name="back" />
      </button>
      <button type="button" class="playb" aria-label={playing ? 'Pause' : 'Play'} onClick={() => sailing.toggle()}>
        <Icon name={playing ? 'pause' : 'play'} />
      </button>
      <button type="button" class="icon" aria-label="One event on" onClick={() => sailing.stepEvent(1)}>
        <Icon name="forward" />
      </button>
    </>
  )
}
