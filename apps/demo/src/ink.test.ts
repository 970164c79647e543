import { describe, expect, it } from 'vitest'
import { type InkInput, type InkState, nextInks, preferredSlot } from './ink.ts'

const state = (digest: string, version: Record<string, number>): InkInput => ({
  digest: digest.padEnd(16, '0'),
  version: Object.entries(version).map(([author, count]) => ({ author, count })),
})

const run = (...frames: InkInput[][]): InkState[] => {
  const seen: InkState[] = []
  for (const frame of frames) seen.push(nextInks(seen.at(-1), frame))
  return seen
}

describe('ink assignment', () => {
  const base = state('a1', { a: 1 })

  it('gives one ink at full tone to one digest', () => {
    const [calm] = run([base, base, base])
    expect(new Set(calm?.islands.map((island) => `${island.ink} ${island.tone}`)).size).toBe(1)
    expect(calm?.islands[0]?.tone).toBe('full')
  })

  it('keeps the ink of a state that descends from all others, and pales those behind it', () => {
    const ahead = state('b2', { a: 2 })
    const [calm, wrote] = run([base, base], [ahead, base])
    expect(wrote?.islands[0]).toEqual({ ink: calm?.islands[0]?.ink, tone: 'full' })
    expect(wrote?.islands[1]).toEqual({ ink: calm?.islands[0]?.ink, tone: 'pale' })
  })

  it('lets two concurrent states both leave the old ink, and their merge take a third', () => {
    const west = state('c3', { a: 2 })
    const east = state('d4', { a: 1, b: 1 })
    const both = state('e5', { a: 2, b: 1 })
    const [calm, split, merged, agreed] = run([base, base], [west, east], [both, east], [both, both])
    const old = calm?.islands[0]?.ink
    const [westInk, eastInk] = [split?.islands[0]?.ink, split?.islands[1]?.ink]
    expect(new Set([old, westInk, eastInk]).size).toBe(3)
    expect(new Set([westInk, eastInk, merged?.islands[0]?.ink]).size).toBe(3)
    expect(merged?.islands[1]).toEqual({ ink: eastInk, tone: 'pale' })
    expect(agreed?.islands[1]).toEqual(merged?.islands[0])
  })

  it('keeps a side in its ink while it writes on', () => {
    const west = state('c3', { a: 2 })
    const east = state('d4', { a: 1, b: 1 })
    const [, split, wrote] = run([base, base], [west, east], [state('f6', { a: 3 }), east])
    expect(wrote?.islands.map((island) => island.ink)).toEqual(split?.islands.map((island) => island.ink))
    expect(wrote?.islands.every((island) => island.tone === 'full')).toBe(true)
  })

  it('never draws two digests in one ink at full tone, whatever happens', () => {
    let seed = 417
    const random = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed / 2_147_483_648
    }
    const versions = [0, 1, 2, 3, 4].map(() => new Map<string, number>([['a', 1]]))
    let inks: InkState | undefined
    for (let step = 0; step < 4000; step += 1) {
      const at = Math.floor(random() * 5)
      const version = versions[at] as Map<string, number>
      if (random() < 0.4) version.set(`w${at}`, (version.get(`w${at}`) ?? 0) + 1)
      else
        for (const [author, count] of versions[Math.floor(random() * 5)] as Map<string, number>)
          version.set(author, Math.max(count, version.get(author) ?? 0))
      const islands = versions.map((counts) => {
        const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1))
        let hash = 7n
        for (const [author, count] of sorted)
          for (const letter of `${author}${count};`)
            hash = (hash * 1_000_003n + BigInt(letter.charCodeAt(0))) & 0xffff_ffff_ffff_ffffn
        return {
          digest: hash.toString(16).padStart(16, '0'),
          version: sorted.map(([author, count]) => ({ author, count })),
        }
      })
      inks = nextInks(inks, islands)
      const holders = new Map<string, string>()
      inks.islands.forEach((island, index) => {
        if (island.tone !== 'full') return
        const digest = islands[index]?.digest as string
        expect(holders.get(island.ink) ?? digest).toBe(digest)
        holders.set(island.ink, digest)
      })
    }
  })

  it('asks for the slot that the digest names', () => {
    expect(preferredSlot('0000000000000007')).toBe(1)
  })
})
