/**
 * The receiving half of a stream: frames become changes and whole bundles. It decides nothing about merging.
 */
import {
  type AuthorId,
  type Bundle,
  type Change,
  type ChangeDecoder,
  createChangeDecoder,
  type DecodeError,
  decodeBundle,
  type Result,
} from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import type { Frame } from './frame.ts'
import { transferKind } from './join/join-codec.ts'
import { sealRow } from './rows.ts'
import type { StreamHost } from './stream-host.ts'
import type { StreamVersions } from './stream-versions.ts'

/** What a piece of a bundle came to. */
export type Received =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'bundle'; readonly bundle: Bundle; readonly bytes: Uint8Array }
  /** An answer to who asked for a join, or more of one. */
  | { readonly kind: 'join'; readonly bytes: Uint8Array }
  /** The end of a bundle whose beginning is not here: it has to be asked for again. */
  | { readonly kind: 'need' }
  | { readonly kind: 'malformed'; readonly reason: string }

export class StreamReceiver {
  /** Incarnations whose work came this way: their acknowledgement goes back. */
  readonly brought: Set<AuthorId> = new Set()
  readonly #host: StreamHost
  readonly #core: DocumentCore
  readonly #versions: StreamVersions
  readonly #decoder: ChangeDecoder

  constructor(host: StreamHost, core: DocumentCore, versions: StreamVersions) {
    this.#host = host
    this.#core = core
    this.#versions = versions
    const limits = { maxChanges: 20_000, maxOps: 200_000 }
    this.#decoder = createChangeDecoder(limits, () => core.store.tree, versions.lookup)
  }

  /** The changes of a frame. To be called for every such frame, also unwelcome ones: the stream has a state. */
  changes(bytes: Uint8Array): Result<Change[], DecodeError> {
    return this.#decoder.decode(bytes)
  }

  /** Takes in a piece of a bundle. */
  piece(frame: Extract<Frame, { readonly kind: 'bundle' }>): Received {
    const { transfer, totalBytes, offset, chunk } = frame
    const { staging, keys } = this.#core
    const { queue } = this.#host.hub
    const outcome = staging.add(transfer, this.#host.peerReplica, totalBytes, offset, chunk)
    switch (outcome.kind) {
      case 'too-large':
        return { kind: 'malformed', reason: `a bundle of ${totalBytes} bytes` }
      case 'ignored':
        return { kind: isLast(frame) ? 'need' : 'nothing' }
      case 'staged':
        if (outcome.durable) {
          queue.push([{ kind: 'put', key: keys.chunk(transfer, totalBytes, offset), bytes: sealRow(chunk) }])
        }
        return { kind: 'nothing' }
      case 'complete':
        if (outcome.durable) queue.push([{ kind: 'delete-prefix', prefix: keys.transferPrefix(transfer) }])
        return this.#whole(outcome.bytes)
    }
  }

  /** To be called with every piece, also unwelcome ones: after a bundle contexts come whole again (C2). */
  passed(frame: Extract<Frame, { readonly kind: 'bundle' }>): boolean {
    if (!isLast(frame)) return false
    this.#decoder.bundleReceived()
    return true
  }

  /** Notes whose work a bundle brings. */
  brings({ version, base }: Bundle): void {
    for (const [author, seq] of version.entries()) if (seq > base.get(author)) this.brought.add(author)
  }

  #whole(bytes: Uint8Array): Received {
    if (transferKind(bytes) !== 'bundle') return { kind: 'join', bytes }
    const decoded = decodeBundle(bytes, this.#versions.lookup)
    if (!decoded.ok) {
      // Told by a version of an earlier connection, which is not held here any more.
      if (decoded.error.kind === 'unknown-base') return { kind: 'need' }
      return { kind: 'malformed', reason: decoded.error.message }
    }
    return { kind: 'bundle', bundle: decoded.value, bytes }
  }
}

function isLast(frame: Extract<Frame, { readonly kind: 'bundle' }>): boolean {
  return frame.offset + frame.chunk.length === frame.totalBytes
}
