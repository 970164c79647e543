import { type AuthorId, attempt, ByteReader, ByteWriter, Version } from '@rejoin/state'
import type { ChangeLog } from '../change-log.ts'
import { sealRow, unsealRow } from '../rows.ts'
import { type ChangeStamp, stampList } from './stamps-frame.ts'

/** Authors of which the last stamp is kept, those that wrote last; and changes of which a row keeps the stamps. */
const maxStamps = 1000

/**
 * Stamps of changes beyond those that are kept: that of the last change of each author, and those that a row had when the
 * document was loaded. Bounded in number.
 */
export class LastStamps {
  readonly #log: ChangeLog
  readonly #lastBy = new Map<AuthorId, ChangeStamp>()
  readonly #loaded = new Map<string, ChangeStamp>()

  constructor(log: ChangeLog) {
    this.#log = log
  }

  /** The last change of an author that came as a change. */
  last(author: AuthorId): ChangeStamp | undefined {
    return this.#lastBy.get(author)
  }

  /** The stamp of the change of an author that begins at `seq`; 0 where it is not known any more. */
  at(author: AuthorId, seq: number): number {
    const last = this.#lastBy.get(author)
    if (last?.[1] === seq) return last[2]
    return this.#log.get(author, seq)?.hlc ?? this.#loaded.get(author + seq)?.[2] ?? 0
  }

  note(stamp: ChangeStamp): void {
    const [author, seq] = stamp
    if ((this.#lastBy.get(author)?.[1] ?? 0) >= seq) return
    this.#lastBy.delete(author)
    this.#lastBy.set(author, stamp)
    if (this.#lastBy.size > maxStamps) this.#lastBy.delete(this.#lastBy.keys().next().value as AuthorId)
  }

  /** A row that keeps them where changes are folded. */
  row(): Uint8Array {
    const log = this.#log.unsettled(Version.empty)
    const kept = log.map(({ change: { author, seq, hlc } }): ChangeStamp => [author, seq, hlc])
    const stamps = [...this.#lastBy.values(), ...[...this.#loaded.values(), ...kept].slice(-maxStamps)]
    const writer = new ByteWriter()
    stampList.write(writer, stamps)
    return sealRow(writer.finish())
  }

  /** Takes in a row; false when it is damaged. */
  read(row: Uint8Array): boolean {
    const payload = unsealRow(row)
    const read = payload && attempt(() => stampList.read(new ByteReader(payload)))
    if (!read?.ok) return false
    for (const stamp of read.value) {
      this.note(stamp)
      this.#loaded.set(stamp[0] + stamp[1], stamp)
    }
    return true
  }
}
