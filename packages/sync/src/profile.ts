import { deferred, type Later } from './later.ts'
import { markRow } from './rows.ts'
import type { Storage } from './seams.ts'

const prefix = 'r/profile/'

/**
 * The ids of the profile that owns a storage; the first opening mints one. Rows are only added, and each opening reads
 * after its own write: two that open at once still have one id in common. A failing storage gives a fresh id.
 */
export function findProfile(storage: Storage, newId: () => string): Later<readonly string[]> {
  const done = deferred<readonly string[]>()
  const read = (then: (ids: string[]) => void): void => {
    storage.read(prefix).then(
      (rows) => then(rows.map((row) => row.key.slice(prefix.length)).filter((id) => /^[0-9a-f]{16}$/.test(id))),
      () => then([]),
    )
  }
  read((ids) => {
    if (ids.length > 0) {
      done.resolve(ids)
      return
    }
    const id = newId()
    storage.write([markRow(`${prefix}${id}`)]).then(
      () => read((found) => done.resolve([...new Set([id, ...found])])),
      () => done.resolve([id]),
    )
  })
  return done.later
}
