import { kindName, leafKinds, type Value, type Version } from '@rejoin/state'
import type { OpLog } from './op-log.ts'
import { leavesAt, type OracleLeaf } from './read.ts'

interface Place {
  readonly leaves: OracleLeaf[]
  readonly children: Map<string, Place>
}

/** What `storeToPlain(store)` must be at a version, by the op log. */
export function plainAt(log: OpLog, version: Version): Value {
  const root: Place = { leaves: [], children: new Map() }
  for (const leaf of leavesAt(log, version).values()) placeOf(root, leaf.path).leaves.push(leaf)
  return toPlain(root)
}

/** Plain data as text in which equal data are equal: properties sorted by name. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined'
  const record = value as Record<string, unknown>
  const parts = Object.keys(record)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalText(record[name])}`)
  return `{${parts.join(',')}}`
}

function placeOf(root: Place, path: readonly string[]): Place {
  let place = root
  for (const segment of path) {
    let child = place.children.get(segment)
    if (child === undefined) {
      child = { leaves: [], children: new Map() }
      place.children.set(segment, child)
    }
    place = child
  }
  return place
}

function toPlain(place: Place): Value {
  const shown = place.leaves.filter((leaf) => leaf.kind !== leafKinds.entry)
  const only = shown[0]
  if (only !== undefined && shown.length === 1 && place.children.size === 0) return only.value
  const plain: Record<string, Value> = {}
  for (const leaf of shown) plain[`@${kindName(leaf.kind)}`] = leaf.value
  for (const [segment, child] of place.children) plain[segment] = toPlain(child)
  return plain
}
