import type { Version } from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import type { StreamVersions } from './stream-versions.ts'

/** What one side of a stream asks the other for because it was lost or cannot be merged, both ways. */
export class StreamNeeds {
  /** Something that was sent here is missing. */
  isOwed = false
  readonly #core: DocumentCore
  readonly #versions: StreamVersions
  #asked: Version | undefined
  /** What the other side asked for, until there is something sound to answer with. */
  #wanted: { readonly version: Version; readonly isFull: boolean } | undefined

  constructor(core: DocumentCore, versions: StreamVersions) {
    this.#core = core
    this.#versions = versions
  }

  /** Asks for what is missing, if something is: once per version and heartbeat, however often it is noticed. */
  ask(handle: number): void {
    if (!this.isOwed) return
    const { version } = this.#core.store
    this.isOwed = false
    if (this.#asked?.equals(version) === true) return
    this.#asked = version
    this.#core.hub.metrics.needs += 1
    this.#versions.send({ kind: 'need', handle, version, full: false })
  }

  /** A heartbeat: what waits for something that is lost is asked for again. */
  tick(): void {
    if (this.#core.store.waiting.changes > 0) this.isOwed = true
    this.#asked = undefined
  }

  /** The other side asks for what comes after `version`, or for all. Answers once there is something sound, and once. */
  wanted(version: Version, isFull: boolean, answer: (version: Version, isFull: boolean) => void): void {
    const { health } = this.#core
    // What takes the place of another state is looked at first: damage would spread.
    if (isFull) health.isSound()
    const isWaiting = this.#wanted !== undefined
    this.#wanted = { version, isFull: isFull || this.#wanted?.isFull === true }
    if (isWaiting) return
    health.whenRebuilt(() => {
      const wanted = this.#wanted
      this.#wanted = undefined
      if (wanted !== undefined) answer(wanted.version, wanted.isFull)
    })
  }
}
