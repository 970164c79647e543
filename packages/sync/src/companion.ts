import type { DocumentCore } from './document-core.ts'
import type { Session } from './session.ts'

/**
 * What rides on the connections of a replica beside its documents, as the detection of partitions does: programs without
 * it carry none of it. Called inside of batches.
 */
export interface Companion {
  /** The number under which its asides travel. */
  readonly channel: number
  /** A handshake is done. */
  established(session: Session): void
  /** A connection that was established ends: its documents are still there. */
  ending?(session: Session): void
  /** A connection that was established has ended. */
  ended(session: Session): void
  /** An aside has come. Its bytes may be anything; `session.fail` is for those that no companion would have sent. */
  receive(session: Session, bytes: Uint8Array, now: number): void
  /** Somebody uses a document, which is loaded. */
  used?(document: DocumentCore): void
  /** Nobody here holds a document any more, though connections may carry it; told again whenever one of these ends. */
  idle?(document: DocumentCore): void
  /** More of a document is on the disk, here or at the other side of a connection. */
  stored?(document: DocumentCore): void
  /** A document goes out of memory. */
  dropped?(document: DocumentCore): void
  /** Whether documents that no connection carries yet are still to be brought together over this one. */
  isBehind?(session: Session): boolean
  /** The replica is closed: its connections are still there, and everything else. */
  close?(): void
}

/** By channel. */
export type Companions = Map<number, Companion>
