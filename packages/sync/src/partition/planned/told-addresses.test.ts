import { describe, expect, it } from 'vitest'
import type { Permission } from '../../frame.ts'
import { deferred, type Later } from '../../later.ts'
import { insideOf } from '../../replica.ts'
import { putJson } from '../json-row.ts'
import { addressChannel, decodeAddressMessage, encodeAddressMessage } from './address-wire.ts'
import { addressPrefix } from './book-rows.ts'
import { Sea, type SeaNode, tierOf, voters } from './sea.test-helper.ts'

/** Says something over the connection of one to another, as if its program did. */
function say(from: SeaNode, to: string, bytes: Uint8Array): void {
  const session = [...insideOf(from.replica).connections].find(({ session: one }) => one.peerName === to)?.session
  if (session === undefined) throw new Error(`${from.name} is not connected to ${to}`)
  session.send({ kind: 'aside', channel: addressChannel, bytes })
}

describe('addresses that servers tell each other', () => {
  it('[PD5] are no business of clients: none is told to them, and they take none', () => {
    const sea = new Sea()
    sea.start('a')
    sea.start('b', { bootstrap: ['sim:a'] })
    const client = sea.start('page', { role: 'client', bootstrap: ['sim:a'] })
    sea.until('all connected', () => client.peers().join() === 'a', 10_000)
    const told: Uint8Array[] = []
    const { companions } = insideOf(client.replica)
    const usual = companions.get(addressChannel)
    companions.set(addressChannel, {
      channel: addressChannel,
      established: () => {},
      ended: () => {},
      receive: (_, bytes) => told.push(bytes),
    })
    sea.start('c', { bootstrap: ['sim:a'] })
    sea.world.advance(5000)
    expect(told).toEqual([])
    companions.delete(addressChannel)
    if (usual !== undefined) companions.set(addressChannel, usual)
    const a = sea.nodes.get('a') as SeaNode
    const toClient = [...insideOf(a.replica).connections].find(({ session }) => session.peer?.role === 'client')
    toClient?.session.send({
      kind: 'aside',
      channel: addressChannel,
      bytes: encodeAddressMessage({
        kind: 'addresses',
        addresses: [{ transport: 'sim', address: 'sim:b', peer: 'b' }],
      }),
    })
    // What a client says is not taken either.
    const lie = { transport: 'sim', address: 'sim:lie', peer: 'b' }
    say(client, 'a', encodeAddressMessage({ kind: 'addresses', addresses: [lie] }))
    sea.world.advance(5000)
    expect(client.dialing.addresses.map(({ address }) => address)).toEqual(['sim:a'])
    expect(client.peers()).toEqual(['a'])
    expect(a.dialing.addresses.map(({ address }) => address)).toEqual(['sim:b', 'sim:c'])
    expect(a.net.peers.some(({ role }) => role === 'client')).toBe(true)
  })

  it('[PD6] are of the tier of voters where the roster says so, and a flood pushes none of those out, nor what is configured', () => {
    const sea = new Sea()
    const roster = voters('a', 'b', 'c', 'd')
    const a = sea.start('a', { roster, bootstrap: ['sim:b'], book: { capacity: 64 } })
    const b = sea.start('b', { roster })
    sea.start('c', { roster, bootstrap: ['sim:b'] })
    const liar = sea.start('liar', { bootstrap: ['sim:a'] })
    sea.until('all connected', () => a.peers().join() === 'b,c,liar', 30_000)
    expect([tierOf(a, 'sim:b'), tierOf(a, 'sim:c'), tierOf(a, 'sim:liar')]).toEqual(['bootstrap', 'voter', 'known'])
    for (let list = 0; list < 100; list++) {
      const addresses = Array.from({ length: 64 }, (_, at) => ({
        transport: 'sim',
        address: `sim:lie-${list}-${at}`,
        peer: at % 2 === 0 ? 'c' : `x${list}-${at}`,
      }))
      if (list === 0) addresses[0] = { transport: 'tcp', address: 'sim:elsewhere', peer: 'liar' }
      if (list === 0) addresses[1] = { transport: 'sim', address: 'nonsense', peer: 'liar' }
      // That of a voter which is down stays, whoever told it and how often it fails.
      if (list === 0) addresses[2] = { transport: 'sim', address: 'sim:d', peer: 'd' }
      say(liar, 'a', encodeAddressMessage({ kind: 'addresses', addresses }))
    }
    sea.world.advance(1000)
    const all = a.dialing.addresses
    expect(['sim:b', 'sim:c', 'sim:d'].map((address) => tierOf(a, address))).toEqual(['bootstrap', 'voter', 'voter'])
    expect(all.filter(({ tier }) => tier === 'known').length).toBeLessThanOrEqual(64)
    expect(all.filter(({ peer }) => peer === 'c').length).toBeLessThanOrEqual(8)
    expect(all.filter(({ address }) => !address.startsWith('sim:') || address === 'sim:elsewhere')).toEqual([])
    expect(b.dialing.addresses.filter(({ address }) => address.startsWith('sim:lie'))).toEqual([])
    // Sixty lists in a minute are looked at.
    expect(all.some(({ address }) => address.startsWith('sim:lie-5'))).toBe(true)
    expect(all.some(({ address }) => /^sim:lie-[6-9]\d-/.test(address))).toBe(false)
    // On the disk there is as much.
    const rows = sea.disks.get('a')?.open()
    let count = 0
    rows?.read(addressPrefix).then((read) => {
      count = read.length
    })
    expect(count).toBe(all.length)
    // And none of it keeps the voters apart.
    sea.kill('liar')
    sea.world.advance(60_000)
    expect(a.peers()).toEqual(['b', 'c'])
  })

  it('[PD7] are believed of servers of the cluster only, and nobody else counts as connected', () => {
    const sea = new Sea()
    const authorize = ({ token }: { readonly token?: string | undefined }) => (token === 'ours' ? 'admin' : 'write')
    const ours = { authorize, token: () => 'ours' } as const
    const a = sea.start('a', { ...ours, at: ['sim:a', 'sim:a-too'] })
    // It calls itself like b.
    const liar = sea.start('b', { at: ['sim:liar'], bootstrap: ['sim:a'], token: () => 'mine' })
    sea.until('the liar is connected', () => liar.peers().join() === 'a', 10_000)
    sea.world.advance(1000)
    say(
      liar,
      'a',
      encodeAddressMessage({ kind: 'addresses', addresses: [{ transport: 'sim', address: 'sim:l', peer: 'c' }] }),
    )
    sea.world.advance(1000)
    expect(a.dialing.addresses).toEqual([])
    expect(liar.dialing.addresses.map(({ address }) => address)).toEqual(['sim:a'])
    expect(a.dialing.metrics().connected).toBe(0)
    // The real one is dialled although somebody of its name is there.
    const c = sea.start('c', { ...ours, bootstrap: ['sim:a'] })
    sea.until('c is connected', () => c.peers().includes('a'), 10_000)
    sea.world.advance(1000)
    expect(a.dialing.metrics().connected).toBe(1)
    expect(a.dialing.addresses.map(({ address }) => address)).toEqual(['sim:c'])
    expect(c.dialing.addresses.map(({ address }) => address)).toEqual(['sim:a', 'sim:a-too'])
  })

  it('[PD8] that nobody tells are not passed on', () => {
    const sea = new Sea()
    sea.start('a')
    sea.start('b', { bootstrap: ['sim:a'], tells: false })
    const c = sea.start('c', { bootstrap: ['sim:a', 'sim:b'] })
    const d = sea.start('d', { bootstrap: ['sim:a'] })
    sea.world.advance(60_000)
    expect(c.peers()).toEqual(['a', 'b', 'd'])
    // c dialled b and knows who answers there; b never said that it wants to be dialled.
    expect(d.dialing.addresses.map(({ address }) => address).sort()).toEqual(['sim:a', 'sim:c'])
    // And nothing is said twice: beside hellos there are a ping and a pong every ten seconds, a list for each change, and two words of its disk.
    expect(d.replica.metrics().framesOut).toBeLessThanOrEqual(55)
    // Nor is who has gone.
    sea.kill('c')
    const e = sea.start('e', { bootstrap: ['sim:a'] })
    sea.world.advance(60_000)
    expect(e.dialing.addresses.map(({ address }) => address).sort()).toEqual(['sim:a', 'sim:d'])
  })

  it('[DI12] are taken also where it took long to find out that who told them may', () => {
    const sea = new Sea()
    const authorize = (): Later<Permission> => {
      const answer = deferred<Permission>()
      sea.world.time.timers.set(3000, () => answer.resolve('admin'))
      return answer.later
    }
    const a = sea.start('a', { authorize })
    sea.start('b', { bootstrap: ['sim:a'] })
    sea.world.advance(20_000)
    expect(a.dialing.addresses.map(({ address }) => address)).toEqual(['sim:b'])
  })

  it('[PD9] that spell nonsense end the connection and nothing else', () => {
    const sea = new Sea()
    const a = sea.start('a')
    const b = sea.start('b', { bootstrap: ['sim:a'] })
    sea.until('connected', () => b.peers().length === 1, 10_000)
    sea.world.advance(1000)
    const bytes = [[], [0], [3], [0, 255, 255, 3], [1, 200], [2, 1, 97, 9]].map((given) => Uint8Array.from(given))
    for (const one of bytes) expect(decodeAddressMessage(one).ok).toBe(false)
    const before = a.replica.metrics().malformedFrames
    say(b, 'a', bytes[3] as Uint8Array)
    sea.world.advance(100)
    expect(a.replica.metrics().malformedFrames).toBe(before + 1)
    sea.until('connected again', () => b.peers().length === 1, 10_000)
    for (const message of [
      { kind: 'addresses', addresses: [{ transport: 'sim', address: 'sim:é', peer: 'b' }] },
      { kind: 'ask', document: 'raid' },
      { kind: 'given', document: 'raid', permission: 'read' },
    ] as const)
      expect(decodeAddressMessage(encodeAddressMessage(message))).toEqual({ ok: true, value: message })
  })
})

