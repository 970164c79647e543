import type { MapField, Schema, Shape, SnapshotOf } from './fields.ts'
import { type Json, valueToJSON } from './json-value.ts'
import { isField } from './place.ts'
import type { Store } from './store.ts'
import { storeToPlain } from './to-plain.ts'
import { setOwn, type Value } from './value.ts'

/** What can be exported: a document as its schema reads it. */
export interface Exportable<S extends Schema> {
  readonly schema: S
  readonly snapshot: SnapshotOf<S>
}

/**
 * What a document reads, as JSON: for backups that people can read, exports, fixtures and other languages. Structs and maps
 * become objects, sets, lists and multi-value registers arrays; values are spelled as by `valueToJSON`.
 *
 * It says what the document reads, and nothing of how that came about: no versions, ranks, fencing tokens, rights or
 * siblings that lost. What has to merge again is a snapshot (`encodeSnapshot`). Of a store, which knows no schema, it is a
 * view that cannot be imported.
 *
 * @example
 * ```ts
 * import { authorIdFrom, createStore, exportJSON, openDocument, register, schema, set } from '@rejoin/state'
 * const Raid = schema({ phase: register('lobby'), seen: set<bigint>() })
 * const raid = openDocument(Raid, createStore({ newAuthor: () => authorIdFrom('00000000000000a1'), now: () => 1 }))
 * raid.change((s) => s.seen.add(7n))
 * JSON.stringify(exportJSON(raid)) // => '{"phase":"lobby","seen":[{"$bigint":"7"}]}'
 * ```
 */
export function exportJSON<S extends Schema>(source: Exportable<S> | Store): Json {
  return 'schema' in source ? shapeToJSON(source.schema.fields, source.snapshot) : valueToJSON(storeToPlain(source))
}

function shapeToJSON(shape: Shape, read: unknown): Json {
  if (isField(shape) && shape.field !== 'map')
    return listed.has(shape.field) ? arrayToJSON(read) : valueToJSON(read as Value)
  const json: Record<string, Json> = {}
  for (const [name, inner] of Object.entries(read as object)) {
    setOwn(json, name, shapeToJSON(isField(shape) ? (shape as MapField<Shape>).entry : (shape[name] as Shape), inner))
  }
  return json
}

/** Fields that read as an array of values: each value is spelled by itself. */
const listed: ReadonlySet<string> = new Set(['mvRegister', 'set', 'list'])

function arrayToJSON(read: unknown): Json {
  return (read as readonly Value[]).map(valueToJSON)
}
