import { attemptLater, type Later } from './later.ts'
import { markRow } from './rows.ts'
import type { Storage } from './seams.ts'

const prefix = 'r/profile/'

/**
 * The ids of the profile that owns a storage; the first opening mints one. Rows are only added, and each opening reads
 * after its own write: two that open at once still have one id in common. A failing storage gives a fresh id.
 */
export function findProfile(storage: Storage, newId: () => string): Later<readonly string[]> {
  const read = (): Later<string[]> =>
    attemptLater(() => storage.read(prefix)).then(
      (rows) => rows.map(({ key }) => key.slice(prefix.length)).filter((id) => /^[0-9a-f]{16}$/.test(id)),
      () => [],
    )
  return read().then((ids) => {
    if (ids.length > 0) return ids
    const id = newId()
    return attemptLater(() => storage.write([markRow(`${prefix}${id}`)])).then(
      () => read().then((found) => [...new Set([id, ...found])]),
      () => [id],
    )
  })
}
