import { unsealRow } from './rows.ts'
import type { StoredRow } from './seams.ts'

/** Told of a row to know it again: its length and the checksum at its end. */
interface Mark {
  readonly length: number
  readonly checksum: number
}

/** Rows whose content this opening knows, as it wrote or read them: to meet them again costs no decoding. */
export class WrittenRows {
  readonly #marks = new Map<string, Mark>()

  note(key: string, bytes: Uint8Array): void {
    this.#marks.set(key, markOf(bytes))
  }

  /** Whether the row is one of these, and undamaged. */
  has({ key, bytes }: StoredRow): boolean {
    const known = this.#marks.get(key)
    if (known === undefined) return false
    const { length, checksum } = markOf(bytes)
    return length === known.length && checksum === known.checksum && unsealRow(bytes) !== undefined
  }

  forget(key: string): void {
    this.#marks.delete(key)
  }

  clear(): void {
    this.#marks.clear()
  }
}

function markOf(bytes: Uint8Array): Mark {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(-4)
  return { length: bytes.length, checksum: (a | (b << 8) | (c << 16) | (d << 24)) >>> 0 }
}
