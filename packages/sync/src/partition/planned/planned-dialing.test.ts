import { describe, expect, it } from 'vitest'
import type { EnvironmentHint } from '../../index.ts'
import { insideOf } from '../../replica.ts'
import { codeOf } from '../../world.test-helper.ts'
import { mostInOneSecond } from '../dialing/dial-world.test-helper.ts'
import { Sea, type SeaNode, tierOf, voters } from './sea.test-helper.ts'

describe('a plan of dialling', () => {
  it('[PD1] tries all bootstrap addresses at once, the first one dead or not', () => {
    const sea = new Sea()
    sea.holes.add('sim:hole')
    sea.start('a')
    const b = sea.start('b', { bootstrap: ['sim:dead', 'sim:hole', 'sim:a'] })
    expect(sea.until('connected', () => b.peers().includes('a'), 5000)).toBeLessThanOrEqual(100)
    expect(b.dialled.map(({ address }) => address).sort()).toEqual(['sim:a', 'sim:dead', 'sim:hole'])
  })

  it('[PD2] finds servers of which it only learned, after the one that told is gone for good, and after a restart', () => {
    const sea = new Sea()
    sea.start('a')
    sea.start('b', { bootstrap: ['sim:a'] })
    let c = sea.start('c', { bootstrap: ['sim:a'] })
    sea.until('all connected', () => c.peers().join() === 'a,b', 10_000)
    sea.kill('a')
    sea.world.advance(60_000)
    expect(c.peers()).toEqual(['b'])
    sea.kill('c')
    sea.world.advance(1000)
    // Elsewhere, so that only what it kept leads to b.
    c = sea.start('c', { bootstrap: ['sim:a'], at: ['sim:c-too'], tells: false })
    sea.until('found again', () => c.peers().join() === 'b', 10_000)
    // Also the other way round: whoever stayed finds who lost its disk and all of its configuration, where it was.
    sea.kill('c')
    sea.disks.delete('c')
    c = sea.start('c')
    sea.until('found by b', () => c.peers().join() === 'b', 70_000)
  })

  it('[PD3] keeps one link where both dial each other at once, without flapping', () => {
    const sea = new Sea()
    const a = sea.start('a', { bootstrap: ['sim:b'] })
    const b = sea.start('b', { bootstrap: ['sim:a'] })
    sea.world.advance(5000)
    expect([a.peers(), b.peers(), sea.links()]).toEqual([['b'], ['a'], 1])
    const { opened } = sea
    expect(opened).toBe(2)
    sea.world.advance(600_000)
    expect([sea.links(), sea.opened]).toEqual([1, opened])
    expect(a.dialing.metrics().duplicates + b.dialing.metrics().duplicates).toBe(1)
    expect(b.dialing.metrics().duplicates).toBe(1)
  })

  it('[PD4] does not dial a server that dialled us', () => {
    const sea = new Sea()
    const a = sea.start('a')
    sea.start('b', { bootstrap: ['sim:a'] })
    sea.world.advance(600_000)
    expect(a.dialing.addresses.map(({ address, peer }) => [address, peer])).toEqual([['sim:b', 'b']])
    expect(a.dialled).toEqual([])
    expect(a.dialing.metrics().connected).toBe(1)
  })
})

