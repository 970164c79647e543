import { Version } from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import type { OpenFrame, Permission } from './frame.ts'
import { frameLimits } from './frame-limits.ts'
import type { Session } from './session.ts'

/** What the other side of a session offers, and what became of asking the replica for it. */
export class SessionOffers {
  readonly #session: Session
  readonly #offers = new Map<string, OpenFrame>()
  readonly #providing = new Set<string>()
  /** That they name. */
  #authors = 0

  constructor(session: Session) {
    this.#session = session
  }

  /** The last offer of a document. */
  of(document: string): OpenFrame | undefined {
    return this.#offers.get(document)
  }

  note(frame: OpenFrame): void {
    this.withdraw(frame.document)
    this.#authors += frame.version.size
    this.#offers.set(frame.document, frame)
    const most = frameLimits.offeredAuthors
    // No document has as many: they are made up, to fill the memory. Known ones cost little more.
    if (this.#authors > most && this.#strangers > most) this.#session.fail('protocol-error', 'too many authors')
  }

  /** Authors beyond as many as are known here. */
  get #strangers(): number {
    const { streams } = this.#session
    let sum = 0
    for (const { document, version } of this.#offers.values())
      sum += Math.max(0, version.size - (streams.get(document)?.core.store.version.size ?? 0))
    return sum
  }

  /** The other side takes part no longer. */
  withdraw(document: string): void {
    this.#authors -= this.#offers.get(document)?.version.size ?? 0
    this.#offers.delete(document)
  }

  clear(): void {
    this.#authors = 0
    this.#offers.clear()
  }

  /** Asks for a document that is not open here, on behalf of the other side. */
  provide(frame: OpenFrame): void {
    const session = this.#session
    const { document } = frame
    if (this.#offers.size > session.hub.limits.documentsPerConnection) {
      this.withdraw(document)
      this.#refuse(frame, 'document-limit', 'Too many documents on one connection.')
      return
    }
    if (this.#providing.has(document)) return
    this.#providing.add(document)
    session.hub.provide(
      session,
      frame,
      (core, given) => this.#provided(document, core, given),
      (code, reason) => {
        this.#providing.delete(document)
        this.#refuse(frame, code, reason)
      },
    )
  }

  #provided(document: string, core: DocumentCore | undefined, given: Permission): void {
    this.#providing.delete(document)
    const offer = this.#offers.get(document)
    if (this.#session.phase !== 'established' || offer === undefined) return
    if (given !== 'no' && core !== undefined) this.#session.join(core, given)
    else {
      this.withdraw(document)
      this.#session.send({ kind: 'opened', handle: offer.handle, permission: 'no', version: Version.empty })
    }
  }

  #refuse({ handle }: OpenFrame, code: string, reason: string): void {
    this.#session.send({ kind: 'refused', handle, code, reason })
  }
}
