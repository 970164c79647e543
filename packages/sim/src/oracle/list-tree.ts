/**
 * FugueMax as the paper draws it: a tree of elements that is walked from scratch. Slow on purpose; nothing is ever
 * removed from it, an element only remembers which changes erased it.
 */
import type { AuthorId, Dot, InsertRun, Value, Version } from '@rejoin/state'

/** An element of a list, for ever. */
export interface ListElement extends Dot {
  readonly value: Value
  readonly erasedBy: Dot[]
}

/** One list of an op log. */
export interface ListTree {
  insert(author: AuthorId, run: InsertRun): void
  erase(target: Dot, by: Dot): void
  /** The elements that a version shows, in order. */
  elementsAt(version: Version): ListElement[]
  /** Every element ever inserted, in order. */
  elements(): readonly ListElement[]
}

interface Node extends ListElement {
  readonly parent: Node | undefined
  readonly isRight: boolean
  readonly rightOrigin: Node | undefined
  readonly left: Node[]
  readonly right: Node[]
}

/** An empty list. */
export function createListTree(): ListTree {
  const byId = new Map<string, Node>()
  const topRight: Node[] = []
  let order: Node[] = []

  const find = (dot: Dot | undefined): Node | undefined => (dot === undefined ? undefined : byId.get(idOf(dot)))

  /** Right children whose right origin stands further right come first; the end of the list is furthest. */
  const compareRight = (a: Node, b: Node): number => {
    const place = (node: Node): number =>
      node.rightOrigin === undefined ? order.length : order.indexOf(node.rightOrigin)
    return place(b) - place(a) || compareIds(a, b)
  }

  const add = (node: Node): void => {
    const siblings = node.parent === undefined ? topRight : node.isRight ? node.parent.right : node.parent.left
    siblings.push(node)
    siblings.sort(node.isRight ? compareRight : compareIds)
    byId.set(idOf(node), node)
    order = walk(topRight)
  }

  return {
    insert: (author, run) => {
      let { parent, side, rightOrigin } = run.place
      run.values.forEach((value, i) => {
        const id = { author, seq: run.id.seq + i }
        const node: Node = {
          ...id,
          value,
          erasedBy: [],
          parent: find(parent),
          isRight: side === 'right',
          rightOrigin: find(rightOrigin),
          left: [],
          right: [],
        }
        add(node)
        // The next element of a run is the right child of this one, before the same neighbour on the right.
        rightOrigin = side === 'right' ? rightOrigin : parent
        parent = id
        side = 'right'
      })
    },
    erase: (target, by) => {
      find(target)?.erasedBy.push(by)
    },
    elementsAt: (version) => order.filter((node) => version.has(node) && !node.erasedBy.some((by) => version.has(by))),
    elements: () => order,
  }
}

function walk(topRight: readonly Node[]): Node[] {
  const out: Node[] = []
  // Two stacks would be quicker and harder to believe.
  const visit = (node: Node): void => {
    for (const child of node.left) visit(child)
    out.push(node)
    for (const child of node.right) visit(child)
  }
  for (const node of topRight) visit(node)
  return out
}

const idOf = (dot: Dot): string => `${dot.author}:${dot.seq}`

function compareIds(a: Dot, b: Dot): number {
  if (a.author !== b.author) return a.author < b.author ? -1 : 1
  return a.seq - b.seq
}
