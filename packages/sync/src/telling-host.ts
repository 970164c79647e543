import type { Bundle } from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import type { DocumentStream } from './document-stream.ts'
import type { Frame } from './frame.ts'
import type { Hub } from './hub.ts'
import type { Refusal } from './refusal.ts'
import type { StreamHost } from './stream-host.ts'
import { type StreamVersions, tellsVersion } from './stream-versions.ts'

/** The session of a stream, to which every version goes as the stream tells it. */
export class TellingHost implements StreamHost {
  readonly hub: Hub
  readonly #host: StreamHost
  readonly #versions: StreamVersions

  constructor(host: StreamHost, versions: StreamVersions) {
    this.hub = host.hub
    this.#host = host
    this.#versions = versions
  }

  get isServer(): boolean {
    return this.#host.isServer
  }

  get isSameProfile(): boolean {
    return this.#host.isSameProfile
  }

  get peerName(): string {
    return this.#host.peerName
  }

  get peerReplica(): string {
    return this.#host.peerReplica
  }

  get peerFrameBytes(): number {
    return this.#host.peerFrameBytes
  }

  get joinsBySketch(): boolean {
    return this.#host.joinsBySketch
  }

  get namesVersions(): boolean {
    return this.#host.namesVersions
  }

  get tellsSubtrees(): boolean {
    return this.#host.tellsSubtrees
  }

  get contactKey(): string | undefined {
    return this.#host.contactKey
  }

  send(frame: Frame): void {
    this.#host.send(tellsVersion(frame) ? this.#versions.told(frame) : frame)
  }

  isCongested(): boolean {
    return this.#host.isCongested()
  }

  wakeStream(stream: DocumentStream): void {
    this.#host.wakeStream(stream)
  }

  fail(code: 'protocol-error' | 'refused-flood', reason: string): void {
    this.#host.fail(code, reason)
  }

  fallBack(core: DocumentCore, state: Bundle | undefined, refusal: Refusal, failed: () => void): void {
    this.#host.fallBack(core, state, refusal, failed)
  }
}
