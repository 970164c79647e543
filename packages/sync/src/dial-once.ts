import type { Connection } from './connection.ts'
import { attemptLater } from './later.ts'
import type { ReplicaCore } from './replica-core.ts'
import type { DialTransport } from './seams.ts'
import type { SessionEnd } from './session.ts'

/** One attempt to be connected at an address, and the connection that comes of it. */
export interface Attempt {
  /** Undefined before the credential is there, and after its end. */
  readonly connection: Connection | undefined
  /** Ends it without another word to whoever began it. */
  giveUp(): void
}

/** What is told of an attempt: `established` once or never, and `ended` once, if it is not given up before. */
export interface AttemptEvents {
  established(connection: Connection): void
  /** `productive`: documents made progress over it. */
  ended(end: SessionEnd, productive: boolean): void
}

/** Dials an address once. What is told may be told before it answers. */
export function dialOnce(core: ReplicaCore, transport: DialTransport, told: AttemptEvents): Attempt {
  let connection: Connection | undefined
  let isOver = false
  const end = (why: SessionEnd, productive: boolean): void => {
    connection = undefined
    if (isOver) return
    isOver = true
    told.ended(why, productive)
  }
  const connect = (token: string | undefined): void => {
    const made = core.connect({
      reliable: transport.reliable,
      initiator: true,
      ...(token === undefined ? {} : { token }),
      route: transport.name,
      remote: transport.name,
    })
    connection = made
    made.endListeners.add((why) => end(why, made.session.isProductive))
    made.establishedListeners.add(() => {
      if (!isOver) told.established(made)
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
  core.metrics.dials += 1
  // Asked again at each dial: a credential may have expired meanwhile.
  attemptLater(() => transport.token?.()).then(
    (token) => {
      if (!isOver && !core.isClosed) connect(token)
    },
    (error: unknown) => {
      core.log('warn', 'token-failed', { route: transport.name, error: String(error) })
      end({ code: 'unauthorized', reason: 'token() failed.', refused: false }, false)
    },
  )
  return {
    get connection(): Connection | undefined {
      return connection
    },
    giveUp: () => {
      isOver = true
      connection?.close('peer-closed', 'The other side closed its connections.')
    },
  }
}
