// YKeyValue of y-utility: a key-value store over one Y.Array that drops overwritten entries. Its own advice is flat,
// un-nested values, so an entity of w1 is one entry with all its fields; two writers of two fields of one entity would
// overwrite each other there, which the other engines do not. Deleting walks the array: that is its nature, not ours.

import { YKeyValue } from 'y-utility/y-keyvalue'
import * as Y from 'yjs'
import { exchange } from '../lib/exchange.mjs'
import { V1, yjsEnd } from './yjs-shared.mjs'

class Replica {
  constructor(bytes) {
    this.doc = new Y.Doc()
    if (bytes) Y.applyUpdate(this.doc, bytes)
    this.written = undefined
    this.pairs = new YKeyValue(this.doc.getArray('pairs'))
  }

  /** Keeps the update of each local transaction; only the workloads that encode ask for it. */
  encoding() {
    this.doc.on('update', (update) => {
      this.written = update
    })
    return this
  }

  write(keys, values) {
    this.doc.transact(() => {
      for (let at = 0; at < keys.length; at++) this.pairs.set(keys[at], values[at])
    })
  }

  readKey(key) {
    return this.pairs.get(key)
  }

  apply(update) {
    Y.applyUpdate(this.doc, update)
  }

  save() {
    return Y.encodeStateAsUpdate(this.doc)
  }

  read() {
    return new Map([...this.pairs.map].map(([key, pair]) => [key, pair.val]))
  }
}

class Entities extends Replica {
  constructor(bytes) {
    super(bytes)
    this.encoding()
  }

  tick(ids, xs, ys) {
    this.doc.transact(() => {
      for (let at = 0; at < ids.length; at++) {
        this.pairs.set(ids[at], { ...this.pairs.get(ids[at]), x: xs[at], y: ys[at] })
      }
    })
    return this.written
  }

  readOne(id) {
    return this.pairs.get(id)
  }
}

class Elements extends Replica {
  write(adds, removes) {
    this.doc.transact(() => {
      for (const id of adds) this.pairs.set(id, true)
      for (const id of removes) this.pairs.delete(id)
    })
  }

  read() {
    return [...this.pairs.map.keys()]
  }
}

class Counters extends Replica {
  constructor(replica, bytes) {
    super(bytes)
    this.replica = replica
    this.encoding()
  }

  increment(names, deltas) {
    // Its map learns of a write when the transaction ends, so sums within one transaction are kept here.
    const sums = new Map()
    for (let at = 0; at < names.length; at++) {
      const slot = `${names[at]}:${this.replica}`
      sums.set(slot, (sums.get(slot) ?? this.pairs.get(slot) ?? 0) + deltas[at])
    }
    this.write([...sums.keys()], [...sums.values()])
    return this.written
  }

  read() {
    const sums = {}
    for (const [slot, pair] of this.pairs.map) {
      const counter = slot.slice(0, slot.indexOf(':'))
      sums[counter] = (sums[counter] ?? 0) + pair.val
    }
    return sums
  }
}

export const engine = {
  w1: {
    create(entities) {
      const replica = new Entities()
      replica.write(Object.keys(entities), Object.values(entities))
      return replica
    },
    load: (bytes) => new Entities(bytes),
  },
  w2: { create: () => new Replica() },
  w3: { create: () => new Counters('r0'), load: (bytes, at) => new Counters(`r${at}`, bytes) },
  w4: { create: () => new Elements() },
  w5: {
    create: () => new Replica(),
    load: (bytes) => new Replica(bytes),
    sync: (left, right) => exchange(yjsEnd(left.doc, V1), yjsEnd(right.doc, V1)),
  },
  w12: { create: () => new Replica(), load: (bytes) => new Replica(bytes) },
}
