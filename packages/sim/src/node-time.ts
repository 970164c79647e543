import type { Clock, Timers } from '@rejoin/sync'
import type { Scheduled, Scheduler } from './scheduler.ts'

/** 2026-01-01T00:00:00Z: what the wall clock of a node without skew shows when a world begins. */
export const worldEpochMs: number = Date.UTC(2026, 0, 1)

/** How far a node's clocks are off. */
export interface ClockFault {
  /** Milliseconds its wall clock is ahead (negative: behind). */
  skewMs: number
  /** Relative speed error of both clocks: 0.0001 gains 8.6 s a day. */
  drift: number
}

/** The clocks and timers of one opening of a node; `stop` silences every timer, as a crash does. */
export interface NodeTime {
  readonly clock: Clock
  readonly timers: Timers
  /** Moves the wall clock by `byMs`, as a user or NTP does. Timers and the monotonic clock do not notice. */
  jump(byMs: number): void
  stop(): void
}

/**
 * Clocks of a node that was started now. The wall clock counts from {@link worldEpochMs}, the monotonic one from the
 * start of the opening; both run at `1 + drift` of world speed, and so do the timers.
 */
export function createNodeTime(scheduler: Scheduler, fault: Readonly<ClockFault>): NodeTime {
  const startedMs = scheduler.nowMs
  const speed = 1 + fault.drift
  let jumpedMs = 0
  let running = true
  return {
    clock: {
      now: () => Math.floor(worldEpochMs + fault.skewMs + jumpedMs + scheduler.nowMs * speed),
      monotonic: () => (scheduler.nowMs - startedMs) * speed,
    },
    timers: {
      set: (delayMs, fire) =>
        scheduler.after(delayMs / speed, () => {
          if (running) fire()
        }),
      clear: (handle) => (handle as Scheduled | undefined)?.cancel(),
    },
    jump: (byMs) => {
      jumpedMs += byMs
    },
    stop: () => {
      running = false
    },
  }
}
