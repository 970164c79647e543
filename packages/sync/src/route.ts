import { Alarm } from './alarm.ts'
import { delayUntil } from './delay.ts'
import { type Attempt, dialOnce } from './dial-once.ts'
import { createDialer, type DialerInput, type DialerOptions } from './dialer.ts'
import type { ReplicaCore } from './replica-core.ts'
import type { DialTransport } from './seams.ts'
import type { SessionEnd } from './session.ts'

/** What dials: one address, or many under one plan. */
export interface Route {
  /** Whether an attempt is under way. */
  readonly isDialing: boolean
  /** When something is dialled next, on the monotonic clock. */
  readonly wakeAt: number | undefined
  /** Why the last connection ended, until the next one is up. */
  readonly lastEnd: SessionEnd | undefined
  /** Carries out what the application, the platform, or recovery wants of it. */
  on(wish: RouteWish): void
}

/**
 * `hint`: success is likelier now. `probe`: whoever is connected is asked at once whether it is still there.
 * `reconnect`: dial now, and what is up anew.
 */
export type RouteWish = 'start' | 'hint' | 'probe' | 'reconnect' | 'stop'

type Pace = Pick<DialerOptions, 'baseMs' | 'capMs'>

/** The route to one address: carries out what its dialer decides. */
export function createRoute(core: ReplicaCore, transport: DialTransport, pace: Pace): Route {
  const dialer = createDialer({ ...pace, random: () => core.random.float() })
  const now = (): number => core.clock.monotonic()
  let attempt: Attempt | undefined
  let lastEnd: SessionEnd | undefined
  const alarm = new Alarm(core.timers)

  const step = (input: DialerInput): void => {
    for (const effect of dialer.step(input)) {
      if (effect === 'dial') dial()
      else attempt?.giveUp()
    }
    if (dialer.wakeAt === undefined) alarm.clear()
    else alarm.set(delayUntil(dialer.wakeAt, now()), () => step({ kind: 'tick', now: now() }))
    core.changed()
  }
  const dial = (): void => {
    attempt = dialOnce(core, transport, {
      established: () => {
        lastEnd = undefined
        step({ kind: 'up', now: now() })
      },
      ended: (end, productive) => {
        lastEnd = end
        step({ kind: 'down', now: now(), productive, refused: end.refused })
      },
    })
  }

  return {
    get isDialing(): boolean {
      return dialer.state.phase === 'dialing'
    },
    get wakeAt(): number | undefined {
      return dialer.wakeAt
    },
    get lastEnd(): SessionEnd | undefined {
      return lastEnd
    },
    on: (wish) => {
      if (wish === 'hint' || wish === 'probe') attempt?.connection?.probe()
      if (wish !== 'probe') step({ kind: wish, now: now() })
      if (wish === 'stop') transport.close?.()
    },
  }
}
