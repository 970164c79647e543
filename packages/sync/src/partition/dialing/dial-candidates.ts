import type { AddressRecord, AddressTier, DialTarget } from './address.ts'

/** What the planner knows of targets: how often they failed in a row, and whether they were dialled since the start. */
export interface DialHistory {
  failuresOf(target: string): number
  has(target: string): boolean
}

const tiers: readonly AddressTier[] = ['anchor', 'bootstrap', 'voter', 'known']

/** How many picks in ten go down the order; the others fall on a random source, so that what fails on top starves nobody. */
const ordered = 0.7

/**
 * Which of some candidates to dial: anchors, bootstrap addresses and voters in this order, any of a tier, so that not all go
 * for the first on a list; then the best of the others. What is on top and untried goes first in any case.
 * Costs O(candidates).
 */
export function pick(
  candidates: readonly DialTarget[],
  history: DialHistory,
  random: () => number,
): DialTarget | undefined {
  const tier = tiers.find((name) => candidates.some((candidate) => candidate.tier === name))
  const top = candidates.filter((candidate) => candidate.tier === tier)
  const fresh = tier === 'known' ? [] : top.filter(({ target }) => !history.has(target))
  if (fresh.length > 0) return anyOf(fresh, random)
  if (random() >= ordered) return anyOfAnySource(candidates, random)
  return tier === 'known' ? bestOf(top, history) : anyOf(top, random)
}

function anyOf<T>(list: readonly T[], random: () => number): T | undefined {
  return list[Math.floor(random() * list.length)]
}

const sourceOf = ({ addresses }: DialTarget): string => (addresses[0] as AddressRecord).source

/** First a source, then one of its own: who told a thousand addresses is dialled no more often than who told one. */
function anyOfAnySource(candidates: readonly DialTarget[], random: () => number): DialTarget | undefined {
  const source = anyOf([...new Set(candidates.map(sourceOf))], random)
  return anyOf(
    candidates.filter((candidate) => sourceOf(candidate) === source),
    random,
  )
}

const lastOkOf = ({ addresses }: DialTarget): number => Math.max(...addresses.map(({ lastOk }) => lastOk ?? -1))

function bestOf(candidates: readonly DialTarget[], history: DialHistory): DialTarget | undefined {
  const failuresOf = ({ target, addresses }: DialTarget): number =>
    history.failuresOf(target) + Math.min(...addresses.map(({ failures }) => failures))
  let best: DialTarget | undefined
  for (const next of candidates) {
    const more = best === undefined ? -1 : failuresOf(next) - failuresOf(best)
    if (more < 0 || (more === 0 && lastOkOf(next) > lastOkOf(best as DialTarget))) best = next
  }
  return best
}
