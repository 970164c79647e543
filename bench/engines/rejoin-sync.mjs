// w5 for Rejoin: whole replicas that talk the real protocol, hello and acknowledgements included, over a counted link.
// The replicas have no storage, as the peers have none. The base reaches each replica by joining one that has
// it, outside the clock; then the link ends, all write on their own, and the timed part begins with connecting again.

import { randomBytes } from 'node:crypto'
import { encodeSnapshot, freeRemovals, map, register, schema } from '../../packages/state/dist/index.js'
import { connect, createReplica, noStorage } from '../../packages/sync/dist/index.js'
import { exchange } from '../lib/exchange.mjs'

const Keys = schema({ keys: map(register(0)) })

const clock = { now: () => Date.now(), monotonic: () => performance.now() }
const random = { bytes: (count) => new Uint8Array(randomBytes(count)), float: Math.random }

/** Only what is due at once: the others are heartbeats and give-ups, which a link without trouble never meets. */
const timers = {
  set(delayMs, fire) {
    return delayMs > 0 ? undefined : setImmediate(fire)
  },
  clear(handle) {
    clearImmediate(handle)
  },
}

/** Promises and immediates of one turn, and what these set off. */
async function settle() {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

class SyncedKeys {
  static async open(role = 'peer', limits = {}) {
    const replica = createReplica({ clock, timers, random, storage: noStorage(), role, limits })
    const synced = new SyncedKeys()
    synced.replica = replica
    synced.handle = await replica.open('bench', Keys)
    synced.heard = 0
    synced.handle.subscribe((event) => {
      synced.heard += event.changed.length
    })
    return synced
  }

  write(keys, values) {
    this.handle.change((draft) => {
      for (let at = 0; at < keys.length; at++) draft.keys.get(keys[at]).set(values[at])
    })
  }

  remove(keys) {
    this.handle.change((draft) => {
      for (const key of keys) draft.keys.delete(key)
    })
  }

  /** Frees what removals left, as a server does once it is durable for long: whoever was away is below the floor then. */
  letGo() {
    const { store } = this.handle
    freeRemovals(store, store.version)
  }

  /** How those were answered who came back from below the floor. */
  told() {
    const { joinsBySketch, joinsWhole, joinsContinued } = this.replica.metrics()
    return `${joinsBySketch} by sketch, ${joinsWhole} whole, ${joinsContinued} continued`
  }

  save() {
    return encodeSnapshot(this.handle.store, { compact: true })
  }

  read() {
    return new Map(Object.entries(this.handle.snapshot.keys))
  }

  async close() {
    await this.replica.close()
  }
}

/** A link between two replicas whose frames go where `exchange` carries them. */
class CountedLink {
  constructor() {
    this.listen = {
      kind: 'listen',
      name: 'bench-listen',
      reliable: true,
      listen: (host) => {
        this.host = host
        return { close: () => undefined }
      },
    }
    this.dial = { kind: 'dial', name: 'bench-dial', reliable: true, dial: (events) => this.open(events) }
    this.ends = { listen: this.end(), dial: this.end() }
    this.nets = []
  }

  end() {
    return { send: undefined, events: undefined }
  }

  /** What `exchange` drives: connecting is the first word, frames follow. */
  endOf(synced, side) {
    const end = this.ends[side]
    return {
      start: (send) => {
        end.send = send
        const net = connect(synced.replica, { transports: [this[side]] })
        if (synced.onHealed !== undefined) net.onHealed(synced.onHealed)
        this.nets.push(net)
      },
      receive: (bytes) => {
        end.events?.frame(bytes)
      },
    }
  }

  linkOf(end) {
    return {
      // The link carries at once what it is given: who holds back are the ends, by the credit that they grant.
      bufferedBytes: 0,
      send: (frame) => end.send(frame.slice()),
      close: () => this.shut(),
    }
  }

  open(events) {
    const { listen, dial } = this.ends
    dial.events = events
    listen.events = this.host.accept(this.linkOf(listen), { remote: 'bench', initiator: false })
    queueMicrotask(() => {
      listen.events?.opened()
      dial.events?.opened()
    })
    return this.linkOf(dial)
  }

  shut() {
    for (const end of Object.values(this.ends)) {
      const { events } = end
      end.events = undefined
      events?.closed({ code: 'closed', reason: '', clean: true })
    }
  }

  async close() {
    for (const net of this.nets) await net.close()
    this.shut()
    await settle()
  }
}

/** Connects two replicas until neither has more to say; ending the link again is not part of the exchange. */
async function sync(left, right) {
  const link = new CountedLink()
  const work = await exchange(link.endOf(left, 'listen'), link.endOf(right, 'dial'), settle)
  return { ...work, close: () => link.close() }
}

/** Listens to the report of the next heal. Returns how many conflicts it named. */
export function listen(replica) {
  let report
  replica.onHealed = (event) => {
    report = event
  }
  return () => report?.conflicts.length
}

let origin

/** A server that keeps no changes, only state, and a client that was away. Whoever is there all the time goes on as it is. */
export const returning = {
  async create() {
    origin = await SyncedKeys.open('server', { keptChanges: 0 })
    return origin
  },
  async load(_snapshot, at) {
    if (at === 0) return origin
    const joined = await SyncedKeys.open('client')
    const { close } = await sync(origin, joined)
    await close()
    return joined
  },
  sync,
}

export const synced = {
  async create() {
    origin = await SyncedKeys.open()
    return origin
  },
  async load() {
    const joined = await SyncedKeys.open()
    const { close } = await sync(origin, joined)
    await close()
    return joined
  },
  sync,
}
