import { createInterned, memoOfTwo } from './intern.ts'

/**
 * Sets of messages by number. A message that was sent once may arrive at any time, again, or never, so the set only grows:
 * that is loss, duplication and reordering at once.
 */
export interface Soups {
  readonly empty: number
  in(soup: number): readonly number[]
  with(soup: number, sent: readonly number[]): number
  /** With other messages in place of some, or none. `key` says what `change` depends on. */
  changed(soup: number, key: number, change: (message: number) => number | undefined): number
}

export function createSoups(): Soups {
  const soups = createInterned<readonly number[]>()
  const withOne = memoOfTwo((soup, message) => {
    const all = soups.valueOf(soup)
    return all.includes(message) ? soup : soups.idOf(sorted([...all, message]))
  })
  const sifted: (number | undefined)[] = []
  return {
    empty: soups.idOf([]),
    in: soups.valueOf,
    with: (soup, sent) => sent.reduce((all, message) => withOne(all, message), soup),
    changed: (soup, key, change) => {
      const both = soup * 4 + key
      const known = sifted[both]
      if (known !== undefined) return known
      const made = soups.idOf(sorted(soups.valueOf(soup).flatMap((message) => change(message) ?? [])))
      sifted[both] = made
      return made
    },
  }
}

function sorted(messages: readonly number[]): readonly number[] {
  return [...new Set(messages)].sort((a, b) => a - b)
}
