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

/** How a node sleeps. */
export interface SleepFault {
  /** Whether the monotonic clock stands still, and with it the timers: a suspended machine, unlike a stopped process. */
  readonly stopsMonotonic: boolean
  /** Whether, after waking, all timers that are due come before what arrived meanwhile; else each in the order of its time. */
  readonly timersFirst: boolean
}

/** The clocks and timers of one opening of a node; `stop` silences every timer, as a crash does. */
export interface NodeTime {
  readonly clock: Clock
  readonly timers: Timers
  readonly isAsleep: boolean
  /** Moves the wall clock by `byMs`, as a user or NTP does. Timers and the monotonic clock do not notice. */
  jump(byMs: number): void
  /** Nothing of the node runs until `wake`. */
  sleep(fault: SleepFault): void
  /** Runs all at once that was due meanwhile. */
  wake(): void
  /** Runs something of the node: now, or when it wakes. */
  hear(run: () => void): void
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
  /** Since when it sleeps, and how. */
  let asleep: (SleepFault & { readonly sinceMs: number }) | undefined
  /** World time that the monotonic clock missed in earlier sleeps. */
  let missedMs = 0
  let held: { readonly isTimer: boolean; readonly run: () => void }[] = []

  const monotonic = (): number => {
    const untilMs = asleep?.stopsMonotonic === true ? asleep.sinceMs : scheduler.nowMs
    return (untilMs - startedMs - missedMs) * speed
  }
  const hold = (isTimer: boolean, run: () => void): void => {
    held.push({ isTimer, run })
  }
  const set = (delayMs: number, fire: () => void): TimerRecord => {
    const record: TimerRecord = { dueMs: monotonic() + Math.max(0, delayMs), fire, scheduled: undefined }
    arm(record, delayMs)
    return record
  }
  const arm = (record: TimerRecord, delayMs: number): void => {
    record.scheduled = scheduler.after(delayMs / speed, () => due(record))
  }
  const due = (record: TimerRecord): void => {
    if (!running || record.fire === undefined) return
    if (asleep !== undefined) hold(true, () => due(record))
    // Of a clock that stood still meanwhile; sums of floats are off by a little.
    else if (missedMs > 0 && record.dueMs - monotonic() > 0.001) arm(record, record.dueMs - monotonic())
    else {
      const { fire } = record
      record.fire = undefined
      fire()
    }
  }
  return {
    clock: {
      now: () => Math.floor(worldEpochMs + fault.skewMs + jumpedMs + scheduler.nowMs * speed),
      monotonic,
    },
    timers: {
      set,
      clear: (handle) => {
        const record = handle as TimerRecord | undefined
        if (record === undefined) return
        record.fire = undefined
        record.scheduled?.cancel()
      },
    },
    get isAsleep() {
      return asleep !== undefined
    },
    jump: (byMs) => {
      jumpedMs += byMs
    },
    sleep: (how) => {
      asleep ??= { ...how, sinceMs: scheduler.nowMs }
    },
    wake: () => {
      if (asleep === undefined) return
      const { stopsMonotonic, timersFirst, sinceMs } = asleep
      if (stopsMonotonic) missedMs += scheduler.nowMs - sinceMs
      asleep = undefined
      const due = held
      held = []
      const inOrder = timersFirst ? [...due].sort((a, b) => Number(b.isTimer) - Number(a.isTimer)) : due
      for (const { run } of inOrder) if (running) run()
    },
    hear: (run) => {
      if (asleep === undefined) run()
      else hold(false, run)
    },
    stop: () => {
      running = false
      held = []
    },
  }
}

interface TimerRecord {
  readonly dueMs: number
  /** Undefined once it fired or was cleared. */
  fire: (() => void) | undefined
  scheduled: Scheduled | undefined
}
