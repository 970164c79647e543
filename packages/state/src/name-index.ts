import type { Column } from './column.ts'
import type { Row } from './rows.ts'

/** From here on names are spread over several tables, each of which grows by itself: moving a million names at once would stop a page for several frames. */
const most = 1 << 14
const shardBits = 6
const least = 16
/** Places looked at for a name that is not there before it is believed that somebody made names for that. */
const longestSearch = 256

/** Rows by the hash of their names, without an object for each: pairs of hash and row, searched from where the hash says. */
class Shard {
  pairs = new Uint32Array(2 * least)
  size = 0
  /** In its place, once names were found that had been made to collide: what the engine hashes with a secret. */
  map: Map<string, Row> | undefined = undefined
}

/** Rows by name. */
export class NameIndex {
  readonly #names: Column<string>
  #shards: Shard[] = [new Shard()]
  #size = 0
  /** What was asked for last: a name that is not there is mostly added next. */
  #asked = ''
  #askedHash = hashOf('')

  /** `names`: by row. */
  constructor(names: Column<string>) {
    this.#names = names
  }

  get size(): number {
    return this.#size
  }

  /** The row of a name; 0 if there is none. */
  get(name: string): Row {
    const hash = hashOf(name)
    this.#asked = name
    this.#askedHash = hash
    const { pairs, map } = this.#shardOf(hash)
    if (map !== undefined) return map.get(name) ?? 0
    const mask = pairs.length - 1
    for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
      const row = pairs[at + 1] as number
      if (row === 0 || (pairs[at] === hash && this.#names.get(row) === name)) return row
    }
  }

  /** Adds a name that is not there. */
  add(name: string, row: Row): void {
    if (this.#size === most && this.#shards.length === 1) this.#spread()
    this.#size++
    const hash = name === this.#asked ? this.#askedHash : hashOf(name)
    this.#enter(this.#shardOf(hash), hash, row)
  }

  /** Takes away a name that is there. */
  delete(name: string): void {
    const hash = hashOf(name)
    const shard = this.#shardOf(hash)
    this.#size--
    shard.size--
    if (shard.map !== undefined) {
      shard.map.delete(name)
      return
    }
    const { pairs } = shard
    const mask = pairs.length - 1
    let at = (hash << 1) & mask
    while (pairs[at] !== hash || this.#names.get(pairs[at + 1] as Row) !== name) at = (at + 2) & mask
    // What follows moves up, as far as it may, so that no search ends before what it is for.
    for (let next = (at + 2) & mask; pairs[next + 1] !== 0; next = (next + 2) & mask) {
      const home = ((pairs[next] as number) << 1) & mask
      if (((next - home) & mask) < ((next - at) & mask)) continue
      pairs[at] = pairs[next] as number
      pairs[at + 1] = pairs[next + 1] as number
      at = next
    }
    pairs[at + 1] = 0
  }

  /** All rows, in no fixed order. */
  rows(): Row[] {
    const rows: Row[] = []
    for (const { pairs, map } of this.#shards) {
      if (map !== undefined) for (const row of map.values()) rows.push(row)
      else for (let at = 1; at < pairs.length; at += 2) if (pairs[at] !== 0) rows.push(pairs[at] as Row)
    }
    return rows
  }

  #shardOf(hash: number): Shard {
    const shards = this.#shards
    return shards[shards.length === 1 ? 0 : hash >>> (32 - shardBits)] as Shard
  }

  #enter(shard: Shard, hash: number, row: Row): void {
    shard.size++
    if (shard.map === undefined && 8 * shard.size > 3 * shard.pairs.length) this.#grow(shard)
    if (shard.map === undefined && !place(shard.pairs, hash, row)) this.#distrust(shard)
    shard.map?.set(this.#names.get(row) as string, row)
  }

  #grow(shard: Shard): void {
    const { pairs } = shard
    const larger = new Uint32Array(pairs.length * 2)
    for (let at = 0; at < pairs.length; at += 2) {
      const row = pairs[at + 1] as Row
      if (row !== 0 && !place(larger, pairs[at] as number, row)) {
        this.#distrust(shard)
        return
      }
    }
    shard.pairs = larger
  }

  #distrust(shard: Shard): void {
    const { pairs } = shard
    shard.map = new Map()
    for (let at = 1; at < pairs.length; at += 2) {
      const row = pairs[at] as Row
      if (row !== 0) shard.map.set(this.#names.get(row) as string, row)
    }
    shard.pairs = new Uint32Array(0)
  }

  #spread(): void {
    const rows = this.rows()
    this.#shards = Array.from({ length: 1 << shardBits }, () => new Shard())
    for (const row of rows) {
      const hash = hashOf(this.#names.get(row) as string)
      this.#enter(this.#shardOf(hash), hash, row)
    }
  }
}

/** False where the search for a place is longer than chance makes it. */
function place(pairs: Uint32Array, hash: number, row: Row): boolean {
  const mask = pairs.length - 1
  let at = (hash << 1) & mask
  for (let steps = 0; pairs[at + 1] !== 0; at = (at + 2) & mask) if (++steps > longestSearch) return false
  pairs[at] = hash
  pairs[at + 1] = row
  return true
}

/** Two characters at a time: a step waits for the one before it. */
function hashOf(name: string): number {
  const { length } = name
  let hash = length
  const even = length & ~1
  for (let at = 0; at < even; at += 2) {
    hash = Math.imul(hash ^ (name.charCodeAt(at) | (name.charCodeAt(at + 1) << 16)), 0x5bd1e995)
    hash ^= hash >>> 17
  }
  if (even < length) hash = Math.imul(hash ^ name.charCodeAt(even), 0x5bd1e995)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}
