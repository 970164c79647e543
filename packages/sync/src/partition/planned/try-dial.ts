import type { Companion } from '../../companion.ts'
import { type Deferred, deferred, type Later } from '../../later.ts'
import { noStorage } from '../../no-storage.ts'
import { createReplica, insideOf } from '../../replica.ts'
import type { Clock, DialTransport, Random, Timers } from '../../seams.ts'
import { clusterDocument } from '../../servers/cluster.ts'
import type { Session } from '../../session.ts'
import type { DialStage } from '../dialing/diagnosis-table.ts'
import type { NodeId } from '../roster.ts'
import { addressChannel, decodeAddressMessage, encodeAddressMessage } from './address-wire.ts'
import { dialInStages } from './dial-attempt.ts'

/** What a trial is made with. */
export interface DialTrialOptions {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  /** Who should answer; undefined where that is not known. */
  readonly expected?: NodeId
  /** What we are called among servers, so that our own address is known as that. */
  readonly self?: NodeId
  /** What it is to be let in for. Default: to be one of the cluster, as another server. */
  readonly document?: string
  /** Default 10 s. */
  readonly timeoutMs?: number
  /** Told of stages that are over, as `handshake` and `auth`. */
  readonly onStage: (stage: DialStage, failure?: string) => void
}

/** Codes with which connections end, by what they are called in a diagnosis. */
const codes: Readonly<Record<string, string>> = {
  'protocol-too-old': 'version',
  'protocol-too-new': 'version',
  'protocol-error': 'not-rejoin',
  malformed: 'not-rejoin',
  'too-many-connections': 'full',
  'server-draining': 'http-503',
  'server-storage-failing': 'http-503',
}

/**
 * Dials once as a stranger that has the credential, up to where it is known whether it is let in, and hangs up. Connections that
 * are up are not touched. Settles when it is over; a stage that is not told of never came.
 */
export function tryDial(transport: DialTransport, options: DialTrialOptions): Later<void> {
  const { clock, timers, random, timeoutMs = 10_000 } = options
  // The trial has one time for all of it.
  const timing = { handshakeMs: 2 * timeoutMs }
  const replica = createReplica({ clock, timers, random, storage: noStorage(), timing })
  const core = insideOf(replica)
  const done = deferred<void>()
  const trial = new DialTrial(options, done)
  core.companions.set(addressChannel, trial)
  const attempt = dialInStages(core, transport, {
    established: () => {},
    ended: ({ code }, _, stage) => trial.fail(trial.isEstablished ? 'auth' : stage, codes[code] ?? code),
  })
  const timer = timers.set(timeoutMs, () => {
    const { session } = attempt.connection ?? {}
    trial.fail(
      trial.isEstablished ? 'auth' : session === undefined || session.phase === 'idle' ? 'connect' : 'handshake',
      'timeout',
    )
  })
  return done.later.then(() => {
    timers.clear(timer)
    attempt.giveUp()
    return replica.close()
  })
}

class DialTrial implements Companion {
  readonly channel: number = addressChannel
  isEstablished = false
  readonly #options: DialTrialOptions
  readonly #done: Deferred<void>
  readonly #document: string
  #isOver = false

  constructor(options: DialTrialOptions, done: Deferred<void>) {
    this.#options = options
    this.#done = done
    this.#document = options.document ?? clusterDocument
  }

  fail(stage: DialStage, code: string): void {
    if (this.#isOver) return
    this.#options.onStage(stage, code)
    this.#finish()
  }

  established(session: Session): void {
    const { self, expected, onStage } = this.#options
    const answers = session.peerName
    if (self !== undefined && answers === self) {
      this.fail('handshake', 'self')
      return
    }
    this.isEstablished = true
    onStage('handshake')
    if (expected !== undefined && answers !== expected) this.fail('auth', 'wrong-peer')
    // It says nothing of addresses, nor of who may do what.
    else if (!session.hearsAsides) this.#finish()
    else {
      const bytes = encodeAddressMessage({ kind: 'ask', document: this.#document })
      session.send({ kind: 'aside', channel: addressChannel, bytes })
    }
  }

  ended(): void {}

  receive(session: Session, bytes: Uint8Array): void {
    const decoded = decodeAddressMessage(bytes)
    if (!decoded.ok) {
      session.fail('protocol-error', `${decoded.error.kind}: ${decoded.error.message}`)
      return
    }
    const { value } = decoded
    if (value.kind !== 'given' || value.document !== this.#document || this.#isOver) return
    const isLetIn = this.#document === clusterDocument ? value.permission === 'admin' : value.permission !== 'no'
    if (!isLetIn) {
      this.fail('auth', 'forbidden')
      return
    }
    this.#options.onStage('auth')
    this.#finish()
  }

  #finish(): void {
    this.#isOver = true
    this.#done.resolve()
  }
}
