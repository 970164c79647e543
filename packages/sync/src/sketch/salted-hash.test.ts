import { expect, it } from 'vitest'
import { checkHash, SaltedHash } from './salted-hash.ts'

const hex = ({ hi, lo }: SaltedHash): string => {
  const bytes = new DataView(new ArrayBuffer(8))
  bytes.setUint32(0, lo, true)
  bytes.setUint32(4, hi, true)
  return bytes.getBigUint64(0).toString(16).padStart(16, '0')
}

it('[SK5] the salted hash is HalfSipHash-2-4 with 64 bits, by the vectors that its authors published', () => {
  const hash = new SaltedHash({ lo: 0x03020100, hi: 0x07060504 })
  expect(hex(hash.finish())).toBe('218d1f59b9b83cc8')
  expect(hex(hash.reset().word(0x03020100).finish())).toBe('d5e78a175be52ea1')
  expect(hex(hash.reset().word(0x03020100).word(0x07060504).finish())).toBe('edfee820bce4858c')
  expect(hex(hash.reset().word(0x03020100).word(0x07060504).word(0x0b0a0908).finish())).toBe('7bc71f9faef5c799')
})

it('[SK5] another salt gives other hashes and other checks, and a check is not the hash', () => {
  const salts = [
    { hi: 1, lo: 2 },
    { hi: 1, lo: 3 },
    { hi: 0, lo: 2 },
  ]
  const hashes = salts.flatMap((salt) => [new SaltedHash(salt), checkHash(salt)])
  expect(new Set(hashes.map((hash) => hex(hash.word(7).word(8).finish()))).size).toBe(6)
})
