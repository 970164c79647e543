import type { AddressRecord } from './address.ts'

/**
 * Which of some addresses to give up first: of the source that told most of them the one with most failures, then the one
 * that has given no sign for longest. So a source that floods pushes out its own. Costs O(addresses).
 * @throws TypeError when there are none.
 */
export function worstOf(pool: readonly AddressRecord[]): AddressRecord {
  const countBySource = new Map<string, number>()
  for (const { source } of pool) countBySource.set(source, (countBySource.get(source) ?? 0) + 1)
  let [source, most] = ['', 0]
  for (const [name, count] of countBySource) if (count > most) [source, most] = [name, count]
  return pool
    .filter((record) => record.source === source)
    .reduce((worst, next) => (isWorse(next, worst) ? next : worst))
}

const isWorse = (a: AddressRecord, b: AddressRecord): boolean =>
  a.failures !== b.failures ? a.failures > b.failures : (a.lastOk ?? a.addedAt) < (b.lastOk ?? b.addedAt)
