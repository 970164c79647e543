// Rejoin: typed documents through the public API, as an application uses them, with one change listener on each. Bytes are
// those of a connection (`createChangeEncoder`), which names a key once. Snapshots are compact: removal records are
// dropped and the floor says so, after which any replica can still merge (by a full join); the size with removal records
// is in the notes.

import { randomBytes } from 'node:crypto'
import { versionName } from '@rejoin/state'
import {
  authorIdFrom,
  counter,
  createChangeDecoder,
  createChangeEncoder,
  createStore,
  encodeSnapshot,
  encodeVersion,
  loadSnapshot,
  map,
  openDocument,
  register,
  schema,
  set,
} from '../../packages/state/dist/index.js'
import { listen, returning, synced } from './rejoin-sync.mjs'

const Entities = schema({ entities: map({ x: register(0), y: register(0), hp: register(0), name: register('') }) })
const Keys = schema({ keys: map(register(0)) })
const Rows = schema({ rows: map({ a: register(0), b: register(0), c: register(0), d: register(0) }) })
const Elements = schema({ elements: set() })
const Counters = schema({ counters: map(counter()) })

const newAuthor = () => authorIdFrom(randomBytes(8).toString('hex'))
const now = () => Date.now()

/** Unwraps a result; a refusal is a wrong outcome. */
function accepted(result) {
  if (!result.ok) throw new Error(`refused: ${result.error.message}`)
  return result.value
}

class Replica {
  constructor(Schema, bytes) {
    this.store = createStore({ newAuthor, now })
    if (bytes) accepted(loadSnapshot(this.store, bytes))
    this.doc = openDocument(Schema, this.store)
    /** What both ends of a connection hold when it begins, as its version exchange tells them. */
    this.shared = this.store.version
    this.encoder = createChangeEncoder()
    const named = (name) => (name === versionName(this.shared) ? this.shared : undefined)
    this.decoder = createChangeDecoder({}, () => this.store.tree, named)
    this.heard = 0
    this.doc.subscribe((event) => {
      this.heard += event.changed.length
    })
  }

  send(change) {
    return this.encoder.encode([change])
  }

  apply(bytes) {
    for (const change of accepted(this.decoder.decode(bytes))) {
      const outcome = this.store.applyChange(change)
      if (outcome !== 'applied') throw new Error(`a change was not applied: ${outcome}`)
    }
  }

  save() {
    return encodeSnapshot(this.store, { compact: true })
  }

  extra() {
    return { 'snapshot with removal records B': encodeSnapshot(this.store).byteLength }
  }
}

class EntitiesReplica extends Replica {
  constructor(bytes) {
    super(Entities, bytes)
  }

  seed(entities) {
    this.doc.change((draft) => {
      for (const [id, { x, y, hp, name }] of Object.entries(entities)) {
        const entity = draft.entities.get(id)
        entity.x.set(x)
        entity.y.set(y)
        entity.hp.set(hp)
        entity.name.set(name)
      }
    })
    return this
  }

  tick(ids, xs, ys) {
    const change = this.doc.change((draft) => {
      for (let at = 0; at < ids.length; at++) {
        const entity = draft.entities.get(ids[at])
        entity.x.set(xs[at])
        entity.y.set(ys[at])
      }
    })
    return this.send(change)
  }

  readOne(id) {
    return this.doc.snapshot.entities[id]
  }

  read() {
    return this.doc.snapshot.entities
  }
}

class KeysReplica extends Replica {
  constructor(bytes) {
    super(Keys, bytes)
  }

  write(keys, values) {
    this.doc.change((draft) => {
      for (let at = 0; at < keys.length; at++) draft.keys.get(keys[at]).set(values[at])
    })
    return this
  }

  /** One transaction, encoded. */
  set(keys, values) {
    const change = this.doc.change((draft) => {
      for (let at = 0; at < keys.length; at++) draft.keys.get(keys[at]).set(values[at])
    })
    return this.send(change)
  }

  readKey(key) {
    let value
    this.doc.change((draft) => {
      value = draft.keys.get(key).get()
    })
    return value
  }

  handle(key) {
    return this.doc.field('keys', key)
  }

  setByHandle(handles, values) {
    return this.doc.change(() => {
      for (let at = 0; at < handles.length; at++) handles[at].set(values[at])
    })
  }

  /** Another session: another author, over another connection. */
  becomeAnother() {
    this.store.renewAuthor()
    this.shared = this.store.version
    this.encoder = createChangeEncoder(() => [this.shared])
  }

  /** As a connection tells it that began with this session: by what differs from what both ends hold. */
  version() {
    return encodeVersion(this.store.version, this.shared)
  }

  read() {
    return new Map(Object.entries(this.doc.snapshot.keys))
  }
}

class RowsReplica extends Replica {
  constructor() {
    super(Rows)
  }

  writeRows(ids, rows) {
    this.doc.change((draft) => {
      for (let at = 0; at < ids.length; at++) {
        const row = draft.rows.get(ids[at])
        row.a.set(rows[at][0])
        row.b.set(rows[at][1])
        row.c.set(rows[at][2])
        row.d.set(rows[at][3])
      }
    })
  }

  readRow(id) {
    const row = this.doc.snapshot.rows[id]
    return [row.a, row.b, row.c, row.d]
  }
}

class ElementsReplica extends Replica {
  constructor() {
    super(Elements)
  }

  write(adds, removes) {
    this.doc.change((draft) => {
      for (const id of adds) draft.elements.add(id)
      for (const id of removes) draft.elements.delete(id)
    })
  }

  read() {
    return this.doc.snapshot.elements
  }
}

class CountersReplica extends Replica {
  constructor(bytes) {
    super(Counters, bytes)
  }

  seed(names) {
    this.doc.change((draft) => {
      for (const name of names) draft.counters.get(name).add(0)
    })
    return this
  }

  increment(names, deltas) {
    const change = this.doc.change((draft) => {
      for (let at = 0; at < names.length; at++) draft.counters.get(names[at]).add(deltas[at])
    })
    return this.send(change)
  }

  read() {
    return this.doc.snapshot.counters
  }
}

export const engine = {
  w1: {
    create: (entities) => new EntitiesReplica().seed(entities),
    load: (bytes) => new EntitiesReplica(bytes),
  },
  w2: { create: () => new KeysReplica() },
  w3: { create: (names) => new CountersReplica().seed(names), load: (bytes) => new CountersReplica(bytes) },
  w4: { create: () => new ElementsReplica() },
  w5: synced,
  w8: { reports: true, listen },
  w9: { create: () => new KeysReplica(), open: () => new KeysReplica() },
  w10: { keys: () => new KeysReplica(), rows: () => new RowsReplica() },
  w11: { create: () => new KeysReplica(), load: (bytes) => new KeysReplica(bytes) },
  w12: { create: () => new KeysReplica(), load: (bytes) => new KeysReplica(bytes) },
  w13: returning,
}
