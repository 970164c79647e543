// TinyBase: a MergeableStore, one `transaction` per write, its own change sets (`getTransactionMergeableChanges` in the
// listener at the end of a transaction, `applyMergeableChanges` at the other side) as JSON, which is what its WebSocket
// synchronizer sends. Counters are one cell per writer, summed. w5 runs its own Synchronizer over a counted link.

import { createMergeableStore } from 'tinybase'
import { createCustomSynchronizer } from 'tinybase/synchronizers'
import { exchange } from '../lib/exchange.mjs'

const TABLE = 't'
const CELL = 'v'
/** How TinyBase itself writes an undefined cell, which JSON would turn into null. */
const UNDEFINED = '\uFFFC'
const encoder = new TextEncoder()
const decoder = new TextDecoder()

const toBytes = (content) =>
  encoder.encode(JSON.stringify(content, (_key, value) => (value === undefined ? UNDEFINED : value)))
const fromBytes = (bytes) => {
  const text = decoder.decode(bytes)
  return text.includes(UNDEFINED)
    ? JSON.parse(text, (_key, value) => (value === UNDEFINED ? undefined : value))
    : JSON.parse(text)
}

class Replica {
  constructor(replica, bytes) {
    this.store = createMergeableStore(`r${replica}`)
    if (bytes) this.store.setMergeableContent(fromBytes(bytes))
    this.written = undefined
  }

  encoding() {
    this.store.addDidFinishTransactionListener(() => {
      this.written = encoder.encode(JSON.stringify(this.store.getTransactionMergeableChanges()))
    })
    return this
  }

  apply(bytes) {
    this.store.applyMergeableChanges(JSON.parse(decoder.decode(bytes)))
  }

  save() {
    return toBytes(this.store.getMergeableContent())
  }
}

class Entities extends Replica {
  tick(ids, xs, ys) {
    const { store } = this
    store.transaction(() => {
      for (let at = 0; at < ids.length; at++) {
        store.setCell(TABLE, ids[at], 'x', xs[at])
        store.setCell(TABLE, ids[at], 'y', ys[at])
      }
    })
    return this.written
  }

  readOne(id) {
    return this.store.getRow(TABLE, id)
  }

  read() {
    return this.store.getTable(TABLE)
  }
}

class Keys extends Replica {
  write(keys, values) {
    const { store } = this
    store.transaction(() => {
      for (let at = 0; at < keys.length; at++) store.setCell(TABLE, keys[at], CELL, values[at])
    })
  }

  readKey(key) {
    return this.store.getCell(TABLE, key, CELL)
  }

  remove(keys) {
    const { store } = this
    store.transaction(() => {
      for (const key of keys) store.delRow(TABLE, key)
    })
  }

  read() {
    return new Map(Object.entries(this.store.getTable(TABLE)).map(([key, row]) => [key, row[CELL]]))
  }
}

/** Keys whose transactions are encoded. */
class SentKeys extends Keys {
  constructor(replica) {
    super(replica)
    this.encoding()
  }

  set(keys, values) {
    this.write(keys, values)
    return this.written
  }
}

class Rows extends Replica {
  writeRows(ids, rows) {
    const { store } = this
    store.transaction(() => {
      ids.forEach((id, at) => {
        store.setRow(TABLE, id, { a: rows[at][0], b: rows[at][1], c: rows[at][2], d: rows[at][3] })
      })
    })
  }

  readRow(id) {
    const { a, b, c, d } = this.store.getRow(TABLE, id)
    return [a, b, c, d]
  }
}

class Elements extends Replica {
  write(adds, removes) {
    const { store } = this
    store.transaction(() => {
      for (const id of adds) store.setCell(TABLE, id, CELL, true)
      for (const id of removes) store.delRow(TABLE, id)
    })
  }

  read() {
    return this.store.getRowIds(TABLE)
  }
}

class Counters extends Replica {
  constructor(replica, bytes) {
    super(replica, bytes)
    this.cell = `r${replica}`
    this.encoding()
  }

  increment(names, deltas) {
    const { store, cell } = this
    store.transaction(() => {
      for (let at = 0; at < names.length; at++) {
        store.setCell(TABLE, names[at], cell, (store.getCell(TABLE, names[at], cell) ?? 0) + deltas[at])
      }
    })
    return this.written
  }

  read() {
    return Object.fromEntries(
      Object.entries(this.store.getTable(TABLE)).map(([counter, cells]) => [
        counter,
        Object.values(cells).reduce((sum, value) => sum + value, 0),
      ]),
    )
  }
}

/** Its synchronizer works with promises and no timers, so one turn of the event loop finishes whatever it is doing. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

async function sync(left, right) {
  const synchronizers = []
  const end = (store, other) => {
    let say
    let hear
    const synchronizer = createCustomSynchronizer(
      store,
      (_to, request, message, body) => say(toBytes([request, message, body])),
      (receive) => {
        hear = receive
      },
      () => undefined,
      60,
      undefined,
      undefined,
      (error) => {
        throw error
      },
    )
    synchronizers.push(synchronizer)
    return {
      start(send) {
        say = send
        synchronizer.startSync()
      },
      receive(bytes, send) {
        say = send
        const [request, message, body] = fromBytes(bytes)
        hear(other, request, message, body)
      },
    }
  }
  const work = await exchange(end(left.store, 'right'), end(right.store, 'left'), settle)
  for (const synchronizer of synchronizers) await synchronizer.destroy()
  return work
}

export const engine = {
  w1: {
    create(entities) {
      const replica = new Entities(0).encoding()
      replica.store.setTable(TABLE, entities)
      return replica
    },
    load: (bytes) => new Entities(1, bytes),
  },
  w2: { create: () => new Keys(0) },
  w3: { create: () => new Counters(0), load: (bytes, at) => new Counters(at, bytes) },
  w4: { create: () => new Elements(0) },
  w5: {
    create: () => new Keys('origin'),
    load: (bytes, at) => new Keys(at, bytes),
    sync,
  },
  w8: {},
  w9: { create: () => new SentKeys(0), open: () => new SentKeys(1) },
  w10: { keys: () => new Keys(0), rows: () => new Rows(0) },
  w12: { create: () => new Keys('origin'), load: (bytes, at) => new Keys(at, bytes) },
}
