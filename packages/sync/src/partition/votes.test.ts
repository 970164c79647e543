import { authorIdFrom, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { createMemoryDisk } from '../index.ts'
import { type Deferred, deferred, rejected, resolved } from '../later.ts'
import { insideOf } from '../replica.ts'
import { Raid, World } from '../world.test-helper.ts'
import { accept, maxTtlMs, prepare, rosterOf } from './lease/lease.test-helper.ts'
import type { LeaseMessage } from './lease/messages.ts'
import { type CountedBefore, VoteTable } from './votes.ts'

type Message = LeaseMessage<Version>

/** The votes of a voter that stands alone, on one disk over all its openings. */
function voter(handover: CountedBefore = { counted: () => resolved(Version.empty), covered: () => {} }) {
  const world = new World()
  const disk = createMemoryDisk()
  const open = () => {
    const { replica } = world.replica({ role: 'server', name: 'v1', disk })
    const answers: string[] = []
    const standing = { roster: rosterOf(1, 'v1'), mayVote: true, holdMs: 0 }
    const table = new VoteTable({
      core: insideOf(replica),
      self: 'v1',
      maxTtlMs,
      handover,
      standing: () => standing,
      send: (_to, document, message) =>
        answers.push(`${document} ${message.kind === 'refused' ? message.why.kind : message.kind}`),
    })
    const ask = (document: string, from: string, message: unknown): string | undefined => {
      table.ask(document, from, message as Message)
      world.advance(1)
      return answers.at(-1)
    }
    return { table, ask, answers, standing, replica }
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

  it('[LX31] read what their document has to hold until it is held and a row of them is kept, once under each roster', () => {
    const log: string[] = []
    let version = Version.empty
    const { world, open } = voter({
      counted: (document) => {
        log.push(`counted ${document}`)
        return resolved(version)
      },
      covered: (document) => log.push(`covered ${document}`),
    })
    const { ask, table, standing, replica } = open()
    const asked = (ballot: number): (string | undefined)[] => [ask('match', 'alice', prepare(ballot)), ...log.splice(0)]
    expect(asked(5)).toEqual(['match promised', 'counted match'])
    expect(asked(6)).toEqual(['match promised', 'counted match'])
    expect(asked(7)).toEqual(['match promised'])
    standing.roster = rosterOf(2, 'v1')
    table.roster(standing.roster)
    world.advance(2 * maxTtlMs)
    version = Version.from([[authorIdFrom('00000000000000a1'), 3]])
    for (let turn = 0; turn < 3; turn += 1)
      expect([ask('match', 'alice', prepare(8, { epoch: 2 })), ...log.splice(0)]).toEqual([
        'match behind',
        'counted match',
      ])
    replica.open('match', Raid).then((handle) => {
      handle.change((draft) => draft.potions.add(1))
    })
    world.advance(10)
    version = insideOf(replica).shelf.loaded('match')?.durable as Version
    expect(ask('match', 'alice', prepare(9, { epoch: 2 }))).toBe('match promised')
    expect(log.splice(0)).toEqual(['counted match', 'covered match'])
    expect([ask('match', 'alice', prepare(10, { epoch: 2 })), ...log]).toEqual(['match promised'])
  })

  it.each(['has ceased to vote', 'has let go of its acceptor', 'votes'])(
    '[LX20] are given late, or not at all, by who %s while it reads what the document has to hold',
    (what) => {
      const waiting: Deferred<Version>[] = []
      const { world, open } = voter({
        counted: () => {
          const version = deferred<Version>()
          waiting.push(version)
          return version.later
        },
        covered: () => {},
      })
      const { ask, answers, table, standing } = open()
      expect(ask('match', 'alice', prepare(5))).toBeUndefined()
      if (what === 'has ceased to vote') standing.mayVote = false
      if (what === 'has let go of its acceptor') {
        world.advance(61_000)
        table.tick()
        expect(table.size).toBe(0)
      }
      waiting[0]?.resolve(Version.empty)
      expect(answers).toEqual(what === 'votes' ? ['match promised'] : [])
    },
  )

  it('[LX14] are not given where it is not known what the document has to hold', () => {
    const { open } = voter({ counted: () => rejected('not known'), covered: () => {} })
    expect(open().ask('match', 'alice', prepare(5))).toBe('match behind')
  })
})
