// Yjs behind both of its update encodings. Chosen for it: nested Y.Map where data is nested, one transaction per write,
// and the 'update' event of the document, which is how every Yjs provider gets the bytes of a transaction. Garbage
// collection of deleted content stays on (the default). Yjs has no counter; its idiom is one entry per writer, summed.

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as random from 'lib0/random'
import * as sync from 'y-protocols/sync'
import * as Y from 'yjs'
import { exchange } from '../lib/exchange.mjs'

const V1 = { event: 'update', apply: Y.applyUpdate, encode: Y.encodeStateAsUpdate, merge: Y.mergeUpdates }
const V2 = { event: 'updateV2', apply: Y.applyUpdateV2, encode: Y.encodeStateAsUpdateV2, merge: Y.mergeUpdatesV2 }

/** A document with the ways all workloads need; `written` is the update of the last local transaction. */
class Replica {
  constructor(format, encodes) {
    this.format = format
    this.doc = new Y.Doc()
    this.written = undefined
    if (encodes) {
      this.doc.on(format.event, (update) => {
        this.written = update
      })
    }
  }

  save() {
    return this.format.encode(this.doc)
  }

  apply(update) {
    this.format.apply(this.doc, update)
  }
}

/** Updates that are merged at a time. */
const MERGED = 30

const FIELDS = ['a', 'b', 'c', 'd']

const textOf = (value) => (value instanceof Y.Map ? value.toJSON() : value)

class Entities extends Replica {
  constructor(format) {
    super(format, true)
    this.entities = this.doc.getMap('entities')
  }

  seed(entities) {
    this.doc.transact(() => {
      for (const [id, fields] of Object.entries(entities)) {
        const entity = new Y.Map()
        for (const [field, value] of Object.entries(fields)) entity.set(field, value)
        this.entities.set(id, entity)
      }
    })
  }

  tick(ids, xs, ys) {
    this.doc.transact(() => {
      for (let at = 0; at < ids.length; at++) {
        const entity = this.entities.get(ids[at])
        entity.set('x', xs[at])
        entity.set('y', ys[at])
      }
    })
    return this.written
  }

  readOne(id) {
    return this.entities.get(id).toJSON()
  }

  read() {
    return this.entities.toJSON()
  }
}

/** A flat map of keys; the shape of w2, w4 and w5. */
class Keys extends Replica {
  constructor(format, encodes = false) {
    super(format, encodes)
    this.keys = this.doc.getMap('keys')
  }

  write(keys, values) {
    this.doc.transact(() => {
      for (let at = 0; at < keys.length; at++) this.keys.set(keys[at], values[at])
    })
  }

  readKey(key) {
    return textOf(this.keys.get(key))
  }

  remove(keys) {
    this.churn([], keys)
  }

  churn(adds, removes) {
    this.doc.transact(() => {
      for (const id of adds) this.keys.set(id, true)
      for (const id of removes) this.keys.delete(id)
    })
  }

  read() {
    return new Map([...this.keys.entries()].map(([key, value]) => [key, textOf(value)]))
  }
}

/** Keys whose transactions are encoded. */
class SentKeys extends Keys {
  constructor(format) {
    super(format, true)
  }

  set(keys, values) {
    this.write(keys, values)
    return this.written
  }

  /** A session of its own, as every tab is one. */
  becomeAnother() {
    this.doc.clientID = random.uint32()
  }

  /** What as many documents wrote that knew of nothing. */
  writePast(writes) {
    let updates = writes.map(([key, value]) => {
      const other = new Keys(this.format)
      other.write([key], [value])
      return other.save()
    })
    // Merging takes the square of how many there are.
    while (updates.length > 1) {
      updates = Array.from({ length: Math.ceil(updates.length / MERGED) }, (_, at) =>
        this.format.merge(updates.slice(at * MERGED, (at + 1) * MERGED)),
      )
    }
    this.apply(updates[0])
  }

  version() {
    return Y.encodeStateVector(this.doc)
  }
}

