// Loro: handles of nested maps are fetched once (each fetch crosses into WASM), one commit per transaction, and the bytes
// of a commit are the export since the version before it (`subscribeLocalUpdates` gives the same bytes about a tenth slower
// here). Snapshots keep the whole history (mode 'snapshot'), from which any replica can sync; the size of a shallow one,
// which has dropped it, is in the notes.

import { randomInt } from 'node:crypto'
import { LoroDoc, LoroMap, VersionVector } from 'loro-crdt'
import { exchange } from '../lib/exchange.mjs'

const FIELDS = ['a', 'b', 'c', 'd']

class Replica {
  constructor(bytes) {
    this.doc = new LoroDoc()
    if (bytes) this.doc.import(bytes)
    this.sent = this.doc.oplogVersion()
  }

  /** Commits, and hands out what was written since the last time. */
  commitEncoded() {
    this.doc.commit()
    const update = this.doc.export({ mode: 'update', from: this.sent })
    this.sent = this.doc.oplogVersion()
    return update
  }

  save() {
    return this.doc.export({ mode: 'snapshot' })
  }

  apply(update) {
    this.doc.import(update)
  }

  extra() {
    const shallow = this.doc.export({ mode: 'shallow-snapshot', frontiers: this.doc.frontiers() })
    return { 'shallow snapshot B': shallow.byteLength }
  }
}

class Entities extends Replica {
  constructor(bytes) {
    super(bytes)
    this.entities = this.doc.getMap('entities')
    this.handles = new Map()
  }

  seed(entities) {
    for (const [id, fields] of Object.entries(entities)) {
      const entity = this.entities.setContainer(id, new LoroMap())
      for (const [field, value] of Object.entries(fields)) entity.set(field, value)
      this.handles.set(id, entity)
    }
    this.commitEncoded()
    return this
  }

  tick(ids, xs, ys) {
    for (let at = 0; at < ids.length; at++) {
      const entity = this.handles.get(ids[at])
      entity.set('x', xs[at])
      entity.set('y', ys[at])
    }
    return this.commitEncoded()
  }

  readOne(id) {
    return this.entities.get(id).toJSON()
  }

  read() {
    return this.entities.toJSON()
  }
}

class Keys extends Replica {
  constructor(bytes) {
    super(bytes)
    this.keys = this.doc.getMap('keys')
  }

  write(keys, values) {
    for (let at = 0; at < keys.length; at++) this.keys.set(keys[at], values[at])
    this.doc.commit()
  }

  readKey(key) {
    return this.keys.get(key)
  }

  remove(keys) {
    for (const key of keys) this.keys.delete(key)
    this.doc.commit()
  }

  read() {
    return new Map(this.keys.entries())
  }
}

/** Keys whose transactions are encoded. */
class SentKeys extends Keys {
  set(keys, values) {
    for (let at = 0; at < keys.length; at++) this.keys.set(keys[at], values[at])
    return this.commitEncoded()
  }

  /** A session of its own, as every tab is one. */
  becomeAnother() {
    this.doc.commit()
    this.doc.setPeerId(`${randomInt(2 ** 47)}`)
  }

  /** What as many sessions wrote, none of it encoded. */
  writePast(writes) {
    for (const [key, value] of writes) {
      this.becomeAnother()
      this.write([key], [value])
    }
    this.sent = this.doc.oplogVersion()
  }

  version() {
    return this.doc.oplogVersion().encode()
  }
}

class Rows extends Keys {
  constructor() {
    super()
    this.handles = new Map()
  }

  writeRows(ids, rows) {
    for (let at = 0; at < ids.length; at++) {
      let row = this.handles.get(ids[at])
      if (row === undefined) {
        row = this.keys.setContainer(ids[at], new LoroMap())
        this.handles.set(ids[at], row)
      }
      FIELDS.forEach((field, place) => {
        row.set(field, rows[at][place])
      })
    }
    this.doc.commit()
  }

  readRow(id) {
    const row = this.handles.get(id)
    return FIELDS.map((field) => row.get(field))
  }
}

class Elements extends Keys {
  write(adds, removes) {
    for (const id of adds) this.keys.set(id, true)
    for (const id of removes) this.keys.delete(id)
    this.doc.commit()
  }

  read() {
    return this.keys.keys()
  }
}

class Counters extends Replica {
  constructor(bytes) {
    super(bytes)
    this.counters = new Map()
  }

  counter(name) {
    let counter = this.counters.get(name)
    if (counter === undefined) {
      counter = this.doc.getCounter(name)
      this.counters.set(name, counter)
    }
    return counter
  }

  increment(names, deltas) {
    for (let at = 0; at < names.length; at++) this.counter(names[at]).increment(deltas[at])
    return this.commitEncoded()
  }

  read() {
    return this.doc.toJSON()
  }
}

/** Each end sends its version vector and answers the other's with an export from it. */
function loroEnd(doc) {
  const VERSION = 0
  const UPDATE = 1
  const message = (kind, body) => {
    const bytes = new Uint8Array(body.byteLength + 1)
    bytes[0] = kind
    bytes.set(body, 1)
    return bytes
  }
  return {
    start(send) {
      send(message(VERSION, doc.oplogVersion().encode()))
    },
    receive(bytes, send) {
      const body = bytes.subarray(1)
      if (bytes[0] === UPDATE) doc.import(body)
      else send(message(UPDATE, doc.export({ mode: 'update', from: VersionVector.decode(body) })))
    },
  }
}

export const engine = {
  w1: { create: (entities) => new Entities().seed(entities), load: (bytes) => new Entities(bytes) },
  w2: { create: () => new Keys() },
  w3: { create: () => new Counters(), load: (bytes) => new Counters(bytes) },
  w4: { create: () => new Elements() },
  w5: {
    create: () => new Keys(),
    load: (bytes) => new Keys(bytes),
    sync: (left, right) => exchange(loroEnd(left.doc), loroEnd(right.doc)),
  },
  w8: {},
  w9: { create: () => new SentKeys(), open: () => new SentKeys() },
  w10: { keys: () => new Keys(), rows: () => new Rows() },
  w11: { create: () => new SentKeys(), load: (bytes) => new SentKeys(bytes) },
  w12: { create: () => new Keys(), load: (bytes) => new Keys(bytes) },
}
