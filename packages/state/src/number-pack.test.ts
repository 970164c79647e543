import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attempt, ByteReader, ByteWriter } from './bytes.ts'
import { blockNumbers, packNumbers, unpackNumbers } from './number-pack.ts'

const bound = 2 ** 52 - 1

function packed(numbers: readonly number[]): Uint8Array {
  const writer = new ByteWriter()
  packNumbers(writer, numbers)
  return writer.finish()
}

function unpacked(bytes: Uint8Array, count: number) {
  return attempt(() => {
    const reader = new ByteReader(bytes)
    const numbers: number[] = []
    unpackNumbers(reader, count, numbers)
    reader.end()
    return numbers
  })
}

/** Mostly small, now and then anything. */
const anyNumbers = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: -40, max: 40 }) },
    { weight: 2, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) },
    { weight: 1, arbitrary: fc.maxSafeInteger().map((number) => Math.trunc(number / 2) + 0) },
    { weight: 1, arbitrary: fc.constantFrom(0, -1, bound, -bound - 1, 2 ** 31, 2 ** 32, -(2 ** 32)) },
  ),
  { minLength: 1, maxLength: 200 },
)

describe('numbers in blocks', () => {
  it('[CO22] come back as they were', () => {
    fc.assert(
      fc.property(anyNumbers, (numbers) => {
        expect(unpacked(packed(numbers), numbers.length)).toEqual({ ok: true, value: numbers })
      }),
    )
  })

  it('[CO22] come back from a full block', () => {
    const numbers = Array.from({ length: blockNumbers }, (_, i) => (i * 7919) % 10_007)
    expect(unpacked(packed(numbers), blockNumbers)).toEqual({ ok: true, value: numbers })
  })

  it('[CO22] take about as many bits as they need', () => {
    const even = Array.from({ length: 1000 }, (_, i) => (i * 7919) % 10_000)
    expect(packed(even).length).toBeLessThan((1000 * 14.3) / 8 + 4)
    const rising = Array.from({ length: 1000 }, (_, i) => 1e12 + i * 3 + (i % 2))
    expect(packed(rising).length).toBeLessThan((1000 * 5) / 8 + 12)
    const same = Array.from({ length: 1000 }, () => -5)
    expect(packed(same).length).toBeLessThanOrEqual(252)
  })

  it('[CO22] are refused when they are cut off or go on', () => {
    const numbers = [3, 1, 4, 1, 5, 9, 2, 6, 1e9]
    const bytes = packed(numbers)
    for (let size = 0; size < bytes.length; size++) {
      expect(unpacked(bytes.subarray(0, size), numbers.length).ok).toBe(false)
    }
    expect(unpacked(Uint8Array.of(...bytes, 0), numbers.length)).toMatchObject({ error: { kind: 'malformed' } })
    expect(unpacked(bytes, 64 * bytes.length)).toMatchObject({ error: { kind: 'truncated' } })
  })

  it('[CO22] have one form each', () => {
    // Above 0, with k = 1: 5 as three zeros, and as a number of three bits behind twelve ones.
    expect(unpacked(Uint8Array.of(1, 0, 0b1011), 1)).toEqual({ ok: true, value: [5] })
    const escaped = (0b101 << 18) | (3 << 12) | 0xfff
    const bytes = [escaped & 0xff, (escaped >> 8) & 0xff, escaped >> 16]
    expect(unpacked(Uint8Array.of(1, 0, ...bytes), 1)).toMatchObject({ error: { kind: 'malformed' } })
    expect(unpacked(Uint8Array.of(1, 0, 0b11011), 1)).toMatchObject({ error: { kind: 'malformed' } })
    expect(unpacked(Uint8Array.of(0, 0, 0), 1)).toMatchObject({ error: { kind: 'malformed' } })
    expect(unpacked(Uint8Array.of(0x41, 0, 0), 1)).toMatchObject({ error: { kind: 'malformed' } })
  })

  it('[CO22] are refused beyond what a number holds exactly', () => {
    // What stands 2^53 - 1 above the least, counted from another least.
    const bytes = packed([-bound - 1, bound])
    const writer = new ByteWriter()
    writer.u8(bytes[0] as number)
    writer.varInt(bound)
    writer.raw(bytes.subarray(9))
    expect(unpacked(writer.finish(), 2)).toMatchObject({
      error: { kind: 'malformed', message: 'a number above 2^53 - 1' },
    })
  })
})
