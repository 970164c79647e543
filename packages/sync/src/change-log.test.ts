import { authorIdFrom, type Change, type Dot, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { createChangeLog, cutIntoFrames, type KeptChange, versionAfter } from './change-log.ts'

const alice = authorIdFrom('00000000000000a1')
const bob = authorIdFrom('00000000000000b2')

function change(
  author: typeof alice,
  seq: number,
  extra: { readonly span?: number; readonly cause?: Dot } = {},
): Change {
  const { span = 1, cause } = extra
  return { author, seq, span, context: Version.empty, hlc: seq, ops: [], ...(cause === undefined ? {} : { cause }) }
}
const at = (...entries: [typeof alice, number][]): Version => Version.from(entries)
const seqs = (entries: readonly KeptChange[] | undefined): string[] | undefined =>
  entries?.map((entry) => `${entry.change.author.slice(-2)}:${entry.change.seq}`)

describe('the change log', () => {
  it('[CL1] gives what a peer lacks, in causal order, or nothing when a part of it is gone', () => {
    const log = createChangeLog({ changes: 100, bytes: 10_000 }, false)
    for (const each of [change(alice, 1), change(bob, 1), change(alice, 2, { span: 3 }), change(bob, 2)])
      log.add(each, 10, false)
    const target = at([alice, 4], [bob, 2])
    expect(seqs(log.since(at([alice, 1]), target))).toEqual(['b2:1', 'a1:2', 'b2:2'])
    expect(seqs(log.since(target, target))).toEqual([])
    expect(log.since(Version.empty, at([alice, 4], [bob, 3]))).toBeUndefined()
    expect(log.since(at([alice, 1]), at([alice, 9]))).toBeUndefined()
  })

  it('[CL2] of a client keeps whatever no server has, beyond every limit', () => {
    const log = createChangeLog({ changes: 4, bytes: 10_000 }, true)
    for (let seq = 1; seq <= 20; seq++) log.add(change(alice, seq), 10, false)
    log.trim(at([alice, 5]))
    expect(log.unsettled(at([alice, 5])).length).toBe(15)
    expect(log.size).toBe(15)
    for (let seq = 1; seq <= 20; seq++) log.add(change(bob, seq), 10, true)
    log.trim(at([alice, 20]))
    expect(log.size).toBeLessThanOrEqual(4)
  })

  it('[CL2] of others is bounded in number and bytes', () => {
    const log = createChangeLog({ changes: 1000, bytes: 500 }, false)
    for (let seq = 1; seq <= 500; seq++) {
      log.add(change(alice, seq), 10, false)
      log.trim(Version.empty)
    }
    expect(log.bytes).toBeLessThanOrEqual(500)
    expect(seqs(log.since(at([alice, 490]), at([alice, 500])))?.length).toBe(10)
  })

  it('[CL3] never cuts a change from the one whose cause names it', () => {
    const entries: KeptChange[] = []
    for (let seq = 1; seq <= 30; seq++) {
      entries.push({ change: change(alice, seq), bytes: 100, isFromServer: false })
      const undone = seq % 3 === 0
      if (undone)
        entries.push({
          change: change(bob, seq / 3, { cause: { author: alice, seq } }),
          bytes: 100,
          isFromServer: false,
        })
    }
    for (const size of [1, 100, 150, 250, 1000]) {
      const frames = cutIntoFrames(entries, size)
      expect(frames.flat()).toEqual(entries)
      for (const frame of frames) {
        const inside = new Set(frame.map((entry) => `${entry.change.author}/${entry.change.seq}`))
        for (const entry of frame) {
          const { cause } = entry.change
          if (cause !== undefined) expect(inside.has(`${cause.author}/${cause.seq}`)).toBe(true)
        }
      }
    }
    expect(cutIntoFrames(entries, 100).length).toBeGreaterThan(20)
  })

  it('[CL1] says what a peer has after it was sent changes', () => {
    expect(versionAfter(at([alice, 1]), [change(alice, 2, { span: 4 }), change(bob, 1)]).toJSON()).toEqual({
      [alice]: 5,
      [bob]: 1,
    })
  })
})
