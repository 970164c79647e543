/** What every island held when a storm began, and how far it has come since: the cost of being apart. */
import { type Change, type Dot, encodeChanges, type Version } from '@rejoin/state'
import type { Divergence, Seat } from '../frame.ts'
import type { WriteLog } from './write-log.ts'

interface Held {
  readonly index: number
  readonly version: Version
  readonly snapshot: { readonly flag: string; readonly chest: readonly string[]; readonly tally: number }
}

interface Changes {
  changeAt(dot: Dot): Change | undefined
}

export class Baselines {
  #since = 0
  #held: readonly Held[] = []
  readonly #known = new Map<Seat, { readonly version: Version; readonly value: Divergence }>()

  /** A storm begins: remembers what each island holds. */
  mark(at: number, islands: readonly Held[]): void {
    this.#since = at
    this.#held = islands.map(({ index, version, snapshot }) => ({ index, version, snapshot }))
    this.#known.clear()
  }

  /** Changes that an island has now and had not then: its own and those of whom it still hears. */
  divergence(seat: Seat, version: Version, changes: Changes, log: WriteLog): Divergence | undefined {
    const before = this.#held.find((held) => held.index === seat)
    if (before === undefined) return undefined
    const known = this.#known.get(seat)
    if (known?.version === version) return known.value
    const gained = new Map<string, Change>()
    for (const [author, seq] of version.entries()) {
      for (let at = before.version.get(author) + 1; at <= seq; at += 1) {
        const change = changes.changeAt({ author, seq: at })
        if (change !== undefined) gained.set(`${change.author}:${change.seq}`, change)
      }
    }
    const list = [...gained.values()]
    const keys = new Set(list.map((change) => keyOf(log, change)))
    const value: Divergence = {
      since: this.#since,
      changes: list.length,
      keys: keys.size,
      bytes: list.length === 0 ? 0 : encodeChanges(list).length,
      flag: before.snapshot.flag,
      chest: before.snapshot.chest,
      tally: before.snapshot.tally,
    }
    this.#known.set(seat, { version, value })
    return value
  }
}

/** The merge key a write touched: a flag is one, every thing in the chest is one, a tally is one. */
function keyOf(log: WriteLog, change: Change): string {
  const op = log.at({ author: change.author, seq: change.seq })?.op
  if (op === undefined) return `${change.author}:${change.seq}`
  return op.leaf === 'chest' ? `chest/${op.item}` : op.leaf
}
