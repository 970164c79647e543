import { createMemoryDisk } from '@rejoin/sync'
import { watchPartitions } from '@rejoin/sync/partition'
import { describe, expect, it } from 'vitest'
import { openClient, run, serverOf } from './command.test-helper.ts'

describe('rejoin roster', () => {
  it('[SV37] waits until the roster is in force, with all that can be said of it', async () => {
    const server = serverOf({ node: 'a', voters: ['a'], founding: true })
    const { url } = await server.listen()
    const change = [
      'roster',
      '--voters',
      'a,b,c',
      '--weight',
      'a=3',
      '--role',
      'b=zone-1',
      '--critical',
      'a,c',
      '--unseen',
    ]
    try {
      // Those who join cannot agree: `a` has a quorum by its weight.
      const done = await run([...change, '--arbiter', 'a', '--url', url.replace('http://', '')]).done
      expect(done.err).toBe('')
      expect(done.out).toMatch(
        /^in force: a \(weight 3, critical\), b \(zone-1\), c \(critical\), by keep-majority with a as arbiter \(epoch 2\)\n/,
      )
      expect(done.status).toBe(0)
      expect(server.partitions?.status.roster).toMatchObject({
        voters: [
          { id: 'a', weight: 3, isCritical: true },
          { id: 'b', weight: 1, role: 'zone-1' },
          { id: 'c', weight: 1, isCritical: true },
        ],
        policy: { kind: 'keep-majority' },
        arbiter: 'a',
      })
    } finally {
      await server.close()
    }
  }, 60_000)

  it.each(['joins at its first start', 'was a group of its own before'])(
    '[SV46] makes a voter of a server that %s',
    async (how) => {
      const first = serverOf({ node: 'a' })
      const { url, syncUrl } = await first.listen()
      const disk = createMemoryDisk()
      if (how !== 'joins at its first start') {
        const alone = serverOf({ node: 'd', storage: disk.open() })
        await alone.listen()
        await expect.poll(() => alone.partitions?.status.isSettled).toBe(true)
        await alone.close()
      }
      const second = serverOf({ node: 'd', join: [syncUrl], storage: disk.open() })
      try {
        const { url: secondUrl } = await second.listen()
        await expect.poll(async () => (await run(['status', '--url', url]).done).out).toMatch(/connected: d\b/)
        const { out, status } = await run(['roster', '--voters', 'a,d', '--url', url]).done
        expect(out).toContain('in force: a, d, by keep-majority (epoch 2)')
        expect(status).toBe(0)
        await expect.poll(() => [first, second].map((one) => one.partitions?.status.isSettled)).toEqual([true, true])
        await expect
          .poll(async () => (await run(['status', '--check', '--url', secondUrl]).done).status, { timeout: 15_000 })
          .toBe(0)
      } finally {
        await Promise.all([first.close(), second.close()])
      }
    },
    90_000,
  )

  it('[SV47] says of a server that was a group of its own before it joined that it still is one', async () => {
    const disk = createMemoryDisk()
    const alone = serverOf({ node: 'd', storage: disk.open() })
    await alone.listen()
    await expect.poll(() => alone.partitions?.status.isSettled).toBe(true)
    await alone.close()
    const first = serverOf({ node: 'a' })
    const { url, syncUrl } = await first.listen()
    const second = serverOf({ node: 'd', join: [syncUrl], storage: disk.open() })
    try {
      const { url: secondUrl } = await second.listen()
      for (const [at, other] of [
        [url, 'd'],
        [secondUrl, 'a'],
      ] as const)
        await expect
          .poll(async () => (await run(['status', '--url', at]).done).out, { timeout: 15_000 })
          .toContain(`${other} is connected and goes by another roster: ${other}, by keep-majority.`)
      expect((await run(['roster', '--voters', 'a,d', '--url', url]).done).status).toBe(0)
      for (const at of [url, secondUrl])
        await expect
          .poll(async () => (await run(['status', '--url', at]).done).out, { timeout: 15_000 })
          .not.toContain('goes by another roster')
      expect((await run(['status', '--url', url]).done).out).toMatch(/\nUntil \S+ a renews leases that are held/)
    } finally {
      await Promise.all([first.close(), second.close()])
    }
  }, 60_000)

  it('[SV50] brings about no incident, and no split at a client, where all are there', async () => {
    const first = serverOf({ node: 'a' })
    const { url, syncUrl } = await first.listen()
    const client = await openClient(syncUrl)
    const watched = watchPartitions(client)
    const splits: unknown[] = []
    watched.on('split', (event) => splits.push(event))
    const servers = [first, ...['b', 'c'].map((node) => serverOf({ node, join: [syncUrl] }))]
    try {
      const voters = ['a']
      for (const [at, node] of ['b', 'c'].entries()) {
        await servers[at + 1]?.listen()
        await expect
          .poll(async () => (await run(['status', '--url', url]).done).out)
          .toMatch(new RegExp(`connected: .*\\b${node}\\b`))
        voters.push(node)
        expect((await run(['roster', '--voters', voters.join(), '--url', url]).done).status).toBe(0)
        for (const { partitions } of [...servers.slice(0, at + 2), { partitions: watched }])
          await expect
            .poll(
              () => partitions?.status.verdict?.mode === 'full' && partitions.status.roster?.voters.length === at + 2,
              { timeout: 15_000 },
            )
            .toBe(true)
      }
      expect(servers.map(({ partitions }) => partitions?.incidents)).toEqual([[], [], []])
      expect(splits).toEqual([])
    } finally {
      await client.close()
      await Promise.all(servers.map((server) => server.close()))
    }
  }, 60_000)

  it('[SV60] says that what counted may be lacking where a roster is forced at a server that had no vote', async () => {
    // As one that lost its disk.
    const server = serverOf({ node: 'a', voters: ['a', 'b'] })
    const { url } = await server.listen()
    const force = async () => (await run(['roster', '--force', '--voters', 'a', '--url', url]).done).out
    try {
      await expect.poll(() => server.partitions?.status.roster?.voters).toHaveLength(2)
      expect(await force()).toMatch(/^in force: a, .*\na had no vote before, so that it may lack what counted\./)
      await expect.poll(() => server.partitions?.status.isSettled).toBe(true)
      expect(await force()).not.toContain('had no vote')
    } finally {
      await server.close()
    }
  })

  it('[SV49] says which of two rosters is kept that were forced apart', async () => {
    const disk = createMemoryDisk()
    const member = (node: string, join: string[] = []) =>
      serverOf({ node, voters: ['a', 'b'], founding: true, join, ...(node === 'b' && { storage: disk.open() }) })
    const [first, apart] = [member('a'), member('b')]
    const { url, syncUrl } = await first.listen()
    const { url: apartUrl } = await apart.listen()
    for (const args of [
      ['a', '--url', url],
      ['b', '--url', apartUrl],
    ])
      expect((await run(['roster', '--force', '--voters', ...args]).done).status).toBe(0)
    await apart.close()
    const second = member('b', [syncUrl])
    try {
      const { url: secondUrl } = await second.listen()
      for (const at of [url, secondUrl])
        await expect
          .poll(async () => (await run(['status', '--url', at]).done).out, { timeout: 15_000 })
          .toMatch(
            /two rosters met that exclude each other.*: (a, .* is kept; b|b, .* is kept; a), by keep-majority is not/,
          )
    } finally {
      await Promise.all([first.close(), second.close()])
    }
  }, 60_000)

  it('[SV40] refuses a voter that the server never heard of, unless it is told to take it', async () => {
    const first = serverOf({ node: 'a', voters: ['a'], founding: true })
    const { url, syncUrl } = await first.listen()
    const second = serverOf({ node: 'd', join: [syncUrl] })
    const ask = async (voters: string, ...more: string[]) =>
      await run(['roster', '--voters', voters, '--url', url, ...more]).done
    const client = await openClient(syncUrl)
    try {
      await second.listen()
      await expect.poll(async () => (await run(['status', '--url', url]).done).out).toMatch(/connected: d\b/)
      for (const more of [[], ['--force']]) {
        const { status, err } = await ask('a,zz', ...more)
        expect(status).toBe(2)
        expect(err).toContain('rejoin: zz is no voter now, and the server a never heard of a server of that name.')
        expect(err).toContain('or say --unseen')
      }
      // A client is not heard of as a server, whatever it is called.
      const { connected } = JSON.parse((await run(['status', '--json', '--url', url]).done).out)
      const guest = (connected as string[]).find((id) => id !== 'd') as string
      expect((await ask(`a,${guest}`)).err).toContain('is no voter now')
      expect(first.partitions?.status.roster?.epoch).toBe(1)
      // One that is connected, and one that is taken on the word of an operator.
      expect((await ask('a,d', '--weight', 'a=2')).out).toContain(
        'in force: a (weight 2), d, by keep-majority (epoch 2)',
      )
      expect((await ask('a,d,zz', '--unseen', '--force')).out).toContain('in force: a (weight 2), d, zz, ')
      // A voter of now is known.
      expect((await ask('a,zz', '--force')).out).toContain('in force: a (weight 2), zz, ')
    } finally {
      await client.close()
      await second.close()
      await first.close()
    }
  }, 60_000)

  it('[SV42] leaves as it is what is not named, and prints what is in force', async () => {
    const server = serverOf({ node: 'a', voters: ['a'], founding: true })
    const { url } = await server.listen()
    const ask = async (...args: string[]) => await run(['roster', '--url', url, '--unseen', ...args]).done
    const force = async (...args: string[]) => (await ask('--force', ...args)).out
    try {
      await expect
        .poll(async () => (await run(['roster', '--url', url]).done).out)
        .toBe('epoch 1, by keep-majority, without an arbiter\nvoter  weight  role  critical\na      1       -     no\n')
      const whole = ['--weight', 'a=3', '--role', 'b=zone-1', '--critical', 'a,c', '--policy', 'static-quorum:2']
      await force('--voters', 'a,b,c', '--arbiter', 'b', ...whole)
      expect(await force('--voters', 'a,b,d')).toContain(
        'in force: a (weight 3, critical), b (zone-1), d, by static-quorum:2 with b as arbiter (epoch ',
      )
      const printed = (await run(['roster', '--url', url]).done).out.split('\n')
      expect(printed[0]).toMatch(/^epoch \d+, by static-quorum:2, with b as arbiter$/)
      expect(printed.slice(1)).toEqual([
        'voter  weight  role    critical',
        'a      3       -       yes',
        'b      1       zone-1  no',
        'd      1       -       no',
        '',
      ])
      const asData = JSON.parse((await ask('--json')).out)
      expect(asData).toMatchObject({ roster: { arbiter: 'b', policy: { kind: 'static-quorum', voters: 2 } } })
      // Each is taken away where it is named.
      expect(await force('--role', 'b=', '--weight', 'a=2', '--critical', '', '--arbiter', '')).toContain(
        'in force: a (weight 2), b, d, by static-quorum:2 (epoch ',
      )
      expect(await force('--arbiter', 'd', '--policy', 'keep-majority')).toContain(
        'd, by keep-majority with d as arbiter',
      )
      const refused: [string[], RegExp][] = [
        [['--voters', 'a,b'], /--arbiter: d is the arbiter now, and not among the voters a,b: name another one/],
        [['--critical', 'z'], /--critical: z is not among the voters a,b,d/],
        [['--force'], /--force: say with --voters who is left/],
      ]
      await force('--policy', 'static-quorum:2')
      refused.push([['--voters', 'a,b,c,d'], /--policy: static-quorum:2 is in force and makes no sense of 4 voters/])
      for (const [args, message] of refused) {
        const { status, err } = await ask(...args)
        expect(err, args.join(' ')).toMatch(message)
        expect(status).toBe(2)
      }
      // Nobody else is there to agree.
      expect((await ask('--voters', 'a,b', '--arbiter', 'a', '--wait', '0')).status).toBe(1)
      expect((await run(['roster', '--url', url]).done).out).toMatch(
        /\nThe change of the roster to a \(weight 2\), b, .* is pending/,
      )
    } finally {
      await server.close()
    }
  }, 60_000)

  it('[SV37] exits with 1 where no quorum is there, says that the proposal stands, and status shows it', async () => {
    const server = serverOf({
      node: 'a',
      voters: ['a', 'b', 'c'],
      founding: true,
    })
    const { url } = await server.listen()
    const at = ['--url', url]
    try {
      const { status, out } = await run([
        'roster',
        '--voters',
        'a,b',
        '--policy',
        'static-quorum:2',
        '--wait',
        '1',
        ...at,
      ]).done
      expect(status).toBe(1)
      expect(out).toContain('not in force after 1 s: no quorum of the voters before and after has agreed.')
      expect(out).toContain('The proposal stands')
      const shown = (await run(['status', ...at]).done).out
      expect(shown).toContain('The change of the roster to a, b, by static-quorum:2, asked for here at ')
      expect(shown).toContain('is pending')
      const again = ['roster', '--voters', 'a,b', '--policy', 'static-quorum:2', '--wait', '0', '--json', ...at]
      const longer = await run(again).done
      expect([longer.status, JSON.parse(longer.out)]).toMatchObject([1, { outcome: 'pending', roster: { epoch: 1 } }])
      const second = await run(['roster', '--voters', 'a', '--json', ...at]).done
      expect(second.status).toBe(2)
      expect(second.err).toContain('A change of the roster to a, b is on its way since')
      const forced = await run(['roster', '--voters', 'a', '--force', '--json', ...at]).done
      expect(JSON.parse(forced.out)).toMatchObject({ outcome: 'in-force', asked: { voters: [{ id: 'a', weight: 1 }] } })
      expect((await run(['status', ...at]).done).out).not.toContain('pending')
    } finally {
      await server.close()
    }
  }, 30_000)

  it('[SV37] exits with 1 where the server refuses to propose, with the reason', async () => {
    const server = serverOf({ node: 'a', voters: ['a', 'b'] })
    const { url } = await server.listen()
    try {
      const { status, out } = await run(['roster', '--voters', 'a', '--url', url]).done
      expect(status).toBe(1)
      expect(out).toContain('refused: This replica does not vote.')
      expect(out).toContain('In force is, as before: a, b, by keep-majority.')
    } finally {
      await server.close()
    }
  })

  it('[SV12] answers 2 to what it does not understand, and names it', async () => {
    const cases: [string[], RegExp][] = [
      [['--weight', 'd=2'], /--weight: d is not among the voters a,b\./],
      [['--weight', 'a'], /--weight: a is not NAME=VALUE\./],
      [['--weight', 'a=0'], /that of a must be a whole number from 1 to 255/],
      [['--role', '=x'], /--role: =x is not NAME=VALUE/],
      [['--critical', 'a,d'], /--critical: d is not among/],
      [['--wait', 'long'], /--wait: must be a whole number of seconds/],
      [
        ['--url', 'ftp://localhost'],
        /--url: ftp:\/\/localhost is not where a server answers operators\.\nGive its HTTP/,
      ],
      [['--url', 'http://'], /--url: http:\/\/ is not where/],
    ]
    for (const [args, message] of cases) {
      const { status, err } = await run(['roster', '--voters', 'a,b', ...args]).done
      expect(err, args.join(' ')).toMatch(message)
      expect(err).not.toContain('rejoin serve --help')
      expect(status, args.join(' ')).toBe(2)
    }
  })
})
