import { describe, expect, it } from 'vitest'
import { connect } from '../connect.ts'
import type { Replica } from '../index.ts'
import { insideOf } from '../replica.ts'
import { World } from '../world.test-helper.ts'
import { Cluster } from './cluster.test-helper.ts'
import type { Partitions } from './partitions.ts'
import { watchPartitions } from './watch.ts'

type Listen = (told: () => void) => void

/** All that the connections of a replica, its watch, and its documents tell, by a name. */
const newsOf = (replica: Replica, watch: Partitions, net = connect(replica, { transports: [] })) => {
  const news: Record<string, Listen> = {
    link: (told) => net.onLink(told),
    'heal of a connection': (told) => net.onHealed(told),
    heal: (told) => replica.onHealed(told),
    verdict: (told) => watch.onVerdict(told),
    suspected: (told) => watch.on('suspected', told),
    split: (told) => watch.on('split', told),
    healing: (told) => watch.on('healing', told),
    healed: (told) => watch.on('healed', told),
    incident: (told) => watch.onIncident(told),
  }
  return news
}

/** Listens to everything three times; the second one of `kind` calls `close`. What is told after it is named. */
const closeIn = (news: Readonly<Record<string, Listen>>, kind: string, close: () => void) => {
  const after: string[] = []
  let isBegun = false
  let isClosed = false
  for (const turn of [1, 2, 3]) {
    for (const [name, listen] of Object.entries(news)) {
      listen(() => {
        if (isClosed) after.push(`${name} ${turn}`)
        else if (turn === 2 && name === kind && !isBegun) {
          isBegun = true
          close()
          isClosed = true
        }
      })
    }
  }
  return {
    after,
    get isClosed() {
      return isClosed
    },
  }
}

/** Three servers, and a client of two of them, which comes to them or they to it. */
const clientOfTwo = (isDialled: boolean) => {
  const cluster = new Cluster(['a', 'b', 'c'])
  const failed: string[] = []
  const client = cluster.world.replica({
    onLog: ({ event }) => {
      if (/failed|error/.test(event)) failed.push(event)
    },
  })
  const wires = ['a', 'b'].map((name) => {
    const wire = cluster.world.wire(`in-${name}`)
    cluster.node(name).participant.join({ transports: [isDialled ? wire.dial : wire.listen] })
    return wire
  })
  const net = connect(client.replica, { transports: wires.map(({ dial, listen }) => (isDialled ? listen : dial)) })
  const watch = watchPartitions(client.replica)
  const raid = cluster.world.open(client)
  cluster.world.advance(30_000)
  return { cluster, client, wires, net, watch, raid, failed }
}
type ClientOfTwo = ReturnType<typeof clientOfTwo>

/** Splits the servers and lets them heal, then cuts the client off and lets it come back. */
const trouble = ({ cluster, wires, raid }: ClientOfTwo): void => {
  const { world } = cluster
  cluster.between('c', 'ab', true)
  world.advance(40_000)
  raid.change((draft) => draft.phase.set('apart'))
  cluster.between('c', 'ab', false)
  world.advance(40_000)
  for (const wire of wires) wire.cut()
  world.advance(20_000)
  raid.change((draft) => draft.phase.set('alone'))
  for (const wire of wires) wire.restore()
  world.advance(40_000)
}

describe('closing', () => {
  it('[DI11] tells those that came that this side closed, as those that were dialled', () => {
    for (const isListening of [false, true]) {
      const world = new World()
      const wire = world.wire('wire')
      const [alice, bob] = [world.replica(), world.replica()]
      const net = alice.join({ transports: [isListening ? wire.listen : wire.dial] })
      const other = bob.join({ transports: [isListening ? wire.dial : wire.listen] })
      const raid = world.open(bob)
      world.advance(1000)
      const ends: string[] = []
      for (const { endListeners } of insideOf(bob.replica).connections) endListeners.add(({ code }) => ends.push(code))
      expect([raid.name, other.peers.length]).toEqual(['raid', 1])
      net.close()
      world.advance(100)
      expect([ends, other.peers, net.peers, wire.links]).toEqual([['peer-closed'], [], [], 0])
    }
  })

  for (const isDialled of [false, true]) {
    for (const kind of ['link', 'heal of a connection', 'heal', 'verdict', 'split', 'healing', 'healed', 'incident']) {
      it(`[DI11] ends the connections that ${isDialled ? 'came' : 'were dialled'} when told of: ${kind}`, () => {
        const made = clientOfTwo(isDialled)
        const { client, net, watch, failed } = made
        const told = closeIn(newsOf(client.replica, watch, net), kind, () => {
          net.close()
          expect([insideOf(client.replica).connections.size, net.link.state]).toEqual([0, 'offline'])
        })
        trouble(made)
        const ofNet = told.after.filter((name) => /^(link|heal of)/.test(name))
        expect([told.isClosed, ofNet, insideOf(client.replica).connections.size, failed]).toEqual([true, [], 0, []])
      })
    }
  }

  for (const kind of ['verdict', 'split', 'healing', 'healed', 'incident']) {
    it(`[PL32] ends a watch that is told of: ${kind}`, () => {
      const made = clientOfTwo(false)
      const { client, watch, failed } = made
      const { link, heal, 'heal of a connection': own, ...news } = newsOf(client.replica, watch)
      const told = closeIn(news, kind, () => watch.close())
      trouble(made)
      expect([told.isClosed, told.after, failed]).toEqual([true, [], []])
    })

    it(`[PL32] ends a watch with its replica, all connections and all that they tell when told of: ${kind}`, () => {
      const made = clientOfTwo(false)
      const { client, watch, net, failed } = made
      const told = closeIn(newsOf(client.replica, watch, net), kind, () => client.replica.close())
      trouble(made)
      expect([told.isClosed, told.after, net.peers, failed]).toEqual([true, [], [], []])
    })
  }

  it('[PL32] ends a voter that is told of whom it suspects', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(30_000)
    const { participant, watch } = cluster.node('a')
    const told = closeIn(newsOf(participant.replica, watch), 'suspected', () => participant.replica.close())
    const [link] = [...cluster.links].filter(([pair]) => pair === 'a-c').map(([, wire]) => wire)
    const [other] = [...cluster.links].filter(([pair]) => pair === 'b-c').map(([, wire]) => wire)
    for (const wire of [link, other]) if (wire !== undefined) wire.silent = true
    cluster.world.advance(60_000)
    expect([told.isClosed, told.after, participant.net?.peers]).toEqual([true, [], []])
  })
})
