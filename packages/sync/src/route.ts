import { Alarm } from './alarm.ts'
import type { Connection } from './connection.ts'
import { delayUntil } from './delay.ts'
import { createDialer, type Dialer, type DialerInput, type DialerOptions } from './dialer.ts'
import { attemptLater } from './later.ts'
import type { ReplicaCore } from './replica-core.ts'
import type { DialTransport } from './seams.ts'
import type { SessionEnd } from './session.ts'

/** One address that is dialled: carries out what its dialer decides. */
export interface Route {
  readonly name: string
  readonly dialer: Dialer
  readonly connection: Connection | undefined
  /** Why the last connection ended, until the next one is up. */
  readonly lastEnd: SessionEnd | undefined
  start(): void
  hint(): void
  reconnect(): void
  stop(): void
}

type Pace = Pick<DialerOptions, 'baseMs' | 'capMs'>

export function createRoute(core: ReplicaCore, transport: DialTransport, { baseMs, capMs }: Pace): Route {
  const dialer = createDialer({ baseMs, capMs, random: () => core.random.float() })
  const now = (): number => core.clock.monotonic()
  let connection: Connection | undefined
  let lastEnd: SessionEnd | undefined
  const alarm = new Alarm(core.timers)
  /** Grows with each dial: what an older one still brings is ignored. */
  let attempt = 0

  const step = (input: DialerInput): void => {
    for (const effect of dialer.step(input)) {
      if (effect === 'dial') dial()
      else hangUp()
    }
    arm()
    core.changed()
  }
  const arm = (): void => {
    if (dialer.wakeAt === undefined) alarm.clear()
    else alarm.set(delayUntil(dialer.wakeAt, now()), () => step({ kind: 'tick', now: now() }))
  }
  const hangUp = (): void => {
    attempt += 1
    const old = connection
    connection = undefined
    old?.close('peer-closed', 'Dialling again.')
  }
  const down = (end: SessionEnd, productive: boolean): void => {
    lastEnd = end
    step({ kind: 'down', now: now(), productive, refused: end.refused })
  }
  const dial = (): void => {
    attempt += 1
    const mine = attempt
    core.metrics.dials += 1
    // Asked again at each dial: a credential may have expired meanwhile.
    attemptLater(() => transport.token?.()).then(
      (token) => {
        if (mine === attempt && !core.isClosed) connect(mine, token)
      },
      (error: unknown) => {
        core.log('warn', 'token-failed', { route: transport.name, error: String(error) })
        if (mine === attempt) down({ code: 'unauthorized', reason: 'token() failed.', refused: false }, false)
      },
    )
  }
  const connect = (mine: number, token: string | undefined): void => {
    const made = core.connect({
      reliable: transport.reliable,
      initiator: true,
      ...(token === undefined ? {} : { token }),
      route: transport.name,
      remote: transport.name,
    })
    connection = made
    made.endListeners.add((end) => {
      if (mine !== attempt) return
      connection = undefined
      down(end, made.session.isProductive)
    })
    made.establishedListeners.add(() => {
      if (mine !== attempt) return
      lastEnd = undefined
      step({ kind: 'up', now: now() })
    })
    try {
      const link = transport.dial(made.events)
      if (made.isEnded) link.close()
      else made.link = link
    } catch (error) {
      made.close('handshake-failed', String(error))
    }
    made.guard()
  }

  return {
    name: transport.name,
    dialer,
    get connection(): Connection | undefined {
      return connection
    },
    get lastEnd(): SessionEnd | undefined {
      return lastEnd
    },
    start: () => step({ kind: 'start', now: now() }),
    hint: () => {
      connection?.probe()
      step({ kind: 'hint', now: now() })
    },
    reconnect: () => step({ kind: 'reconnect', now: now() }),
    stop: () => {
      step({ kind: 'stop' })
      transport.close?.()
    },
  }
}
