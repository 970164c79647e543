/**
 * Who is here: one small value per replica and document, never stored.
 *
 * Invariants
 * 1. An entry lives exactly as long as a connection over which it came; heartbeats end silent connections, so there
 *    are no ghosts.
 * 2. Only a server passes on what it heard from one connection to another.
 */
import { ByteWriter, freezeValue, rejoinError, type Value, writeValue } from '@rejoin/state'
import type { PresenceEntry } from './frame.ts'
import type { Hub } from './hub.ts'
import { listen } from './listeners.ts'

/** Presence in one document. */
export interface Presence {
  /** Shows `value` to everybody who has the document open. @throws RejoinError `invalid-value` when it is too large. */
  set(value: Value): void
  /** Shows nothing any more. */
  clear(): void
  /** What others show, by replica id. */
  readonly others: ReadonlyMap<string, Value>
  /** Calls back when `others` changed. Returns the way to stop. */
  subscribe(listener: (others: ReadonlyMap<string, Value>) => void): () => void
}

interface Seen {
  clock: number
  value: Value | undefined
  readonly sources: Set<object>
}

/** Presence with the side that connections see. `source` is the connection's own object. */
export interface PresenceTable extends Presence {
  /** Takes in entries; answers the replicas whose entry changed. */
  receive(entries: readonly PresenceEntry[], source: object): string[]
  /** The connection is gone; answers the replicas that went with it. */
  drop(source: object): string[]
  /** What to tell a connection: everything it did not tell us itself. */
  entriesFor(source: object, relay: boolean): PresenceEntry[]
  /** One replica's entry as to be passed on; `value` absent when it is gone. */
  entry(replica: string): PresenceEntry | undefined
}

/** Presence in one document. `onOwn` is called when what is shown here changed: everybody is to be told. */
export function createPresence(hub: Hub, onOwn: () => void): PresenceTable {
  const { limits } = hub
  const seen = new Map<string, Seen>()
  const listeners = new Set<(others: ReadonlyMap<string, Value>) => void>()
  let clock = 0
  let value: Value | undefined
  let others: ReadonlyMap<string, Value> = new Map()

  const publish = (): void => {
    const next = new Map<string, Value>()
    for (const [replica, entry] of seen) if (entry.value !== undefined) next.set(replica, entry.value)
    others = next
    hub.tell(listeners, next)
  }
  /** Those that left go first; their clocks only guard against frames that come late. */
  const makeRoom = (): boolean => {
    if (seen.size < limits.presenceEntries) return true
    for (const [replica, found] of seen) if (found.value === undefined) return seen.delete(replica)
    return false
  }
  const entry = (replica: string): PresenceEntry | undefined => {
    if (replica === hub.speaksAs) return entryOf(replica, clock, value)
    const found = seen.get(replica)
    if (found === undefined) return undefined
    return entryOf(replica, found.clock, found.value)
  }

  return {
    get others(): ReadonlyMap<string, Value> {
      return others
    },
    set: (shown) => {
      const frozen = freezeValue(shown)
      const writer = new ByteWriter()
      writeValue(writer, frozen)
      if (writer.length > limits.presenceBytes) {
        const details = { bytes: writer.length, limit: limits.presenceBytes }
        throw rejoinError('invalid-value', { reason: 'The presence value is too large.', details })
      }
      clock += 1
      value = frozen
      onOwn()
    },
    clear: () => {
      if (value === undefined) return
      clock += 1
      value = undefined
      onOwn()
    },
    subscribe: (listener) => listen(listeners, listener),
    entry,
    entriesFor: (source, relay) => {
      const entries: PresenceEntry[] = value === undefined ? [] : [entryOf(hub.speaksAs, clock, value)]
      if (!relay) return entries
      for (const [replica, found] of seen) {
        const told = entry(replica)
        if (found.value !== undefined && !found.sources.has(source) && told !== undefined) entries.push(told)
      }
      return entries
    },
    receive: (entries, source) => {
      const changed: string[] = []
      for (const incoming of entries) {
        if (incoming.replica === hub.speaksAs) continue
        const known = seen.get(incoming.replica)
        if (known !== undefined && incoming.clock < known.clock) continue
        if (known === undefined) {
          if (incoming.value === undefined || !makeRoom()) continue
          seen.set(incoming.replica, { clock: incoming.clock, value: incoming.value, sources: new Set([source]) })
          changed.push(incoming.replica)
          continue
        }
        const isNew = incoming.clock > known.clock || (incoming.value === undefined) !== (known.value === undefined)
        if (incoming.value === undefined) known.sources.delete(source)
        else known.sources.add(source)
        if (!isNew) continue
        // Gone over one connection, still here over another.
        if (incoming.value === undefined && incoming.clock === known.clock && known.sources.size > 0) continue
        known.clock = incoming.clock
        known.value = incoming.value
        if (incoming.value === undefined) known.sources.clear()
        changed.push(incoming.replica)
      }
      if (changed.length > 0) publish()
      return changed
    },
    drop: (source) => {
      const gone: string[] = []
      for (const [replica, found] of seen) {
        if (!found.sources.delete(source) || found.sources.size > 0) continue
        gone.push(replica)
        found.value = undefined
      }
      if (gone.length > 0) publish()
      return gone
    },
  }
}

function entryOf(replica: string, clock: number, value: Value | undefined): PresenceEntry {
  return { replica, clock, ...(value === undefined ? {} : { value }) }
}
