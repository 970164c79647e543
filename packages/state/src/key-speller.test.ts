import { describe, expect, it } from 'vitest'
import { attempt, ByteReader, ByteWriter } from './bytes.ts'
import { Key } from './key.ts'
import { KeyReader, KeySpeller } from './key-speller.ts'
import { AuthorReader, AuthorWriter } from './key-table.ts'

function spelled(keys: readonly Key[]): Uint8Array {
  const writer = new ByteWriter()
  const [speller, authors] = [new KeySpeller(), new AuthorWriter()]
  for (const key of keys) speller.write(writer, key, authors)
  return writer.finish()
}

function read(bytes: Uint8Array, count: number) {
  const [reader, speller, authors] = [new ByteReader(bytes), new KeyReader(), new AuthorReader()]
  return attempt(() => {
    const keys = Array.from({ length: count }, () => speller.read(reader, authors))
    reader.end()
    return keys.map(({ id }) => id)
  })
}

describe('keys as bytes', () => {
  it('[CO19] come back as they were, in any order and of any kind', () => {
    const keys = [
      new Key(['title'], 1),
      new Key(['players', 'ada', 'hp'], 3, 'a'.repeat(16)),
      new Key(['players', 'ada', 'name'], 1),
      new Key(['players', 'adam', 'name'], 1),
      new Key(['players', 'é\ud83d\ude00', 'name'], 1),
      new Key(['players', 'é\ud83d\ude01', 'name'], 1),
      new Key(['tags'], 5, 'sred'),
      new Key(['tags'], 5, 'sreddish'),
      new Key(['tags'], 5, `s${'x'.repeat(400)}1`),
      new Key(['tags'], 5, `s${'x'.repeat(400)}2`),
      new Key([], 200, 'future'),
      new Key([''], 1),
      new Key(['title'], 1),
    ]
    for (const order of [keys, [...keys].reverse()]) {
      expect(read(spelled(order), order.length)).toEqual({ ok: true, value: order.map(({ id }) => id) })
    }
  })

  it('[CO19] that follow one another cost little more than what differs', () => {
    const keys = Array.from({ length: 1000 }, (_, i) => new Key(['players', `player-${i + 1000}`], 1))
    expect(spelled(keys).length / 1000).toBeLessThan(4)
  })

  it('[CO20] are refused where a few bytes would spell very much', () => {
    const deep = Array.from({ length: 30 }, (_, i) => 'x'.repeat(100) + i)
    const tooLong = spelled([new Key(deep, 1)])
    expect(read(tooLong, 1)).toMatchObject({ ok: false, error: { kind: 'too-large' } })
    const name = 'y'.repeat(1000)
    const sharing = [...spelled([new Key([name], 1)]), 0x80 | (15 << 3), 0x80 | 29, 2]
    expect(read(Uint8Array.from(sharing), 2)).toMatchObject({ ok: false, error: { kind: 'malformed' } })
  })
})
