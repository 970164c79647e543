import type { AuthorId, Dot } from './ids.ts'
import type { Place, StoredRun } from './sequence.ts'
import type { Value } from './value.ts'

interface Node {
  readonly id: string
  readonly author: AuthorId
  readonly seq: number
  readonly place: Place
  value: Value | undefined
  readonly left: Node[]
  readonly right: Node[]
}

/**
 * FugueMax written plainly, as the slow twin of `Sequence` in tests: the tree with sorted arrays of children, the list
 * by recursion, one element at a time.
 */
export class SequenceOracle {
  private readonly root: Node = node({ author: '' as AuthorId, seq: 0 }, rootPlace, undefined)
  private readonly nodes = new Map<string, Node>()

  insert(index: number, id: Dot, values: readonly Value[]): StoredRun {
    const walk = this.walk()
    const before = index === 0 ? this.root : (this.visible()[index - 1] as Node)
    const following = index === 0 ? walk[0] : walk[walk.indexOf(before) + 1]
    const place: Place =
      before.right.length === 0
        ? { parent: this.dot(before), side: 'right', rightOrigin: this.dot(following) }
        : { parent: this.dot(following), side: 'left', rightOrigin: undefined }
    const run = { id, place, values }
    this.apply(run)
    return run
  }

  apply(run: StoredRun): void {
    let place = run.place
    run.values.forEach((value, i) => {
      const id = { author: run.id.author, seq: run.id.seq + i }
      this.applyOne(id, place, value)
      const rightOrigin = place.side === 'right' ? place.rightOrigin : place.parent
      place = { parent: id, side: 'right', rightOrigin }
    })
  }

  remove(id: Dot): void {
    const found = this.nodes.get(text(id))
    if (found !== undefined) found.value = undefined
  }

  toArray(): Value[] {
    return this.visible().map((element) => element.value as Value)
  }

  ids(): Dot[] {
    return this.visible().map(({ author, seq }) => ({ author, seq }))
  }

  /** Every element in order, as text, removed ones with their ids in brackets. */
  describe(): string[] {
    return this.walk().map((element) => (element.value === undefined ? `(${element.id})` : element.id))
  }

  private applyOne(id: Dot, place: Place, value: Value | undefined): void {
    if (this.nodes.has(text(id))) return
    const added = node(id, place, value)
    const parent = place.parent === undefined ? this.root : (this.nodes.get(text(place.parent)) as Node)
    const siblings = place.side === 'left' ? parent.left : parent.right
    const walk = this.walk().map((element) => element.id)
    const key = (sibling: Node): number => {
      const origin = sibling.place.rightOrigin
      return origin === undefined ? walk.length : walk.indexOf(text(origin))
    }
    siblings.push(added)
    siblings.sort((a, b) => key(b) - key(a) || (a.author < b.author ? -1 : a.author > b.author ? 1 : a.seq - b.seq))
    this.nodes.set(added.id, added)
  }

  private visible(): Node[] {
    return this.walk().filter((element) => element.value !== undefined)
  }

  private walk(): Node[] {
    const visit = (element: Node): Node[] => [...element.left.flatMap(visit), element, ...element.right.flatMap(visit)]
    return visit(this.root).slice(1)
  }

  private dot(element: Node | undefined): Dot | undefined {
    return element === undefined || element === this.root ? undefined : { author: element.author, seq: element.seq }
  }
}

const rootPlace: Place = { parent: undefined, side: 'right', rightOrigin: undefined }

function node(id: Dot, place: Place, value: Value | undefined): Node {
  return { id: text(id), author: id.author, seq: id.seq, place, value, left: [], right: [] }
}

function text(id: Dot): string {
  return `${id.author}:${id.seq}`
}
