import { describe, expect, it } from 'vitest'
import { createMemoryDisk } from './index.ts'
import { sealRow } from './rows.ts'
import { World } from './world.test-helper.ts'
import { WrittenRows } from './written-rows.ts'

describe('rows that an opening wrote', () => {
  it('[LA10] are known again until they are forgotten; others under their keys, and damaged ones, are not', () => {
    const rows = new WrittenRows()
    const bytes = sealRow(new Uint8Array([1, 2, 3]))
    rows.note('a', bytes)
    expect(rows.has({ key: 'a', bytes: bytes.slice() })).toBe(true)
    expect(rows.has({ key: 'b', bytes })).toBe(false)
    expect(rows.has({ key: 'a', bytes: sealRow(new Uint8Array([1, 2, 4])) })).toBe(false)
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice()
      damaged[at] = (damaged[at] as number) ^ 4
      expect(rows.has({ key: 'a', bytes: damaged })).toBe(false)
    }
    rows.forget('a')
    expect(rows.has({ key: 'a', bytes })).toBe(false)
    rows.note('a', bytes)
    rows.clear()
    expect(rows.has({ key: 'a', bytes })).toBe(false)
  })

  it('[LA10] and that were damaged since stay where they are when the others are folded', () => {
    const disk = createMemoryDisk()
    const world = new World()
    const peer = world.replica({ disk, role: 'peer', limits: { rowsBeforeCompaction: 10 } })
    const handle = world.open(peer)
    for (let i = 0; i < 5; i++) handle.change((draft) => draft.items.add(`${i}`))
    world.advance(1)
    const key = [...disk.rows.keys()].find((key) => key.includes('/c/')) as string
    const row = (disk.rows.get(key) as Uint8Array).slice()
    row[3] = (row[3] as number) ^ 1
    disk.rows.set(key, row)
    for (let i = 5; i < 20; i++) handle.change((draft) => draft.items.add(`${i}`))
    world.advance(1000)
    expect(peer.replica.metrics().compactions).toBeGreaterThan(0)
    expect(disk.rows.get(key)).toBe(row)
    expect(world.open(world.replica({ disk })).snapshot.items.length).toBe(20)
  })
})
