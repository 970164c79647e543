import { describe, expect, it } from 'vitest'
import { type Hash64, Hasher, hashString, hashValue, mix, Sum64, toHex16 } from './hash.ts'
import type { Value } from './value.ts'

const hex = (hash: Hash64): string => toHex16(hash.hi, hash.lo)

describe('hashes', () => {
  it('[VA4] are the same for equal values and differ for different ones', () => {
    expect(hex(hashValue({ a: 1, b: [2, { c: null }] }))).toBe(hex(hashValue({ b: [2, { c: null }], a: 1 })))
    expect(hex(hashValue(Number.NaN))).toBe(hex(hashValue(-Number.NaN)))
    const values: Value[] = [
      null,
      true,
      false,
      0,
      -0,
      1,
      Number.NaN,
      Infinity,
      '',
      '0',
      'ab',
      'ba',
      0n,
      1n,
      -1n,
      [],
      {},
      [[]],
      [{}],
      [0],
      ['0'],
      { a: 1 },
      { a: 2 },
      { b: 1 },
      [1, 2],
      [2, 1],
      new Uint8Array(),
      Uint8Array.of(0),
      Uint8Array.of(0, 0),
      new Date(0),
      new Date(1),
      ['ab', 'c'],
      ['a', 'bc'],
    ]
    expect(new Set(values.map((value) => hex(hashValue(value)))).size).toBe(values.length)
  })

  it('[VA4] spread: no collisions in either lane beyond chance among 100,000 neighbours', () => {
    const high = new Set<number>()
    const low = new Set<number>()
    for (let i = 0; i < 100_000; i++) {
      const hash = hashString(`key-${i}`)
      high.add(hash.hi)
      low.add(hash.lo)
    }
    expect(high.size).toBeGreaterThan(99_980)
    expect(low.size).toBeGreaterThan(99_980)
  })

  it('[VA4] flip about half of all bits when one input bit flips', () => {
    for (let bit = 0; bit < 32; bit++) {
      let flips = 0
      for (let i = 0; i < 200; i++) {
        const left = new Hasher().word(i * 7919).finish()
        const right = new Hasher().word((i * 7919) ^ (1 << bit)).finish()
        flips += bits(left.hi ^ right.hi) + bits(left.lo ^ right.lo)
      }
      expect(Math.abs(flips / 200 - 32)).toBeLessThan(2)
    }
  })

  it('[VA4] mix in order and print as 16 digits', () => {
    const [a, b] = [hashString('a'), hashString('b')]
    expect(hex(mix(a, b))).not.toBe(hex(mix(b, a)))
    expect(toHex16(0, 0xffffffff)).toBe('00000000ffffffff')
  })
})

describe('sums of hashes', () => {
  it('[VA5] do not depend on order and undo exactly, with carry', () => {
    const hashes = Array.from({ length: 50 }, (_, i) => hashString(String(i)))
    const forward = new Sum64()
    const backward = new Sum64()
    let wide = 0n
    for (const hash of hashes) {
      forward.add(hash)
      wide = BigInt.asUintN(64, wide + ((BigInt(hash.hi) << 32n) | BigInt(hash.lo)))
    }
    for (const hash of [...hashes].reverse()) backward.add(hash)
    expect(String(forward)).toBe(wide.toString(16).padStart(16, '0'))
    expect(String(backward)).toBe(String(forward))
    for (const hash of hashes) forward.subtract(hash)
    expect(String(forward)).toBe('0'.repeat(16))
  })
})

function bits(word: number): number {
  return (word >>> 0).toString(2).replaceAll('0', '').length
}
