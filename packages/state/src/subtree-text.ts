import type { Dot, Path } from './ids.ts'
import { type Json, valueToJSON } from './json-value.ts'
import { kindName, leafKinds } from './key.ts'
import type { Row } from './rows.ts'
import type { Store } from './store.ts'
import type { Tree } from './tree.ts'
import { entriesIn } from './tree-walk.ts'
import type { Value } from './value.ts'

/**
 * What stands in a subtree, item by item with dots, clocks and removal records, as a line of JSON for people who look for
 * what went wrong. At most `most` characters: what does not fit is left out, and `cut` is true.
 */
export function describeAt(store: Store, path: Path, most: number): string {
  const { tree } = store
  const node = tree.findNode(path)
  const entries: string[] = []
  let room = most - JSON.stringify(path).length - 64
  let cut = false
  for (const entry of node === 0 ? [] : entriesIn(tree, node)) {
    const text = tree.kind(entry) === leafKinds.list ? listText(tree, entry, room) : keyText(tree, entry)
    room -= text.length + 1
    if (room < 0) {
      cut = true
      break
    }
    entries.push(text)
  }
  return `{"path":${JSON.stringify(path)},"cut":${cut},"entries":[${entries.join(',')}]}`
}

function keyText(tree: Tree, entry: Row): string {
  return JSON.stringify({
    ...address(tree, entry),
    items: tree.items(entry).map(({ author, seq, hlc, value }) => ({ author, seq, hlc, value: valueToJSON(value) })),
    removals: removals(tree, entry),
  })
}

/** Elements of a list as far as there is room for them. */
function listText(tree: Tree, entry: Row, room: number): string {
  const elements: Json[] = []
  // What stands around the elements needs some room, too.
  let left = room - 300
  const sequence = tree.sequences.get(entry)
  const values = sequence?.values()
  for (const { author, seq } of sequence?.ids() ?? []) {
    const element = { author, seq, value: valueToJSON(values?.next().value as Value) }
    left -= JSON.stringify(element).length + 1
    if (left < 0) break
    elements.push(element)
  }
  const isCut = left < 0
  return JSON.stringify({
    ...address(tree, entry),
    ...(isCut ? { cut: true } : {}),
    elements,
    removals: isCut ? [] : removals(tree, entry),
  })
}

function address(tree: Tree, entry: Row): { readonly [key: string]: Json } {
  const member = tree.member(entry)
  const path = tree.path(tree.nodeOf(entry))
  return { path: [...path], kind: kindName(tree.kind(entry)), ...(member === '' ? {} : { member }) }
}

function removals(tree: Tree, entry: Row): Json[] {
  return tree.removals(entry).map(({ row, author, seq, hlc }) => {
    const targets = tree.targets(row).map((dot: Dot) => ({ author: dot.author, seq: dot.seq }))
    return { author, seq, hlc, ...(targets.length === 0 ? {} : { targets }) }
  })
}
