/**
 * The part of a stream that deals with lost rights: at the client the way back to the server's state, at the server the
 * answer to writes that may not be made.
 */
import type { Bundle, Version } from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import type { Permission } from './frame.ts'
import { hasRefusable, type Refusal } from './refusal.ts'
import type { StreamHost } from './stream-host.ts'

export class StreamRefusal {
  readonly #host: StreamHost
  readonly #core: DocumentCore
  readonly #askForState: () => void
  #awaiting: Refusal | undefined
  #refusedWrites = 0

  /** `askForState` requests the whole state from the other side. */
  constructor(host: StreamHost, core: DocumentCore, askForState: () => void) {
    this.#host = host
    this.#core = core
    this.#askForState = askForState
  }

  /** Whether a state is on its way that takes the place of ours: until then nothing else is merged. */
  get isAwaiting(): boolean {
    return this.#awaiting !== undefined
  }

  /** Begins to fall back when the server denies writing and something of this profile is not in `theirs`. */
  check(granted: Permission | undefined, theirs: Version, hasContact: boolean, reason: string): void {
    const isDenied = granted === 'no' || (granted === 'read' && hasContact)
    if (!this.#host.isServer || !isDenied || this.isAwaiting) return
    if (!this.#host.hub.rules.refusalFallsBack || !hasRefusable(this.#core, theirs)) return
    const refusal: Refusal = { code: 'forbidden', reason, isFromServer: granted === 'read' }
    if (granted === 'read') {
      this.await(refusal)
      return
    }
    this.#awaiting = refusal
    this.#host.hub.fallBack(this.#core, undefined, refusal, () => this.reset())
  }

  /** Asks for the state to fall back to. */
  await(refusal: Refusal): void {
    this.#awaiting = refusal
    this.#askForState()
  }

  /** A bundle came while a state is awaited: the whole one is taken, others are dropped. */
  take(bundle: Bundle): void {
    const refusal = this.#awaiting
    if (refusal === undefined || bundle.base.size > 0) return
    // What comes until it is done is dropped; afterwards this side opens anew and is sent the rest.
    this.#host.hub.fallBack(this.#core, bundle, refusal, () => {
      this.#host.fail('protocol-error', 'a state that breaks a rule')
    })
  }

  reset(): void {
    this.#awaiting = undefined
  }

  /** Answers writes of whoever may not write, and ends floods of them. */
  refuse(handle: number, writes: number): void {
    const { hub } = this.#host
    this.#refusedWrites += writes
    hub.metrics.refusedWrites += writes
    const reason = 'This connection may not write the document.'
    this.#host.send({ kind: 'refused', handle, code: 'forbidden', reason })
    if (this.#refusedWrites > hub.limits.refusedWrites) this.#host.fail('refused-flood', 'too many refused writes')
  }
}
