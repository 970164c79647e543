import { attemptLater, inTurn, type Later } from '../later.ts'
import type { ReplicaCore } from '../replica-core.ts'
import { nameInKey } from '../rows.ts'
import type { StoredRow } from '../seams.ts'
import type { CountedRows } from './counted-rows.ts'
import { DurableVersions } from './durable-versions.ts'
import { votesPrefix } from './votes.ts'
import { type CountedVersion, mostCounted } from './wire.ts'

/** Of one page, about. */
const pageBytes = 65_536

/** The names of all documents that have to hold something, or have votes, in order. */
export function namesToTell({ storage }: ReplicaCore, { prefix }: CountedRows): Later<readonly string[]> {
  const names = new Set<string>()
  const add = (rows: readonly StoredRow[]): void => {
    for (const { key } of rows) names.add(nameInKey(key.slice(2)) ?? '')
  }
  // The votes come last: of what is forgotten meanwhile there are some.
  return attemptLater(() => storage.read(prefix))
    .then(add)
    .then(() => storage.read(votesPrefix))
    .then(add)
    .then(() => [...names].sort())
}

/** What documents that come after one of the names have to hold: as many as make a page. Rejects where something of it cannot be read. */
export function pageAfter(
  core: ReplicaCore,
  rows: CountedRows,
  names: readonly string[],
  after: string,
): Later<{ readonly counted: readonly CountedVersion[]; readonly isLast: boolean }> {
  const counted: CountedVersion[] = []
  const durable = new DurableVersions(core)
  let bytes = 0
  const first = placeAfter(names, after)
  const tell = (document: string): Later<void> | undefined => {
    if (bytes > pageBytes) return undefined
    // First what it has to hold: where that is forgotten meanwhile, the document holds it.
    const before = rows.read(document)
    return durable.read(document).then((held) =>
      before.then((known) => {
        const version = held.merge(known)
        counted.push({ document, version })
        bytes += document.length + 16 * version.size
      }),
    )
  }
  return inTurn(names.slice(first, first + mostCounted), tell).then(() => ({
    counted,
    isLast: first + counted.length >= names.length,
  }))
}

/** Where the first of the names stands that comes after another. */
function placeAfter(names: readonly string[], after: string): number {
  let [from, to] = [0, names.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if ((names[middle] as string) > after) to = middle
    else from = middle + 1
  }
  return from
}
