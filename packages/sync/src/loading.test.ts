import { rejoinError } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import type { DocumentCore } from './document-core.ts'
import { type Clock, createMemoryDisk, createReplica, type DocumentHandle, type Replica } from './index.ts'
import { type Deferred, deferred, rejected } from './later.ts'
import type { Limits } from './limits.ts'
import { holdReads } from './partition/handover.test-helper.ts'
import { insideOf } from './replica.ts'
import { Raid, seededRandom, type VirtualTime, virtualTime } from './world.test-helper.ts'

/** A clock on which every look takes a tenth of a millisecond: a slice is eighty looks. */
function tickingClock({ clock }: VirtualTime): Clock {
  let looks = 0
  return { now: clock.now, monotonic: () => clock.monotonic() + looks++ / 10 }
}

describe('a document on the disk', () => {
  /** A disk on which a session left a document: folded rows, and single changes beside them. */
  function filledDisk(changes: number, limits: Partial<Limits> = {}) {
    const disk = createMemoryDisk()
    const time = virtualTime()
    const { clock, timers } = time
    const writer = createReplica({ clock, timers, random: seededRandom(1), storage: disk.open(), role: 'peer', limits })
    let digest = ''
    writer.open('raid', Raid).then((raid) => {
      for (let at = 0; at < changes; at++) {
        raid.change((draft) => {
          for (let player = 0; player < 20; player++) draft.players.get(`p${at}-${player}`).hp.add(-1)
        })
      }
      digest = raid.digest()
    })
    time.advance(60_000)
    writer.close()
    time.advance(1_000)
    return { disk, digest }
  }

  function reopen(disk: ReturnType<typeof createMemoryDisk>, time: VirtualTime): Replica {
    const { timers } = time
    return createReplica({
      clock: tickingClock(time),
      timers,
      random: seededRandom(2),
      storage: disk.open(),
      role: 'peer',
    })
  }

  it.each([
    ['folded', 600],
    ['as changes', 300],
  ])('[LA9] is read in slices, %s, while others have their turn, and is what it was', (_, changes) => {
    const { disk, digest } = filledDisk(changes)
    const time = virtualTime()
    const replica = reopen(disk, time)
    const told: number[] = []
    let opened = ''
    let other = false
    replica.open('raid', Raid, { onProgress: (done) => told.push(done) }).then((raid) => {
      opened = raid.digest()
    })
    expect(opened).toBe('')
    replica.open('another', Raid).then(() => {
      other = true
    })
    expect(other).toBe(true)
    expect(opened).toBe('')
    time.advance(1)
    expect(opened).toBe(digest)
    expect(told.length).toBeGreaterThan(2)
    expect(told).toEqual([...told].sort((a, b) => a - b))
    expect(told.every((done) => done >= 0 && done <= 1)).toBe(true)
  })

  it('[LA9] that is closed while it is read is read no further', () => {
    const { disk } = filledDisk(600)
    const time = virtualTime()
    const replica = reopen(disk, time)
    let outcome = ''
    replica.open('raid', Raid).then(
      () => {
        outcome = 'opened'
      },
      (error: unknown) => {
        outcome = (error as { readonly code?: string }).code ?? 'another error'
      },
    )
    replica.close()
    time.advance(10_000)
    expect(outcome).toBe('closed')
    expect(time.pending).toBe(0)
  })

  describe('that cannot be read, while all that is written arrives', () => {
    /** A replica at a disk of which nothing can be read before `works.at`, and when that was tried. */
    function unreadable(disk: ReturnType<typeof createMemoryDisk>) {
      const time = virtualTime()
      const { clock, timers } = time
      const replica = createReplica({ clock, timers, random: seededRandom(2), storage: disk.open(), role: 'peer' })
      const { storage } = insideOf(replica)
      const { read } = storage
      const reads: number[] = []
      const works = { at: Number.POSITIVE_INFINITY }
      storage.read = (prefix) => {
        reads.push(clock.monotonic())
        return clock.monotonic() < works.at ? rejected(rejoinError('storage-unavailable')) : read(prefix)
      }
      let raid: DocumentHandle<typeof Raid> | undefined
      replica.open('raid', Raid).then((opened) => {
        raid = opened
      })
      if (raid === undefined) throw new Error('it did not open at once')
      return { time, replica, raid, reads, works }
    }

    it('[SY61] is tried again after waits that double up to a cap, until it is read', () => {
      const { time, replica, raid, reads, works } = unreadable(filledDisk(3).disk)
      for (let at = 0; at < 60; at++) {
        raid.change((draft) => draft.items.add(`item ${at}`))
        time.advance(1000)
      }
      const waits = reads.slice(1).map((at, index) => at - (reads[index] ?? 0))
      expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000, 10_000])
      expect(raid.snapshot.players).toEqual({})
      works.at = time.clock.monotonic()
      time.advance(10_000)
      expect([Object.keys(raid.snapshot.players).length, Object.keys(raid.snapshot.items).length]).toEqual([60, 60])
      expect(insideOf(replica).shelf.needsReading('raid')).toBe(false)
      const { length } = reads
      time.advance(100_000)
      expect(reads.length).toBe(length)
    })

    it.each(['between two', 'during the first', 'during a later'])(
      '[SY61] is tried no more once it is let go of, %s',
      (when) => {
        const { disk } = filledDisk(3)
        const time = virtualTime()
        const { clock, timers } = time
        const replica = createReplica({ clock, timers, random: seededRandom(2), storage: disk.open(), role: 'peer' })
        const { storage } = insideOf(replica)
        const reads: Deferred<never>[] = []
        storage.read = () => {
          const pair = deferred<never>()
          reads.push(pair)
          return pair.later
        }
        const fail = (): void => reads.at(-1)?.reject(rejoinError('storage-unavailable'))
        replica.open('raid', Raid)
        if (when !== 'during the first') fail()
        if (when === 'during a later') time.advance(250)
        const { length } = reads
        replica.forget('raid')
        fail()
        time.advance(100_000)
        expect([reads.length, time.pending]).toEqual([length, 0])
      },
    )
  })

  it.each([
    ['folded', { rowsBeforeCompaction: 3 }],
    ['as changes', {}],
  ])(
    '[SY60] that could not be read at first counts as durable once it was, %s, and not before that is so',
    (_, limits) => {
      const { disk } = filledDisk(3, limits)
      const { clock, timers } = virtualTime()
      const random = seededRandom(2)
      const replica = createReplica({ clock, timers, random, storage: disk.open(), role: 'server' })
      const { shelf, storage } = insideOf(replica)
      const { read } = storage
      storage.read = () => rejected(rejoinError('storage-unavailable'))
      replica.open('raid', Raid).then((raid) => raid.change((draft) => draft.items.add('early')))
      const known = (): [boolean, number, number] => {
        const { durable, store } = shelf.loaded('raid') as DocumentCore
        return [!shelf.needsReading('raid'), durable.size, store.version.size]
      }
      shelf.readMissed()
      expect(known()).toEqual([false, 1, 1])
      storage.read = read
      const late = holdReads(insideOf(replica))
      shelf.readMissed()
      expect(known()).toEqual([false, 1, 1])
      disk.autoFlush = false
      late.go()
      expect(known()).toEqual([false, 1, 2])
      disk.flush()
      expect(known()).toEqual([true, 2, 2])
    },
  )
})
