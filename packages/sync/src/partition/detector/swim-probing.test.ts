import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../world.test-helper.ts'
import { createProbeOrder } from './probe-order.ts'
import {
  accuseAll,
  alice,
  changesIn,
  gossip,
  others,
  rumour,
  run,
  sentIn,
  statusOf,
  suspectingBob,
  tableOf,
} from './swim.test-helper.ts'
import type { SwimMessage } from './swim-messages.ts'
import type { SwimEffect } from './swim-types.ts'

describe('swim, as it probes', () => {
  it('[SW11] probes each member once a round, each round in another order, new ones from a random place on', () => {
    const order = createProbeOrder(seededRandom(3).float)
    const ids = Array.from({ length: 8 }, (_, at) => `r${at}`)
    for (const id of ids) order.add(id)
    const round = (): string[] => ids.map(() => order.next(() => true) ?? '')
    const rounds = Array.from({ length: 50 }, round)
    for (const one of rounds) expect([...one].sort()).toEqual(ids)
    expect(new Set(rounds.map(String)).size).toBe(50)
    const places = Array.from({ length: 400 }, (_, seed) => {
      const fresh = createProbeOrder(seededRandom(seed).float)
      for (const id of ids) fresh.add(id)
      fresh.add('new')
      return Array.from({ length: 9 }, () => fresh.next(() => true)).indexOf('new')
    })
    for (let place = 0; place < 9; place++) expect(places.filter((at) => at === place).length).toBeGreaterThan(15)
    expect(order.next(() => false)).toBeUndefined()
  })

  it('[SW12] reaches through helpers whom it does not reach, and says through whom', () => {
    const swim = alice()
    const asked = sentIn(swim.step({ kind: 'closed', peer: 'bob', isLost: true, now: 1000 }), 'indirect')
    expect(asked.map(({ to }) => to).sort()).toEqual(['carol', 'dave', 'erin'])
    const [first] = asked
    if (first?.message.kind !== 'indirect') throw new Error('nobody was asked')
    const { seq } = first.message
    // Not by somebody who was not asked, nor under another number.
    swim.step({ kind: 'join', peer: 'frank', now: 1000 })
    swim.step({ kind: 'opened', peer: 'frank', now: 1000 })
    const ackBy = (from: string, number: number): SwimEffect[] =>
      swim.step({
        kind: 'message',
        from,
        now: 1001,
        message: { kind: 'ack', seq: number, incarnation: 1, rumours: [] },
      })
    ackBy('frank', seq)
    ackBy('carol', seq + 1)
    expect(swim.memberOf('bob')?.reach).toEqual({ via: 'none' })
    const reached = swim.step({
      kind: 'message',
      from: 'dave',
      now: 1002,
      message: { kind: 'ack', seq, incarnation: 1, rumours: [] },
    })
    expect(reached).toContainEqual({ kind: 'reachChanged', peer: 'bob', reach: { via: 'relayed', by: 'dave' } })
    expect(changesIn(swim.step({ kind: 'tick', now: 1501 }))).toEqual([])
    swim.step({ kind: 'opened', peer: 'bob', now: 2000 })
    swim.step({ kind: 'heard', peer: 'bob', now: 2001 })
    expect(swim.memberOf('bob')?.reach).toEqual({ via: 'direct' })
  })

  it('[SW13] as a helper probes for others, and says when it has no answer', () => {
    const swim = alice()
    const ask = (subject: string, now: number) =>
      sentIn(
        swim.step({ kind: 'message', from: 'bob', now, message: { kind: 'indirect', seq: 42, subject, rumours: [] } }),
      )
    const [probe] = ask('carol', 1000)
    if (probe?.message.kind !== 'probe') throw new Error('nobody was probed')
    expect(probe.to).toBe('carol')
    const ack: SwimMessage = { kind: 'ack', seq: probe.message.seq, incarnation: 6, rumours: [] }
    expect(sentIn(swim.step({ kind: 'message', from: 'dave', now: 1001, message: ack }))).toEqual([])
    expect(sentIn(swim.step({ kind: 'message', from: 'carol', now: 1001, message: ack }))).toEqual([
      { kind: 'send', to: 'bob', message: { kind: 'ack', seq: 42, incarnation: 6, rumours: [] } },
    ])
    ask('carol', 2000)
    const nacks = sentIn(swim.step({ kind: 'tick', now: 2400 }), 'nack')
    expect(nacks).toMatchObject([{ to: 'bob', message: { seq: 42, isNeighbour: true } }])
    swim.step({ kind: 'join', peer: 'frank', now: 2400 })
    expect(ask('frank', 2401)).toMatchObject([{ message: { kind: 'nack', isNeighbour: false } }])
    expect(ask('nobody', 2401)).toMatchObject([{ message: { kind: 'nack', isNeighbour: false } }])
    swim.step({ kind: 'closed', peer: 'erin', isLost: true, now: 2402 })
    expect(ask('erin', 2403)).toMatchObject([{ message: { kind: 'nack', isNeighbour: true } }])
  })

  it('[SW14] accuses nobody with whom neither it nor any helper was ever connected', () => {
    const swim = alice()
    swim.step({ kind: 'join', peer: 'frank', now: 0 })
    swim.step({ kind: 'message', from: 'carol', now: 1, message: tableOf('frank', 1) })
    const answer = (isNeighbour: boolean, from: number, until: number): string[] => {
      const changes: string[] = []
      for (let now = from; now <= until; now += 100) {
        const effects = swim.step({ kind: 'tick', now })
        changes.push(...changesIn(effects))
        for (const { to, message } of sentIn(effects)) {
          const back: SwimMessage | undefined =
            message.kind === 'probe'
              ? { kind: 'ack', seq: message.seq, incarnation: 1, rumours: [] }
              : message.kind === 'indirect'
                ? { kind: 'nack', seq: message.seq, isNeighbour: isNeighbour && to === 'dave' }
                : undefined
          if (back !== undefined) swim.step({ kind: 'message', from: to, now, message: back })
        }
      }
      return changes
    }
    expect(answer(false, 100, 30_000)).toEqual([])
    expect(answer(true, 30_100, 40_000)).toEqual(['frank alive>suspect'])
    expect(swim.health).toBe(0)
  })

  it('[SW15] needs silence as phi finds it to suspect over an open connection', () => {
    const swim = alice()
    expect(changesIn(run(swim, 0, 60_000, ['carol', 'dave', 'erin']))).toEqual([])
    expect(sentIn(swim.step({ kind: 'silent', peer: 'bob', now: 60_000 }), 'indirect')).toHaveLength(3)
    swim.step({ kind: 'heard', peer: 'bob', now: 60_100 })
    expect(changesIn(run(swim, 60_100, 90_000, ['carol', 'dave', 'erin']))).toEqual([])
    swim.step({ kind: 'silent', peer: 'bob', now: 90_000 })
    expect(changesIn(run(swim, 90_000, 91_000, ['carol', 'dave', 'erin']))).toEqual(['bob alive>suspect'])
  })

  it('[SW16] is slower the worse it fares itself: from 1 to 8 intervals', () => {
    const swim = alice()
    accuseAll(swim)
    const probes = sentIn(run(swim, 0, 100_000, others), 'probe').length
    expect([swim.health, probes >= 99 && probes <= 101]).toEqual([0, true])
    // Neither members nor helpers answer.
    run(swim, 100_000, 200_000)
    expect(swim.health).toBe(7)
    const slow = sentIn(run(swim, 200_000, 280_000), 'probe').length
    expect(slow).toBeGreaterThanOrEqual(9)
    expect(slow).toBeLessThanOrEqual(11)
    run(swim, 280_000, 400_000, others)
    expect(swim.health).toBe(0)
    run(swim, 400_000, 500_000)
    expect(swim.health).toBe(7)
    // That all are heard, and nobody accuses them, is as good as answers.
    for (const peer of others)
      swim.step({ kind: 'message', from: peer, now: 500_000, message: gossip(rumour(peer, 'alive', 2)) })
    expect([sentIn(run(swim, 509_000, 600_000), 'probe'), swim.health]).toEqual([[], 0])
    // Whoever must refute was too slow to answer.
    swim.step({ kind: 'message', from: 'bob', now: 600_000, message: gossip(rumour('alice', 'suspect', 1, 'bob')) })
    expect(swim.health).toBe(1)
  })

  it('[SW19] after a pause accuses nobody before the window is over, and suspicions begin anew', () => {
    const { swim, at } = suspectingBob()
    const wake = at + 3_600_000
    swim.step({ kind: 'paused', now: wake, until: wake + 5000 })
    swim.step({ kind: 'silent', peer: 'carol', now: wake + 1 })
    swim.step({ kind: 'closed', peer: 'dave', isLost: true, now: wake + 2 })
    const quiet = run(swim, wake, wake + 4999)
    expect(changesIn(quiet)).toEqual([])
    expect([statusOf(swim, 'bob'), statusOf(swim, 'carol')]).toEqual(['suspect', 'alive'])
    const later = changesIn(run(swim, wake + 4999, wake + 60_000))
    expect(later).toContain('bob suspect>unreachable')
    expect(later).toContain('dave alive>suspect')
    // And it asks at once who is there.
    const other = alice()
    other.step({ kind: 'paused', now: 1e6, until: 1e6 + 5000 })
    const first = other.step({ kind: 'tick', now: 1e6 })
    expect([sentIn(first, 'probe').length, sentIn(first, 'table').length]).toEqual([1, 1])
  })

  it('[SW24] that ran late reads what has come before it finds somebody unreachable', () => {
    const { swim, at } = suspectingBob()
    const late = at + 28_000
    expect(changesIn(swim.step({ kind: 'tick', now: late }))).toEqual([])
    expect(changesIn(swim.step({ kind: 'tick', now: late + 499 }))).toEqual([])
    expect(changesIn(swim.step({ kind: 'tick', now: late + 501 }))).toEqual(['bob suspect>unreachable'])
  })

  it('[SW24] gives whoever is back the time to refute, however late that comes, and nobody else', () => {
    const { swim, at } = suspectingBob()
    run(swim, at, at + 20_000)
    swim.step({ kind: 'opened', peer: 'bob', now: at + 20_000 })
    swim.step({ kind: 'heard', peer: 'bob', now: at + 20_000 })
    expect([changesIn(run(swim, at + 20_000, at + 60_000)), statusOf(swim, 'bob')]).toEqual([[], 'suspect'])
    swim.step({ kind: 'silent', peer: 'bob', now: at + 60_000 })
    expect(changesIn(run(swim, at + 60_000, at + 60_600))).toEqual(['bob suspect>unreachable'])
  })

  it('[SW21] is probed less often while its page is hidden', () => {
    const swim = alice()
    accuseAll(swim)
    swim.step({ kind: 'hidden', now: 0 })
    expect(sentIn(run(swim, 0, 600_000, others), 'probe').length).toBeLessThanOrEqual(11)
    swim.step({ kind: 'visible', now: 600_000 })
    expect(sentIn(run(swim, 600_000, 610_000, others), 'probe').length).toBeGreaterThanOrEqual(9)
  })
})
