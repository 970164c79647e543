import { authorIdFrom, type FencingToken, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { insideOf } from '../replica.ts'
import { World } from '../world.test-helper.ts'
import { Cluster } from './cluster.test-helper.ts'
import { clientOf, Match, silence, tell, ttlMs, voters, want, wantAt } from './leases.test-helper.ts'
import { QuorumWaits } from './quorum-waits.ts'
import { StoredNews } from './stored-news.ts'

describe('a lease of a client', () => {
  it('[LX13] is given to nobody who may not write the document', () => {
    const cluster = new Cluster(['a', 'b', 'c'], {}, { maxTtlMs: ttlMs }, ({ token, document }) => {
      if (token === 'of the cluster') return document === '@cluster' ? 'admin' : 'write'
      return token === 'of a reader' ? 'read' : 'write'
    })
    cluster.world.advance(40_000)
    const refused = { token: undefined, denial: expect.stringMatching(/did not answer/) }
    for (const names of [['a'], ['a', 'b', 'c']]) {
      const reader = clientOf(cluster, 'of a reader', { names })
      const { lease } = wantAt(reader)
      cluster.world.advance(30_000)
      expect(lease).toMatchObject(refused)
      // It says that it asks for another, as only servers may.
      const accept = { kind: 'accept', lease: 'round', epoch: 1, request: 1, ttlMs, renewal: false } as const
      const message = { ...accept, token: { epoch: 1, ballot: 9 } }
      tell(reader, { kind: 'relay', asker: 'somebody\nkey', document: 'match', message })
      lease.release()
    }
    const { lease } = wantAt(clientOf(cluster, 'of a writer'))
    cluster.until('the writer holds it', () => lease.token !== undefined, 3)
  })

  it('[LX12] of a client is renewed and given back by that client only, whoever else uses its id', () => {
    const cluster = voters()
    const client = clientOf(cluster, 'of ada')
    const { lease } = wantAt(client)
    cluster.until('the client holds it', () => lease.token !== undefined, 10)
    const { epoch, ballot } = lease.token ?? { epoch: 0, ballot: 0 }
    const other = want(cluster, 'b')
    const { id } = client.participant.replica
    const impostor = clientOf(cluster, 'of mallory', { speaksAs: id })
    cluster.world.advance(1000)
    for (const key of ['', '0123456789abcdef', id]) {
      const message = { kind: 'release', lease: 'round', token: { epoch, ballot } } as const
      tell(impostor, { kind: 'lease', document: 'match', key, message })
      cluster.world.advance(3 * ttlMs)
      expect(other.lease.token).toBeUndefined()
      expect(lease.token).toMatchObject({ epoch, ballot })
    }
    // It is told who holds it, and not what would make it so.
    expect(other.lease.denial).toContain(id)
    expect(other.lease.denial).not.toMatch(/\n/)
    lease.release()
    cluster.until('another holds it', () => other.lease.token !== undefined, 30)
  })

  it('[LX32] is told to be held by the name of a client, whichever way it asked, and by that of a server', () => {
    for (const names of [['a'], ['a', 'b', 'c']]) {
      const cluster = voters()
      const ada = wantAt(clientOf(cluster, 'of ada', { names, name: 'ada' }))
      cluster.until('the client holds it', () => ada.lease.token !== undefined, 10)
      const [server, client] = [want(cluster, 'b'), wantAt(clientOf(cluster, 'of bob', { names: ['c'], name: 'bob' }))]
      cluster.world.advance(5000)
      for (const { lease } of [server, client]) {
        expect([lease.holder?.id, lease.token]).toEqual(['ada (client)', undefined])
        expect(lease.denial).toMatch(/^ada \(client\) holds it, for \d+ s more/)
      }
      client.lease.release()
      ada.lease.release()
      cluster.until('another holds it', () => server.lease.token !== undefined, 30)
      const last = wantAt(clientOf(cluster, 'of carol', { names: ['c'], name: 'carol' }))
      cluster.world.advance(5000)
      expect(last.lease.holder?.id).toBe('b')
    }
  })

  it('[LX32] is held as itself by a client that calls itself like another, like a server, at length, or in several lines', () => {
    const long = '\u{1F680}'.repeat(32)
    const cases: [string, string][] = [
      ['ada', 'ada (client)'],
      ['b', 'b (client)'],
      ['b\n', 'b (client)'],
      ['b\n0123456789abcdef', 'b (client)'],
      [long, `${'\u{1F680}'.repeat(16)} (client)`],
    ]
    for (const [name, shown] of cases) {
      const cluster = voters()
      const holder = wantAt(clientOf(cluster, 'of one', { names: ['a'], name }))
      cluster.until('the client holds it', () => holder.lease.token !== undefined, 10)
      const token = holder.lease.token as FencingToken
      const same = clientOf(cluster, 'of the other', { names: ['c'], name })
      const other = wantAt(same)
      const { epoch, ballot } = token
      const message = { kind: 'release', lease: 'round', token: { epoch, ballot } } as const
      tell(same, { kind: 'lease', document: 'match', key: '', message })
      cluster.world.advance(3 * ttlMs)
      expect([holder.lease.token, other.lease.token, other.lease.holder?.id]).toEqual([token, undefined, shown])
    }
  })

  it('[LX16] comes to a client of one server through that one, and is kept and given back through it', () => {
    const cluster = voters()
    const { lease, handle, told } = wantAt(clientOf(cluster, 'of ada', { names: ['a'] }))
    cluster.until('the client holds it', () => lease.token !== undefined, 10)
    const other = want(cluster, 'b')
    handle.change((draft) => draft.round.set(1), { token: lease.token as FencingToken })
    cluster.world.advance(5 * ttlMs)
    expect([told, other.lease.token]).toEqual([['usable'], undefined])
    // Its server is cut off from the others, and with it the client.
    cluster.between('a', 'bc', true)
    cluster.until('another holds it', () => other.lease.token !== undefined, 60)
    expect([told, lease.token]).toEqual([['usable', 'lost'], undefined])
    expect(lease.denial).toMatch(/did not answer/)
    expect(other.handle.snapshot.round).toBe(1)
    cluster.between('a', 'bc', false)
    other.lease.release()
    cluster.until('the client holds it again', () => lease.token !== undefined, 90)
    lease.release()
    const last = want(cluster, 'c')
    cluster.until('another holds it at once', () => last.lease.token !== undefined, 3)
  })

  it('[LX16] comes to a client of a server without a vote', () => {
    const ids = ['a', 'b', 'c'].map((id) => ({ id, weight: 1 }))
    const cluster = new Cluster(['a', 'b', 'c', 'd'], { voters: ids }, { maxTtlMs: ttlMs })
    cluster.world.advance(40_000)
    const { lease } = wantAt(clientOf(cluster, 'of ada', { names: ['d'] }))
    cluster.until('the client holds it', () => lease.token !== undefined, 10)
  })

  it('[LX17] is renewed through another server by whom it belongs to, and given back by nobody else', () => {
    const cluster = voters()
    const ada = clientOf(cluster, 'of ada', { names: ['a', 'b'] })
    const { lease } = wantAt(ada)
    cluster.until('the client holds it', () => lease.token !== undefined, 10)
    const token = lease.token as FencingToken
    ada.links[0]?.cut()
    cluster.world.advance(3 * ttlMs)
    expect(lease.token).toEqual(token)
    ada.links[0]?.restore()
    const { id } = ada.participant.replica
    const mallory = clientOf(cluster, 'of mallory', { names: ['c'], speaksAs: id })
    mallory.participant.replica.open('match', Match)
    cluster.world.advance(1000)
    const { epoch, ballot } = token
    const told = [
      ...['a', 'b'].map((voter) => ({ kind: 'ask', voter, document: 'match', key: 'x' }) as const),
      { kind: 'relay', asker: `${id}\n`, document: 'match' } as const,
    ]
    for (const one of told)
      tell(mallory, { ...one, message: { kind: 'release', lease: 'round', token: { epoch, ballot } } })
    const other = want(cluster, 'c')
    cluster.world.advance(3 * ttlMs)
    expect([other.lease.token, lease.token]).toEqual([undefined, token])
  })

  it('[LX19] is kept through another server while the connection that made a quorum is dead, and nobody noticed', () => {
    const cluster = voters()
    const ada = clientOf(cluster, 'of ada', { names: ['a', 'b'] })
    cluster.between('c', 'ab', true)
    const { lease, told } = wantAt(ada)
    cluster.until('the client holds it', () => lease.token !== undefined, 10)
    silence(ada.links[1])
    let ended = 0
    insideOf(ada.participant.replica).companions.set(99, {
      channel: 99,
      established: () => undefined,
      receive: () => undefined,
      ended: () => {
        ended += 1
      },
    })
    cluster.world.advance(2 * ttlMs)
    expect([told, ended]).toEqual([['usable'], 0])
  })

  it('[LX18] a client of one server learns that a quorum has what it wrote, under a lease or not, and not before it has', () => {
    const cluster = voters()
    const ada = clientOf(cluster, 'of ada', { names: ['a'] })
    const { lease, handle } = wantAt(ada)
    cluster.until('the client holds it', () => lease.token !== undefined, 10)
    const told: string[] = []
    const write = (name: string): void => {
      const titled = handle.change((draft) => draft.title.set(name))
      ada.watch.reached({ name: 'match' }, titled).then(() => told.push(name))
    }
    write('first')
    lease
      .reached(handle.change((draft) => draft.round.set(1), { token: lease.token as FencingToken }))
      .then(() => told.push('counts'))
    cluster.world.advance(500)
    expect(told).toEqual(['first', 'counts'])
    cluster.between('a', 'bc', true)
    write('apart')
    cluster.world.advance(30_000)
    expect(told).toEqual(['first', 'counts'])
    // Asked anew by whoever was not connected meanwhile.
    ada.links[0]?.cut()
    cluster.world.advance(60_000)
    ada.links[0]?.restore()
    cluster.between('a', 'bc', false)
    cluster.world.advance(60_000)
    expect(told).toEqual(['first', 'counts', 'apart'])
  })

  it('[LX18] costs a server one look at each voter for all who wait, however many do', () => {
    const looksWith = (clients: number): number => {
      const core = insideOf(new World().replica({ role: 'server', name: 'a' }).replica)
      let looks = 0
      const stream = { rights: { isReader: true }, durableThere: { get: () => 0 } }
      const sessions = Array.from({ length: clients }, () => {
        const get = (): unknown => {
          looks += 1
          return stream
        }
        return { streams: { get } }
      })
      const sessionsOf = (id: string): unknown[] => (/^c/.test(id) ? [sessions[Number(id.slice(1))]] : [sessions[0]])
      const neighbours = { ids: sessions.map((_, at) => `c${at}`), servers: [], sessionsOf, send: () => undefined }
      const roster = { epoch: 1, voters: ['a', 'b', 'c'].map((id) => ({ id, weight: 1 })) }
      const policy = { kind: 'keep-majority' } as const
      const waits = new QuorumWaits(core, 'a', neighbours as never, () => ({ ...roster, policy }))
      const news = new StoredNews(core, neighbours as never, waits)
      const authors = Array.from({ length: 16 }, (_, at) => [authorIdFrom(`00000000000000${at + 10}`), 5] as const)
      core.batch(() => {
        for (const session of sessions) news.awaits(session as never, 'match', Version.from(authors))
      })
      looks = 0
      core.batch(() => news.stored('match'))
      return looks
    }
    expect([looksWith(10), looksWith(40)]).toEqual([13, 43])
  })

  it('[LX18] asks its servers anew where the connection that made a quorum of them ends', () => {
    const cluster = voters()
    const ada = clientOf(cluster, 'of ada', { names: ['a', 'b'] })
    const { handle } = wantAt(ada)
    cluster.world.advance(2000)
    cluster.between('b', 'ac', true)
    silence(ada.links[1])
    let isStored = false
    ada.watch
      .reached(
        { name: 'match' },
        handle.change((draft) => draft.title.set('apart')),
      )
      .then(() => {
        isStored = true
      })
    cluster.until('a and c have it', () => isStored, 60)
  })
})
