import { ByteWriter, base64Url } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { generateScenario } from './generate.ts'
import { createRandom, hashText } from './random.ts'
import { type Scenario, scenarioLimits } from './scenario.ts'
import { decodeScenario, encodeScenario } from './scenario-codec.ts'

const small: Scenario = {
  world: 'archipelago',
  seed: 417,
  nodes: 5,
  durationMs: 60_000,
  actions: [
    { atMs: 1_000, kind: 'write', node: 0, write: { verb: 'raise', number: 0, text: 'étoile ⭐' } },
    { atMs: 2_000, kind: 'storm', preset: 'halves', node: 1 },
    { atMs: 2_000, kind: 'cut', from: 0, to: 1 },
    { atMs: 9_000, kind: 'restore-all' },
    { atMs: 9_500, kind: 'clock', node: 4, byMs: -3_600_000 },
  ],
}

/** The same link under another format, with a checksum that fits. */
function inFormat(link: string, format: number): string {
  const bytes = base64Url.decode(link)
  if (typeof bytes === 'number') throw new Error('no link')
  const body = bytes.slice(0, -4)
  body[0] = format
  const out = new ByteWriter()
  out.bytes(body)
  out.u32(hashText(String.fromCharCode(...body)))
  return base64Url.encode(out.view())
}

describe('permalinks', () => {
  it('[SM6] spell a scenario in characters that a URL keeps, and read it back', () => {
    const link = encodeScenario(small)
    expect(link).toMatch(/^[A-Za-z0-9_-]+$/)
    expect(link.length).toBeLessThan(110)
    expect(decodeScenario(link)).toEqual({ ok: true, value: small })
  })

  it('[SM6] read what links of format 1 spell, and in them nothing that is newer', () => {
    const old = 'AQAFoQPg1AMD6AcAAAAABHN0YXLoBwQDAdg2A9Xe8dQ'
    expect(decodeScenario(old)).toEqual({
      ok: true,
      value: {
        ...small,
        actions: [
          { atMs: 1_000, kind: 'write', node: 0, write: { verb: 'raise', number: 0, text: 'star' } },
          { atMs: 2_000, kind: 'storm', preset: 'flicker', node: 1 },
          { atMs: 9_000, kind: 'restore-all' },
        ],
      },
    })
    for (const action of [
      { atMs: 5, kind: 'regatta', node: 2 },
      { atMs: 5, kind: 'storm', preset: 'bridge', node: 2 },
    ] as const) {
      const link = encodeScenario({ ...small, actions: [action] })
      expect(decodeScenario(link)).toEqual({ ok: true, value: { ...small, actions: [action] } })
      expect(decodeScenario(inFormat(link, 1))).toMatchObject({ ok: false, error: { kind: 'malformed' } })
    }
  })

  it('[SM6] hold every generated scenario', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const scenario = generateScenario(seed)
      expect(decodeScenario(encodeScenario(scenario))).toEqual({ ok: true, value: scenario })
    }
  })

  it('[SM7] answer a plain error to whatever else is pasted', () => {
    const link = encodeScenario(small)
    const kinds = ['', 'a', '!', 'AAAA', link.slice(0, -1), `${link}A`, link.replace('A', 'B'), 'A'.repeat(70_000)].map(
      (text) => {
        const result = decodeScenario(text)
        return result.ok ? 'accepted' : result.error.kind
      },
    )
    expect(kinds).not.toContain('accepted')
    expect(kinds.at(-1)).toBe('too-large')
  })

  it('[SM7] survive 5,000 mutations without an exception or an accepted forgery', () => {
    const random = createRandom(7)
    const link = encodeScenario(generateScenario(9))
    for (let i = 0; i < 5_000; i += 1) {
      const at = random.int(link.length)
      const mutated = random.chance(0.5)
        ? `${link.slice(0, at)}${base64Url.encode(random.bytes(3)).slice(0, 1 + random.int(3))}${link.slice(at + 1)}`
        : link.slice(0, at)
      const result = decodeScenario(mutated)
      if (result.ok) expect(mutated).toBe(link)
    }
  })

  it('[SM7] refuse what is out of bounds, also when the checksum fits', () => {
    const refused: Scenario[] = [
      { ...small, nodes: 17 },
      { ...small, nodes: 1 },
      { ...small, seed: 2 ** 32 },
      { ...small, durationMs: scenarioLimits.durationMs + 1 },
      { ...small, actions: [{ atMs: 0, kind: 'crash', node: 5 }] },
      {
        ...small,
        actions: [
          { atMs: 5, kind: 'restore-all' },
          { atMs: 4, kind: 'restore-all' },
        ],
      },
      { ...small, actions: [{ atMs: 0.5, kind: 'restore-all' }] },
      {
        ...small,
        actions: [{ atMs: 0, kind: 'write', node: 0, write: { verb: 'raise', number: 0, text: 'x'.repeat(121) } }],
      },
    ]
    for (const scenario of refused) {
      expect(() => encodeScenario(scenario)).toThrow(expect.objectContaining({ code: 'invalid-scenario' }))
    }
  })
})
