import type { Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { createMemoryDisk } from '../index.ts'
import { insideOf } from '../replica.ts'
import { World } from '../world.test-helper.ts'
import { accept, maxTtlMs, prepare, rosterOf } from './lease/lease.test-helper.ts'
import type { LeaseMessage } from './lease/messages.ts'
import { VoteTable } from './votes.ts'

type Message = LeaseMessage<Version>

/** The votes of a voter that stands alone, on one disk over all its openings. */
function voter() {
  const world = new World()
  const disk = createMemoryDisk()
  const open = () => {
    const { replica } = world.replica({ role: 'server', name: 'v1', disk })
    const answers: string[] = []
    const table = new VoteTable({
      core: insideOf(replica),
      self: 'v1',
      maxTtlMs,
      isBehind: () => false,
      standing: () => ({ roster: rosterOf(1, 'v1'), mayVote: true, holdMs: 0 }),
      send: (_to, document, message) =>
        answers.push(`${document} ${message.kind === 'refused' ? message.why.kind : message.kind}`),
    })
    const ask = (document: string, from: string, message: unknown): string | undefined => {
      table.ask(document, from, message as Message)
      world.advance(1)
      return answers.at(-1)
    }
    return { table, ask, replica }
  }
  return { world, disk, open }
}

describe('the votes of a replica', () => {
  it('[LX10] are let go of in memory where nothing of them lives, and remembered by the disk, for any name of a document', () => {
    const { world, disk, open } = voter()
    const { table, ask } = open()
    for (const document of ['duell/Zoë 🎲', 'duell/Zoë 🎲!']) {
      expect(ask(document, 'alice', prepare(5))).toBe(`${document} promised`)
      expect(ask(document, 'alice', accept(5))).toBe(`${document} accepted`)
    }
    expect([...disk.rows.keys()].filter((key) => !/^[\x20-\x7e]+$/.test(key))).toEqual([])
    table.tick()
    expect(table.size).toBe(2)
    world.advance(61_000)
    table.tick()
    expect(table.size).toBe(0)
    // Nobody waits for a lease that has ended, and nobody is promised what was promised before.
    expect(ask('duell/Zoë 🎲', 'bob', prepare(5))).toBe('duell/Zoë 🎲 outbid')
    expect(ask('duell/Zoë 🎲', 'bob', prepare(6))).toBe('duell/Zoë 🎲 promised')
    expect(table.size).toBe(1)
  })

  it('[LX10] of before a restart count for as long as on the first day, and a damaged record has to be taught', () => {
    const { world, disk, open } = voter()
    const first = open()
    first.ask('match', 'alice', accept(5))
    first.ask('other', 'alice', accept(5))
    first.replica.close()
    world.advance(10 * maxTtlMs)
    const { ask } = open()
    expect(ask('match', 'bob', prepare(9))).toBe('match held')
    world.advance(2 * maxTtlMs)
    expect(ask('match', 'bob', prepare(9))).toBe('match promised')
    const [key = '', row = new Uint8Array()] = [...disk.rows].find(([name]) => name.includes('/other/')) ?? []
    // One digit of a promise less.
    disk.rows.set(key, row.with(row.lastIndexOf(0x35), 0x34))
    expect(ask('other', 'bob', prepare(9))).toBe('other recovering')
  })
})
