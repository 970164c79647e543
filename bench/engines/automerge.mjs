// Automerge: one `change` per transaction, `getLastLocalChange` for its bytes, `applyChanges` for what arrives, its own
// Counter, and its sync messages for w5. Strings are ImmutableString, as a plain string would become a text CRDT.

import * as A from '@automerge/automerge'
import { exchange } from '../lib/exchange.mjs'

const textOf = (value) => (A.isImmutableString(value) ? value.val : value)

class Replica {
  constructor(doc) {
    this.doc = doc
  }

  save() {
    return A.save(this.doc)
  }

  apply(change) {
    ;[this.doc] = A.applyChanges(this.doc, [change])
  }
}

const plain = (entity) => Object.fromEntries(Object.entries(entity).map(([field, value]) => [field, textOf(value)]))

class Entities extends Replica {
  tick(ids, xs, ys) {
    this.doc = A.change(this.doc, (draft) => {
      const { entities } = draft
      for (let at = 0; at < ids.length; at++) {
        const entity = entities[ids[at]]
        entity.x = xs[at]
        entity.y = ys[at]
      }
    })
    return A.getLastLocalChange(this.doc)
  }

  readOne(id) {
    return plain(this.doc.entities[id])
  }

  read() {
    return Object.fromEntries(Object.entries(this.doc.entities).map(([id, entity]) => [id, plain(entity)]))
  }
}

class Keys extends Replica {
  write(keys, values) {
    this.doc = A.change(this.doc, (draft) => {
      const map = draft.keys
      for (let at = 0; at < keys.length; at++) map[keys[at]] = values[at]
    })
  }

  readKey(key) {
    return this.doc.keys[key]
  }

  read() {
    return new Map(Object.entries(this.doc.keys))
  }
}

class Elements extends Replica {
  write(adds, removes) {
    this.doc = A.change(this.doc, (draft) => {
      const map = draft.keys
      for (const id of adds) map[id] = true
      for (const id of removes) delete map[id]
    })
  }

  read() {
    return Object.keys(this.doc.keys)
  }
}

class Counters extends Replica {
  increment(names, deltas) {
    this.doc = A.change(this.doc, (draft) => {
      const { counters } = draft
      for (let at = 0; at < names.length; at++) counters[names[at]].increment(deltas[at])
    })
    return A.getLastLocalChange(this.doc)
  }

  read() {
    return Object.fromEntries(Object.entries(this.doc.counters).map(([name, counter]) => [name, counter.value]))
  }
}

/** The sync protocol as its documentation says: after every message received, ask whether there is one to send. */
function automergeEnd(replica, starts) {
  let state = A.initSyncState()
  const speak = (send) => {
    const [next, message] = A.generateSyncMessage(replica.doc, state)
    state = next
    if (message !== null) send(message)
  }
  return {
    start(send) {
      if (starts) speak(send)
    },
    receive(bytes, send) {
      ;[replica.doc, state] = A.receiveSyncMessage(replica.doc, state, bytes)
      speak(send)
    },
  }
}

export const engine = {
  w1: {
    create(entities) {
      const copy = structuredClone(entities)
      for (const entity of Object.values(copy)) entity.name = new A.ImmutableString(entity.name)
      return new Entities(A.from({ entities: copy }))
    },
    load: (bytes) => new Entities(A.load(bytes)),
  },
  w2: { create: () => new Keys(A.from({ keys: {} })) },
  w3: {
    create: (names) =>
      new Counters(A.from({ counters: Object.fromEntries(names.map((name) => [name, new A.Counter(0)])) })),
    load: (bytes) => new Counters(A.load(bytes)),
  },
  w4: { create: () => new Elements(A.from({ keys: {} })) },
  w5: {
    create: () => new Keys(A.from({ keys: {} })),
    load: (bytes) => new Keys(A.load(bytes)),
    sync: (left, right) => exchange(automergeEnd(left, true), automergeEnd(right, false)),
  },
  w12: { create: () => new Keys(A.from({ keys: {} })), load: (bytes) => new Keys(A.load(bytes)) },
}