class Rows extends Keys {
  writeRows(ids, rows) {
    this.doc.transact(() => {
      for (let at = 0; at < ids.length; at++) {
        let row = this.keys.get(ids[at])
        if (row === undefined) {
          row = new Y.Map()
          this.keys.set(ids[at], row)
        }
        FIELDS.forEach((field, place) => {
          row.set(field, rows[at][place])
        })
      }
    })
  }

  readRow(id) {
    const row = this.keys.get(id)
    return FIELDS.map((field) => row.get(field))
  }
}

class Elements extends Keys {
  write(adds, removes) {
    this.churn(adds, removes)
  }

  read() {
    return [...this.keys.keys()]
  }
}

class Counters extends Replica {
  constructor(format, replica) {
    super(format, true)
    this.replica = replica
    this.slots = this.doc.getMap('counters')
  }

  increment(names, deltas) {
    this.doc.transact(() => {
      for (let at = 0; at < names.length; at++) {
        const slot = `${names[at]}:${this.replica}`
        this.slots.set(slot, (this.slots.get(slot) ?? 0) + deltas[at])
      }
    })
    return this.written
  }

  read() {
    const sums = {}
    for (const [slot, value] of this.slots.entries()) {
      const counter = slot.slice(0, slot.indexOf(':'))
      sums[counter] = (sums[counter] ?? 0) + value
    }
    return sums
  }
}

/**
 * The exchange of y-protocols: each end sends its state vector (step 1) and answers the other's with what it lacks
 * (step 2). y-protocols only writes v1 updates, so the v2 engine has the same two messages with a v2 update inside.
 */
export function yjsEnd(doc, format) {
  if (format === V1) {
    return {
      start(send) {
        const out = encoding.createEncoder()
        sync.writeSyncStep1(out, doc)
        send(encoding.toUint8Array(out))
      },
      receive(bytes, send) {
        const out = encoding.createEncoder()
        sync.readSyncMessage(decoding.createDecoder(bytes), out, doc, 'bench')
        if (encoding.length(out) > 0) send(encoding.toUint8Array(out))
      },
    }
  }
  const message = (kind, body) => {
    const out = encoding.createEncoder()
    encoding.writeVarUint(out, kind)
    encoding.writeVarUint8Array(out, body)
    return encoding.toUint8Array(out)
  }
  return {
    start(send) {
      send(message(sync.messageYjsSyncStep1, Y.encodeStateVector(doc)))
    },
    receive(bytes, send) {
      const decoder = decoding.createDecoder(bytes)
      const kind = decoding.readVarUint(decoder)
      const body = decoding.readVarUint8Array(decoder)
      if (kind === sync.messageYjsSyncStep1) send(message(sync.messageYjsSyncStep2, format.encode(doc, body)))
      else format.apply(doc, body, 'bench')
    },
  }
}

/** Builds the adapter of one encoding. */
export function createYjsEngine(version) {
  const format = version === 1 ? V1 : V2
  const loaded = (replica, bytes) => {
    replica.apply(bytes)
    return replica
  }
  return {
    w1: {
      create(entities) {
        const replica = new Entities(format)
        replica.seed(entities)
        return replica
      },
      load: (bytes) => loaded(new Entities(format), bytes),
    },
    w2: { create: () => new Keys(format) },
    w3: {
      create: () => new Counters(format, 'r0'),
      load: (bytes, at) => loaded(new Counters(format, `r${at}`), bytes),
    },
    w4: { create: () => new Elements(format) },
    w5: {
      create: () => new Keys(format),
      load: (bytes) => loaded(new Keys(format), bytes),
      sync: (left, right) => exchange(yjsEnd(left.doc, format), yjsEnd(right.doc, format)),
    },
    w8: {},
    w9: { create: () => new SentKeys(format), open: () => new SentKeys(format) },
    w10: { keys: () => new Keys(format), rows: () => new Rows(format) },
    w11: { create: () => new SentKeys(format), load: (bytes) => loaded(new SentKeys(format), bytes) },
    w12: { create: () => new Keys(format), load: (bytes) => loaded(new Keys(format), bytes) },
  }
}

export { V1 }
