import { describe, expect, it } from 'vitest'
import { createMemoryDisk, type StorageOp } from './index.ts'
import { noMetrics } from './metrics.ts'
import { seededRandom, virtualTime } from './world.test-helper.ts'
import { createWriteQueue } from './write-queue.ts'

const put = (key: string, value = 1): StorageOp => ({ kind: 'put', key, bytes: Uint8Array.of(value) })

function heldQueue() {
  const disk = createMemoryDisk({ autoFlush: false })
  const done: string[] = []
  const time = virtualTime()
  const queue = createWriteQueue({
    storage: disk.open(),
    timers: time.timers,
    random: seededRandom(1),
    metrics: noMetrics(),
    isHeld: () => false,
    run: (step) => step(),
    onLanded: () => {},
    acknowledgeAfterFlush: true,
  })
  const write = (key: string, value?: number): void => {
    queue.push([put(key, value)], () => done.push(key))
    queue.kick()
  }
  return { disk, done, queue, write, time }
}

describe('the write queue', () => {
  it('has one batch under way, and sends what came meanwhile together', () => {
    const { disk, done, write } = heldQueue()
    for (const key of ['a', 'b', 'c']) write(key)
    expect(disk.pending).toBe(1)
    disk.flush()
    expect([disk.pending, done.join('')]).toEqual([1, 'a'])
    disk.flush()
    expect([disk.pending, done.join('')]).toEqual([0, 'abc'])
  })

  it('spells of a row of which the newest counts one for each batch, and answers each writer', () => {
    const { disk, done, queue } = heldQueue()
    const spelled: number[] = []
    const write = (value: number): void => {
      const spell = (): Uint8Array => {
        spelled.push(value)
        return Uint8Array.of(value)
      }
      queue.pushLatest({ key: 'p/x', spell }, () => done.push(String(value)))
      queue.kick()
    }
    for (const value of [1, 2, 3, 4]) write(value)
    expect([spelled, queue.pendingBytes]).toEqual([[1], 4])
    disk.flush()
    expect([spelled, done.join('')]).toEqual([[1, 4], '1'])
    disk.flush()
    expect([done.join(''), disk.rows.get('p/x'), queue.pendingBytes]).toEqual(['1234', Uint8Array.of(4), 0])
  })

  it('in a hurry hands over all that waits, and answers each writer once', () => {
    const { disk, done, queue, write } = heldQueue()
    for (const key of ['a', 'b', 'c']) write(key)
    queue.hurry()
    queue.hurry()
    expect(disk.pending).toBe(2)
    disk.flush(1)
    expect(done).toEqual([])
    disk.flush()
    expect(done).toEqual(['a', 'b', 'c'])
    expect([...disk.rows.keys()]).toEqual(['a', 'b', 'c'])
    expect(queue.pendingBytes).toBe(0)
  })

  it('keeps the order of writes to one row when a hurried batch fails', () => {
    const { disk, done, queue, write, time } = heldQueue()
    write('row', 1)
    write('row', 2)
    disk.fail('storage-full')
    queue.hurry()
    disk.fail(undefined)
    write('row', 3)
    disk.autoFlush = true
    disk.flush()
    time.advance(1000)
    expect([...(disk.rows.get('row') ?? [])]).toEqual([3])
    expect(done).toEqual(['row', 'row', 'row'])
  })
})
