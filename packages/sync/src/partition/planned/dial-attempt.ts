import type { Connection } from '../../connection.ts'
import { type Attempt, dialOnce } from '../../dial-once.ts'
import type { ReplicaCore } from '../../replica-core.ts'
import type { DialTransport } from '../../seams.ts'
import type { SessionEnd } from '../../session.ts'
import type { DialStage } from '../dialing/diagnosis-table.ts'

/** What is told of an attempt, as of `dialOnce`; of a failure also how far it had come. */
export interface StagedEvents {
  established(connection: Connection): void
  ended(end: SessionEnd, productive: boolean, stage: DialStage): void
}

/** Codes with which a replica is turned away for what it is, and not for what it said. */
const authCodes: ReadonlySet<string> = new Set(['unauthorized', 'token-too-long'])

/** Dials once, and tells of a failure at which stage it came. */
export function dialInStages(core: ReplicaCore, transport: DialTransport, told: StagedEvents): Attempt {
  let stage: DialStage = 'connect'
  const staged: DialTransport = {
    ...transport,
    dial: (events) =>
      transport.dial({
        ...events,
        opened: () => {
          stage = 'handshake'
          events.opened()
        },
        closed: (reason) => {
          stage = reason.stage ?? stage
          events.closed(reason)
        },
      }),
  }
  return dialOnce(core, staged, {
    established: (connection) => told.established(connection),
    ended: (end, productive) => told.ended(end, productive, authCodes.has(end.code) ? 'auth' : stage),
  })
}