describe('dials', () => {
  it('[PD11] go on to the next address of a peer after 250 ms when the first is a black hole', () => {
    const sea = new Sea()
    sea.holes.add('sim:b-hole')
    sea.start('a')
    sea.start('b', { bootstrap: ['sim:a'], at: ['sim:b-hole', 'sim:b'] })
    sea.world.advance(5000)
    const c = sea.start('c', { bootstrap: ['sim:a'], tells: false })
    sea.until('connected', () => c.peers().includes('b'), 10_000)
    const [first, second] = c.dialled.filter(({ address }) => address.startsWith('sim:b'))
    expect([first?.address, second?.address]).toEqual(['sim:b-hole', 'sim:b'])
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBe(250)
    // What worked comes first the next time.
    sea.cut('b', 'c')
    sea.world.advance(100)
    c.dialled.splice(0)
    sea.restore()
    sea.until('connected', () => c.peers().includes('b'), 60_000)
    expect(c.dialled.filter(({ address }) => address.startsWith('sim:b')).at(-1)?.address).toBe('sim:b')
  })

  it('[PD12] go on over the last route to a peer, whatever its breaker says', () => {
    const sea = new Sea()
    sea.start('a')
    const c = sea.start('c', { bootstrap: ['sim:a', 'sim:b'], links: { min: 1 } })
    sea.until('the breaker is open', () => c.dialing.metrics().breakers.open === 1, 600_000)
    expect(c.dialing.addresses.find(({ address }) => address === 'sim:b')?.breaker).toBe('open')
    expect(c.dialing.metrics().failures.connect).toBeGreaterThanOrEqual(5)
    c.dialled.splice(0)
    sea.world.advance(3_600_000)
    expect(c.dialled.length).toBeGreaterThan(30)
    sea.start('b')
    sea.until('connected', () => c.peers().includes('b'), 65_000)
  })

  it('[PD13] come at once with a hint of the platform or of recovery, and where the application says so', () => {
    const sea = new Sea()
    let tell: (hint: EnvironmentHint) => void = () => {}
    const b = sea.start('b', {
      bootstrap: ['sim:a'],
      hints: (told) => {
        tell = told
      },
    })
    const wishes: (() => void)[] = [
      () => tell('online'),
      () => tell('visible'),
      () => b.dialing.redial(),
      () => b.net.reconnect(),
      () => {
        for (const redial of insideOf(b.replica).redialers) redial()
      },
    ]
    for (const [at, wish] of wishes.entries()) {
      sea.world.advance(600_000)
      expect(b.net.link.state).toBe('offline')
      sea.start('a')
      wish()
      const took = sea.until('connected', () => b.peers().length === 1, 60_000)
      expect(took, `wish ${at}`).toBeLessThanOrEqual(100)
      sea.kill('a')
    }
  })

  it('[PD13] come at once where recovery tries harder, however long the wait still is', () => {
    const sea = new Sea()
    const roster = voters('a', 'b')
    sea.start('a', { roster })
    const pace = { baseMs: 60_000, capMs: 3_600_000, knownCapMs: 3_600_000 }
    const b = sea.start('b', { roster, bootstrap: ['sim:a'], pace })
    sea.until('connected', () => b.peers().length === 1, 10_000)
    sea.world.advance(30_000)
    sea.kill('a')
    const redials = (): number => b.watch?.metrics().redials ?? 0
    for (let rung = 1; rung <= 3; rung++) {
      sea.until('it tries harder', () => redials() === rung, 200_000)
      sea.world.advance(100)
      const sinceLast = sea.world.time.clock.monotonic() - (b.dialled.at(-1)?.at ?? 0)
      expect(sinceLast, `rung ${rung}`).toBeLessThanOrEqual(200)
    }
  })

  it('[PD13] ask at once whether who is connected is there, where the platform says that it is offline', () => {
    const sea = new Sea()
    let tell: (hint: EnvironmentHint) => void = () => {}
    sea.start('a')
    const b = sea.start('b', {
      bootstrap: ['sim:a'],
      hints: (told) => {
        tell = told
      },
    })
    sea.until('connected', () => b.peers().length === 1, 10_000)
    sea.world.advance(1000)
    const before = b.replica.metrics().framesOut
    tell('offline')
    expect(b.replica.metrics().framesOut).toBe(before + 1)
  })

  it('[PD18] to several addresses of a peer end but for the one that was first', () => {
    const sea = new Sea()
    sea.slow.add('sim:b-one')
    const b = sea.start('b', { at: ['sim:b-one', 'sim:b'] })
    sea.start('a', { bootstrap: ['sim:b'] })
    sea.world.advance(1000)
    const c = sea.start('c', { bootstrap: ['sim:a'], tells: false })
    sea.until('connected', () => c.peers().includes('b'), 10_000)
    sea.world.advance(5000)
    expect(c.dialled.map(({ address }) => address)).toEqual(expect.arrayContaining(['sim:b-one', 'sim:b']))
    expect(c.net.peers.filter(({ name }) => name === 'b').map(({ remote }) => remote)).toEqual(['sim:b'])
    expect(b.net.peers.filter(({ name }) => name === 'c').length).toBe(1)
  })

  it('[PD18] that fail count against their address, whoever wins', () => {
    const sea = new Sea()
    sea.start('a')
    sea.start('b', { bootstrap: ['sim:a'], advertise: ['sim:b-gone', 'sim:b'] })
    sea.world.advance(1000)
    const c = sea.start('c', { bootstrap: ['sim:a'], tells: false })
    sea.until('connected', () => c.peers().includes('b'), 10_000)
    const failuresOf = (address: string) => c.dialing.addresses.find((at) => at.address === address)?.failures
    expect([failuresOf('sim:b-gone'), failuresOf('sim:b')]).toEqual([1, 0])
  })

  it('[PD19] are refused where there are links enough, and whoever was refused stays away for a while', () => {
    const sea = new Sea()
    const a = sea.start('a', { links: { min: 1, target: 1, max: 2 } })
    const others = ['b', 'c', 'd'].map((name) => sea.start(name, { bootstrap: ['sim:a'], tells: false }))
    sea.world.advance(5000)
    expect(a.peers().length).toBe(2)
    const refused = others.find((node) => node.peers().length === 0) as SeaNode
    refused.dialled.splice(0)
    sea.world.advance(600_000)
    expect(a.peers().length).toBe(2)
    expect(refused.dialled.length).toBeGreaterThan(5)
    expect(refused.dialled.length).toBeLessThanOrEqual(20)
  })

  it('[PD20] are not made to a voter that is reached through others, where there are links enough', () => {
    const sea = new Sea()
    const roster = voters('a', 'b', 'c')
    sea.start('a', { roster })
    sea.start('b', { roster, bootstrap: ['sim:a'] })
    const c = sea.start('c', { roster, bootstrap: ['sim:a'], links: { min: 1, target: 1 } })
    sea.cut('b', 'c')
    sea.until('all are reached', () => c.watch?.status.verdict?.sides[0]?.length === 3, 60_000)
    sea.world.advance(60_000)
    expect(c.dialing.addresses.some(({ address }) => address === 'sim:b')).toBe(true)
    c.dialled.splice(0)
    sea.world.advance(600_000)
    expect(c.dialled).toEqual([])
    // Once it is lost it is dialled again and again.
    sea.kill('b')
    sea.world.advance(600_000)
    expect(c.dialled.length).toBeGreaterThan(5)
  })

  it('[PD21] go where a finder says, and where the program says anew', () => {
    const sea = new Sea()
    sea.start('a')
    sea.start('b')
    const c = sea.start('c')
    c.dialing.learn('dns', ['sim:a', 'no address'])
    sea.until('connected', () => c.peers().join() === 'a', 10_000)
    c.dialing.configure('anchor', ['sim:b'])
    sea.until('connected', () => c.peers().join() === 'a,b', 10_000)
    expect([tierOf(c, 'sim:a'), tierOf(c, 'sim:b')]).toEqual(['known', 'anchor'])
    // Also what was said before there was anything to say it to.
    const d = sea.start('d', {
      anchors: ['sim:a'],
      bootstrap: ['sim:nobody'],
      early: (dialing) => {
        dialing.learn('dns', ['sim:b'])
        dialing.configure('bootstrap', ['sim:c'])
      },
    })
    expect(['sim:a', 'sim:b', 'sim:c', 'sim:nobody'].map((address) => tierOf(d, address))).toEqual([
      'anchor',
      'known',
      'bootstrap',
      'known',
    ])
    c.dialing.configure('anchor', [])
    expect(tierOf(c, 'sim:b')).toBe('known')
    expect(codeOf(() => c.dialing.configure('bootstrap', ['no address']))).toBe('config-invalid')
    expect(codeOf(() => c.dialing.advertise(['no address']))).toBe('config-invalid')
  })

  it('[PD14] show in the link of the net, which can be dialled anew and closed', () => {
    const sea = new Sea()
    const b = sea.start('b', { role: 'client', bootstrap: ['sim:a'] })
    expect(b.net.link.state).toBe('connecting')
    sea.world.advance(5000)
    const { link } = b.net
    expect(link).toMatchObject({ state: 'offline', reason: { code: 'unreachable' } })
    expect(link.state === 'offline' && (link.nextAttemptAt ?? 0) > sea.world.time.clock.now()).toBe(true)
    const a = sea.start('a')
    sea.until('connected', () => b.net.link.state === 'syncing', 61_000)
    const { opened } = sea
    b.net.reconnect()
    sea.until('connected anew', () => sea.opened === opened + 1 && b.peers().length === 1, 3000)
    expect(sea.links()).toBe(1)
    b.net.close()
    sea.world.advance(100)
    expect([sea.links(), a.net.peers.length, b.net.link.state]).toEqual([0, 0, 'offline'])
    b.dialled.splice(0)
    b.dialing.redial()
    sea.world.advance(600_000)
    expect(b.dialled).toEqual([])
    // Also what is under way then.
    sea.slow.add('sim:slow')
    const slow = sea.start('slow')
    const c = sea.start('c', { role: 'client', bootstrap: ['sim:slow'] })
    sea.world.advance(400)
    expect(c.net.link.state).toBe('connecting')
    c.net.close()
    sea.world.advance(5000)
    expect([c.net.peers, slow.net.peers]).toEqual([[], []])
  })

  it('[PD16] of forty that start at once are three a second each, and all are connected within 30 s, from nothing and after a restart', () => {
    const sea = new Sea()
    sea.holes.add('sim:hole')
    const names = Array.from({ length: 40 }, (_, at) => `r${at}`)
    const bootstrap = ['sim:hole', 'sim:r0', 'sim:r1']
    for (const turn of ['from nothing', 'after a restart']) {
      for (const name of names) sea.start(name, { bootstrap, preset: 'large' })
      const all = (): SeaNode[] => [...sea.nodes.values()]
      const isOne = (): boolean => all().every(({ dialing }) => dialing.metrics().connected >= 4) && isConnected(all())
      sea.until(`connected ${turn}`, isOne, 30_000)
      sea.world.advance(10_000)
      for (const { dialled } of all()) expect(mostInOneSecond(dialled.map(({ at }) => at))).toBeLessThanOrEqual(3)
      for (const name of names) sea.kill(name)
      sea.world.advance(60_000)
    }
  }, 60_000)
})

function isConnected(nodes: readonly SeaNode[]): boolean {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const seen = new Set<string>()
  const open = [nodes[0]?.name as string]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue
    seen.add(name)
    open.push(...(byName.get(name)?.peers() ?? []))
  }
  return seen.size === nodes.length
}

it('[PD15] refuses what is no address, numbers out of range, and a second connect', () => {
  const sea = new Sea()
  const start = (options: object) => codeOf(() => sea.start('x', options))
  expect(start({ bootstrap: ['http://a'] })).toBe('config-invalid')
  expect(start({ pace: { perSecond: 0 } })).toBe('config-invalid')
  expect(start({ breaker: { threshold: 0 } })).toBe('config-invalid')
  expect(start({ book: { capacity: 1 } })).toBe('config-invalid')
  const { dialing, replica } = sea.start('a')
  expect(codeOf(() => dialing.begin(replica))).toBe('config-invalid')
})
