import type { DocumentCore } from './document-core.ts'
import type { PresenceEntry } from './frame.ts'
import type { StreamHost } from './stream-host.ts'

/** Entries in one frame. */
const frameEntries = 64

/** Whose presence a stream has to tell the other side. */
export class StreamPresence {
  readonly #host: StreamHost
  readonly #core: DocumentCore
  readonly #changed = new Set<string>()

  constructor(host: StreamHost, core: DocumentCore) {
    this.#host = host
    this.#core = core
  }

  /** What is known of this replica is to be told. */
  add(replica: string): void {
    this.#changed.add(replica)
  }

  /** Tells what has changed. */
  send(handle: number): void {
    if (this.#changed.size === 0) return
    const entries: PresenceEntry[] = []
    for (const replica of this.#changed) {
      const entry = this.#core.presence.entry(replica)
      if (entry !== undefined) entries.push(entry)
    }
    this.#changed.clear()
    for (let i = 0; i < entries.length; i += frameEntries) {
      this.#host.send({ kind: 'presence', handle, entries: entries.slice(i, i + frameEntries) })
    }
  }
}
