/** Every write the page has seen, by its dot: who, when, what, and what its author had seen by then. */
import type { Change, Dot, Version } from '@rejoin/state'
import { dotKey, type WriteOp, type WriteRecord } from '../events.ts'
import { type Seat, seatName, type VersionEntry } from '../frame.ts'
import { authorNames } from '../panel/author-names.ts'

/** A record with its place in the order of clocks. */
export interface LoggedWrite extends WriteRecord {
  readonly seq: number
  readonly span: number
  readonly hlc: number
}

export class WriteLog {
  readonly #writes: LoggedWrite[] = []
  readonly #byDot = new Map<string, LoggedWrite>()
  readonly #seatByAuthor = new Map<string, Seat>()

  /** Notes a write. `at` is page time. */
  add(change: Change, seat: Seat, at: number, op: WriteOp | undefined): LoggedWrite {
    const record: LoggedWrite = {
      key: dotKey(change.author, change.seq),
      author: change.author,
      seat,
      name: seatName(seat),
      at,
      op,
      seen: versionEntries(change.context.with(change.author, change.seq + change.span - 1)),
      seq: change.seq,
      span: change.span,
      hlc: change.hlc,
    }
    this.#writes.push(record)
    for (let seq = change.seq; seq < change.seq + change.span; seq += 1)
      this.#byDot.set(dotKey(change.author, seq), record)
    if (!this.#seatByAuthor.has(change.author)) {
      this.#seatByAuthor.set(change.author, seat)
      authorNames.value = new Map([...authorNames.peek(), [change.author, seatName(seat)]])
    }
    return record
  }

  /** Names an incarnation whose writes were not seen here: one of an earlier opening. */
  know(author: string, seat: Seat): void {
    if (this.#seatByAuthor.has(author)) return
    this.#seatByAuthor.set(author, seat)
    authorNames.value = new Map([...authorNames.peek(), [author, seatName(seat)]])
  }

  get(key: string): LoggedWrite | undefined {
    return this.#byDot.get(key)
  }

  at(dot: Dot): LoggedWrite | undefined {
    return this.#byDot.get(dotKey(dot.author, dot.seq))
  }

  seatOf(author: string): Seat | undefined {
    return this.#seatByAuthor.get(author)
  }

  /** Writes made by these islands between two moments. */
  between(group: readonly Seat[], from: number, to: number): LoggedWrite[] {
    return this.#writes.filter(
      (write) => write.seat !== undefined && group.includes(write.seat) && write.at >= from && write.at <= to,
    )
  }

  /** The write that set the flag an island flies: the latest one it has, as the register itself decides. */
  flagAt(version: Version): LoggedWrite | undefined {
    let winner: LoggedWrite | undefined
    for (const write of this.#writes) {
      if (write.op?.leaf !== 'flag' || !version.has({ author: write.author, seq: write.seq } as Dot)) continue
      if (winner === undefined || write.hlc > winner.hlc || (write.hlc === winner.hlc && write.author > winner.author))
        winner = write
    }
    return winner
  }
}

/** A version vector as plain entries. */
export function versionEntries(version: Version): VersionEntry[] {
  return [...version.entries()].map(([author, count]) => ({ author, count }))
}
