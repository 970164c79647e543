import type { Row } from './rows.ts'

/** From here on names are spread over several maps. */
const most = 1 << 14
const shards = 64

/**
 * Rows by name. A map that grows moves all that it holds, which for a million names stops a page for several frames: many
 * names stand in several maps.
 */
export class NameIndex {
  #maps: Map<string, Row>[] = [new Map()]
  #size = 0

  get size(): number {
    return this.#size
  }

  get(name: string): Row | undefined {
    return this.#mapOf(name).get(name)
  }

  /** Adds a name that is not there. */
  add(name: string, row: Row): void {
    if (this.#size === most) this.#spread()
    this.#size++
    this.#mapOf(name).set(name, row)
  }

  delete(name: string): void {
    if (this.#mapOf(name).delete(name)) this.#size--
  }

  *rows(): IterableIterator<Row> {
    for (const map of this.#maps) yield* map.values()
  }

  #mapOf(name: string): Map<string, Row> {
    return this.#maps[this.#maps.length === 1 ? 0 : shardOf(name)] as Map<string, Row>
  }

  #spread(): void {
    if (this.#maps.length > 1) return
    const [all] = this.#maps
    this.#maps = Array.from({ length: shards }, () => new Map())
    for (const [name, row] of all ?? []) this.#mapOf(name).set(name, row)
  }
}

/** Names that are counted or random differ near their ends, others in between. */
function shardOf(name: string): number {
  const { length } = name
  const near = name.charCodeAt(length - 1) + 7 * name.charCodeAt(length - 2) + 31 * name.charCodeAt(length - 3)
  return (near + 5 * name.charCodeAt(length >> 1) + length) & (shards - 1)
}
