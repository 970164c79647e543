// json-joy: a model, its patch builder, and binary patches. Chosen for it: the patch builder with one `apply` per
// transaction (the node APIs apply after each call, which is slower), node ids looked up once, `flush` for the patch, and
// the structural binary as snapshot. Counters are its `cnt` layout, an object with one slot per session. It has no sync.

import jsonCrdt from 'json-joy/lib/json-crdt/index.js'
import jsonCrdtPatch from 'json-joy/lib/json-crdt-patch/index.js'

const { Model } = jsonCrdt
const { Patch } = jsonCrdtPatch

const FIELDS = ['a', 'b', 'c', 'd']

/** Session ids below 65,536 are reserved. */
const sessionOf = (replica) => 1_000_000 + replica

const rooted = (root) => {
  const model = Model.create(undefined, sessionOf(0))
  model.api.root(root)
  model.api.flush()
  return model
}

class Replica {
  constructor(model) {
    this.model = model
    this.api = model.api
    this.builder = model.api.builder
  }

  save() {
    return this.model.toBinary()
  }

  apply(bytes) {
    this.model.applyPatch(Patch.fromBinary(bytes))
  }

  /** The id of the object at a path, for the patch builder. */
  idAt(path) {
    return this.api.obj(path).node.id
  }
}

class Entities extends Replica {
  constructor(model) {
    super(model)
    this.ids = new Map()
  }

  tick(ids, xs, ys) {
    const { builder } = this
    for (let at = 0; at < ids.length; at++) {
      let entity = this.ids.get(ids[at])
      if (entity === undefined) {
        entity = this.idAt(['entities', ids[at]])
        this.ids.set(ids[at], entity)
      }
      builder.insObj(entity, [
        ['x', builder.con(xs[at])],
        ['y', builder.con(ys[at])],
      ])
    }
    this.api.apply()
    return this.api.flush().toBinary()
  }

  readOne(id) {
    return this.api.obj(['entities', id]).view()
  }

  read() {
    return this.model.view().entities
  }
}

/** A flat object under the root; the shape of w2 and w4. */
class Keys extends Replica {
  constructor(model = rooted({ keys: {} })) {
    super(model)
    this.object = this.idAt(['keys'])
  }

  /** One transaction, encoded. */
  set(keys, values) {
    this.put(keys, (at) => values[at])
    this.api.apply()
    return this.api.flush().toBinary()
  }

  writeRows(ids, rows) {
    const { builder } = this
    this.rows ??= new Map()
    for (const id of ids) {
      if (this.rows.has(id)) continue
      this.rows.set(id, builder.obj())
      builder.insObj(this.object, [[id, this.rows.get(id)]])
    }
    ids.forEach((id, at) => {
      builder.insObj(
        this.rows.get(id),
        FIELDS.map((field, place) => [field, builder.con(rows[at][place])]),
      )
    })
    this.api.apply()
    this.api.flush()
  }

  readRow(id) {
    const row = this.api.obj(['keys', id]).view()
    return FIELDS.map((field) => row[field])
  }

  put(keys, valueAt) {
    if (keys.length === 0) return
    const { builder } = this
    builder.insObj(
      this.object,
      keys.map((key, at) => [key, builder.con(valueAt(at))]),
    )
  }

  write(keys, values) {
    this.put(keys, (at) => values[at])
    this.api.apply()
    this.api.flush()
  }

  readKey(key) {
    return this.api.con(['keys', key]).view()
  }

  read() {
    return new Map(Object.entries(this.model.view().keys))
  }
}

class Elements extends Keys {
  write(adds, removes) {
    this.put(adds, () => true)
    this.put(removes, () => undefined)
    this.api.apply()
    this.api.flush()
  }

  read() {
    return Object.keys(this.model.view().keys)
  }
}

class Counters extends Replica {
  constructor(model) {
    super(model)
    this.slot = model.clock.sid.toString(36)
    this.counters = new Map()
  }

  increment(names, deltas) {
    const { builder } = this
    for (let at = 0; at < names.length; at++) {
      let counter = this.counters.get(names[at])
      if (counter === undefined) {
        counter = { id: this.idAt(['counters', names[at]]), sum: 0 }
        this.counters.set(names[at], counter)
      }
      counter.sum += deltas[at]
      builder.insObj(counter.id, [[this.slot, builder.con(counter.sum)]])
    }
    this.api.apply()
    return this.api.flush().toBinary()
  }

  read() {
    return Object.fromEntries(
      Object.entries(this.model.view().counters).map(([counter, slots]) => [
        counter,
        Object.values(slots).reduce((sum, value) => sum + value, 0),
      ]),
    )
  }
}

export const engine = {
  w1: {
    create: (entities) => new Entities(rooted({ entities })),
    load: (bytes) => new Entities(Model.load(bytes, sessionOf(1))),
  },
  w2: { create: () => new Keys() },
  w3: {
    create: (names) => new Counters(rooted({ counters: Object.fromEntries(names.map((counter) => [counter, {}])) })),
    load: (bytes, at) => new Counters(Model.load(bytes, sessionOf(at))),
  },
  w4: { create: () => new Elements() },
  w9: { create: () => new Keys(), open: (writer) => new Keys(Model.load(writer.save(), sessionOf(1))) },
  w10: { keys: () => new Keys(), rows: () => new Keys() },
  w12: { create: () => new Keys(), load: (bytes) => new Keys(Model.load(bytes, sessionOf(1))) },
}
