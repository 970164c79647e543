import { describe, expect, it } from 'vitest'
import { DurableLine } from './durable-line.ts'

/** Effects are letters to send, or numbers to have on the disk. */
function line() {
  const landings: (() => void)[] = []
  const sent: string[] = []
  const made = new DurableLine<string | number>(
    { queue: { pushLatest: (_, done) => landings.push(done) }, batch: (run) => run() },
    (effect) => (typeof effect === 'number' ? { key: String(effect), spell: () => Uint8Array.of(effect) } : undefined),
    (effect) => {
      sent.push(String(effect))
      if (effect === 'again') made.push(['nested'])
    },
  )
  return { made, sent, landings, land: () => landings.shift()?.() }
}

describe('a durable line', () => {
  it('carries out at once what follows on no row', () => {
    const { made, sent } = line()
    made.push(['a', 'b'])
    expect(sent).toEqual(['a', 'b'])
  })

  it('holds back what a later step wants sent while a row is on its way', () => {
    const { made, sent, land, landings } = line()
    made.push([1, 'a'])
    made.push(['b'])
    made.push([2, 'c'])
    made.push(['d'])
    // Rows do not wait for each other.
    expect([sent.join(''), landings.length]).toEqual(['', 2])
    land()
    expect(sent.join('')).toBe('ab')
    land()
    expect(sent.join('')).toBe('abcd')
    made.push(['e'])
    expect(sent.join('')).toBe('abcde')
  })

  it('keeps the order of what is wanted while it carries out', () => {
    const { made, sent, land } = line()
    made.push([1, 'again', 'b'])
    land()
    expect(sent).toEqual(['again', 'b', 'nested'])
  })
})