describe('the book on the disk', () => {
  it('[PD10] is read at the start; a damaged row, or one that cannot be dialled, is a row less', () => {
    const sea = new Sea()
    sea.start('a')
    sea.start('b', { bootstrap: ['sim:a'] })
    sea.until('connected', () => sea.links() === 1, 10_000)
    sea.world.advance(1000)
    sea.kill('b')
    const storage = sea.disks.get('b')?.open()
    const elsewhere = { transport: 'tcp', address: 'elsewhere', tier: 'known', source: 'a', addedAt: 1, failures: 0 }
    storage?.write([
      { kind: 'put', key: `${addressPrefix}junk`, bytes: Uint8Array.of(9, 9, 9) },
      { kind: 'put', key: `${addressPrefix}null`, bytes: Uint8Array.of(4, 110, 117, 108, 108) },
      putJson(`${addressPrefix}other`, elsewhere),
    ])
    const b = sea.start('b')
    sea.until('connected', () => b.peers().join() === 'a', 10_000)
    expect(b.dialing.addresses.map(({ address, peer }) => [address, peer])).toEqual([['sim:a', 'a']])
    expect(b.dialing.metrics().skippedRows).toBe(3)
    sea.world.advance(1000)
    let keys: string[] = []
    storage?.read(addressPrefix).then((rows) => {
      keys = rows.map(({ key }) => key)
    })
    expect(keys.length).toBe(1)
  })
})
