import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, createMemoryDisk, createReplica, memoryStorage } from '@rejoin/sync'
import { watchPartitions } from '@rejoin/sync/partition'
import { describe, expect, it } from 'vitest'
import { openClient, run, serverOf, writeNote } from './command.test-helper.ts'
import { createServer } from './create-server.ts'

describe('rejoin status, rejoin incidents', () => {
  it('[SV19] say where a running server stands, and what went wrong, or why they cannot', async () => {
    const server = serverOf({ node: 'a', voters: ['a', 'b'], founding: true })
    const { url, syncUrl } = await server.listen()
    const other = serverOf({ node: 'b', voters: ['a', 'b'], founding: true, join: [syncUrl] })
    try {
      await other.listen()
      await expect
        .poll(async () => (await run(['status', '--url', url]).done).out, { timeout: 15_000 })
        .toMatch(/a, a voter of a, b; it votes.*All 2 voters have reached each other/s)
      await other.close()
      const { status, out } = await run(['status', '--url', url]).done
      expect(status).toBe(0)
      expect(out).toContain('connected: nobody')
      await expect
        .poll(async () => (await run(['incidents', '--url', url]).done).out, { timeout: 15_000 })
        .toMatch(/\n[0-9a-f]{16} {2}\d{4}-\S+Z {2}open {4}unclassified .* b\n$/)
      const [header = '', [name = ''] = []] = (await run(['incidents', '--url', url]).done).out
        .split('\n')
        .map((line, at) => (at === 0 ? line : line.split(' ')))
      expect(header).toMatch(/^incident +began +lasted +failure +state +missing$/)
      expect((await run(['incidents', name, '--url', url]).done).out).toContain(`# Incident ${name}`)
      const missing = await run(['incidents', 'nothing', '--url', url]).done
      expect(missing).toMatchObject({ status: 2 })
      expect(missing.err).toMatch(
        /^rejoin: The server at .* knows no incident of the name nothing\.\n`rejoin incidents`/,
      )
      const asData = await run(['status', '--json', '--url', url]).done
      expect(JSON.parse(asData.out)).toMatchObject({ self: 'a', mayAct: false, roster: { epoch: 1 } })
      const listed = await run(['incidents', '--json', '--url', url]).done
      expect(JSON.parse(listed.out)).toMatchObject({ incidents: [{ name }] })
    } finally {
      await server.close()
    }
    const gone = await run(['status', '--url', url]).done
    expect(gone.status).toBe(1)
    expect(gone.err).toContain('No server answers at')
    expect(gone.err).toContain('Start it with `rejoin serve`, or give its address with --url.')
  }, 30_000)
})

describe('rejoin status', () => {
  it('[SV43] tells clients from servers, and who is connected and silent', async () => {
    const server = serverOf({ node: 'a', voters: ['a', 'b'], founding: true })
    const { url, syncUrl } = await server.listen()
    const other = serverOf({ node: 'b', voters: ['a', 'b'], founding: true, join: [syncUrl] })
    try {
      await other.listen()
      const client = await openClient(syncUrl)
      await expect
        .poll(async () => (await run(['status', '--url', url]).done).out, { timeout: 15_000 })
        .toMatch(/\nconnected: b, \S+~1 \(client\)\n/)
      await client.close()
    } finally {
      await other.close()
      await server.close()
    }
    const told = {
      self: 'a',
      connected: ['b', 'x~1', 'c', 'd'],
      servers: ['b', 'c', 'd'],
      roster: { epoch: 1, voters: [{ id: 'a' }, { id: 'b' }, { id: 'c' }], policy: { kind: 'keep-majority' } },
      verdict: { roster: { voters: [{ id: 'a' }, { id: 'b' }, { id: 'c' }] }, sides: [['a', 'c']], missingLinks: [] },
      suspected: [],
      isSettled: true,
      isPaused: false,
      explanation: ['told'],
    }
    const shown = async (more: object): Promise<string | undefined> => {
      const fake = createHttpServer((_, response) => response.end(JSON.stringify({ ...told, ...more })))
      await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve))
      try {
        const at = `http://127.0.0.1:${(fake.address() as AddressInfo).port}`
        return (await run(['status', '--url', at]).done).out.split('\n')[1]
      } finally {
        fake.close()
      }
    }
    // Who does not vote is heard or not, and nobody looks.
    expect(await shown({})).toBe('connected: b (silent), c, d, x~1 (client)')
    expect(await shown({ suspected: [{ peer: 'c' }] })).toBe('connected: b (silent), c (silent), d, x~1 (client)')
    expect(await shown({ isPaused: true })).toBe('connected: b, c, d, x~1 (client)')
    const through = { ...told.verdict, sides: [['a', 'b', 'c']], missingLinks: [['a', 'c']] }
    expect(await shown({ verdict: through })).toBe('connected: b, c (silent), d, x~1 (client)')
    const many = Array.from({ length: 12 }, (_, at) => `x~${at}`)
    expect(await shown({ connected: many })).toMatch(/x~9 \(client\), and 2 more clients$/)
  }, 30_000)
})

describe('rejoin status --check', () => {
  it('[SV36] exits with 1 where the server may not act for all, and 0 where it may', async () => {
    const alone = serverOf()
    const cutOff = serverOf({ node: 'a', voters: ['a', 'b'], founding: true })
    // Alone it is a quorum, and its disk knows of no vote: nobody says that there was none.
    const unfounded = serverOf({ node: 'a', voters: ['a'], founding: false })
    const check = async (url: string) => (await run(['status', '--check', '--url', url]).done).status
    try {
      const [first, second, third] = await Promise.all([alone.listen(), cutOff.listen(), unfounded.listen()])
      await expect.poll(() => check(first.url), { timeout: 15_000 }).toBe(0)
      expect(await check(second.url)).toBe(1)
      const { status, out } = await run(['status', '--check', '--url', third.url]).done
      expect(status).toBe(1)
      expect(out).toContain('without --founding')
      expect((await run(['status', '--url', third.url]).done).status).toBe(0)
    } finally {
      await Promise.all([alone.close(), cutOff.close(), unfounded.close()])
    }
  }, 30_000)
})

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

describe('rejoin checkpoint, rollback, roster', () => {
  it('[SV22] keep a document, go back to it by a change, and change who votes', async () => {
    const { processClock, processRandom, processTimers, webSocket } = await import('@rejoin/node')
    const { register, schema } = await import('@rejoin/state')
    const server = serverOf({
      node: 'a',
      voters: ['a', 'b', 'c'],
      founding: true,
    })
    const { url, syncUrl } = await server.listen()
    const replica = createReplica({
      clock: processClock,
      timers: processTimers,
      random: processRandom,
      storage: memoryStorage(),
    })
    try {
      connect(replica, { transports: [webSocket(syncUrl)] })
      const note = await replica.open('note', schema({ text: register('') }))
      await note.change((draft) => draft.text.set('before')).reached('server')
      const at = ['--url', url]
      const kept = await run(['checkpoint', 'note', 'monday', ...at]).done
      expect(kept.out).toMatch(/^kept note as monday: \d+ bytes, digest [0-9a-f]{16}\n/)
      expect(kept.out).toContain(`It stands on this server, a at ${url}, and on no other`)
      await note.change((draft) => draft.text.set('after')).reached('server')
      expect((await run(['checkpoints', 'note', ...at]).done).out).toMatch(/^on the server a:\nmonday {2}\d+ bytes\n$/)
      expect((await run(['rollback', 'note', 'monday', ...at]).done).out).toContain('note went back to monday')
      await expect.poll(() => note.snapshot.text).toBe('before')
      expect((await run(['rollback', 'note', 'monday', ...at]).done).out).toContain('nothing to do')
      const told = await run(['rollback', 'note', 'monday', '--json', ...at]).done
      expect(JSON.parse(told.out)).toMatchObject({ server: 'a', document: 'note', wrote: false, kept: [] })
      const missing = await run(['rollback', 'note', 'tuesday', ...at]).done
      expect(missing).toMatchObject({ status: 2 })
      expect(missing.err).toBe(
        'rejoin: note has no checkpoint named tuesday on the server a. Checkpoints stand on the server that kept them: ask that one.\n' +
          'Correct what the reason names; nothing was done.\n',
      )
      // Of three voters one is here: nobody to agree with, so it takes an operator's word.
      const forced = await run(['roster', '--voters', 'a', '--force', ...at]).done
      expect(forced).toMatchObject({ status: 0 })
      expect(forced.out).toContain('in force: a, by keep-majority')
      await expect.poll(async () => (await run(['status', ...at]).done).out).toContain('a voter of a; it votes\n')
      const unsound = await run(['roster', '--voters', 'a,a', ...at]).done
      expect(unsound.err).toContain('A voter is named twice.')
    } finally {
      await replica.close()
      await server.close()
    }
  }, 30_000)

  it('[SV24] where a hook is set act with the token of an operator only', async () => {
    const server = serverOf({
      authorize: ({ token, document }) => {
        if (document === '@cluster') return token === 'of-an-operator' ? 'admin' : 'write'
        return 'write'
      },
    })
    const { url, syncUrl } = await server.listen()
    try {
      await writeNote(syncUrl)
      const checkpoint = ['checkpoint', 'note', 'monday', '--url', url]
      const without = await run(checkpoint).done
      expect(without.status).toBe(1)
      expect(without.err).toContain('The command takes it from OPERATOR_TOKEN')
      expect((await run(checkpoint, { OPERATOR_TOKEN: 'of-a-player' }).done).status).toBe(1)
      expect((await run(checkpoint, { OPERATOR_TOKEN: 'of-an-operator' }).done).out).toContain('as monday')
      // To look from this machine needs none, and to have something done always does.
      for (const looking of [['status'], ['incidents'], ['roster']])
        expect((await run([...looking, '--url', url]).done).status, looking[0]).toBe(0)
      for (const doing of [['checkpoints', 'note'], ['rollback', 'note', 'monday'], ['rejoin'], ['diagnose']])
        expect((await run([...doing, '--url', url]).done).err, doing[0]).toContain('no token was given')
      expect((await run(['roster', '--arbiter', '', '--url', url]).done).err).toContain('no token was given')
    } finally {
      await server.close()
    }
  })
})

describe('rejoin diagnose, rejoin rejoin', () => {
  it('[SV27] say what stops each address, and dial whatever the wait', async () => {
    const asked: (string | undefined)[] = []
    const authorize = ({ token }: { readonly token?: string | undefined }) => {
      asked.push(token)
      return token === 'ours' ? 'admin' : 'no'
    }
    const start = async (node: string, port: number, join: string[]) => {
      const storage = memoryStorage()
      const server = createServer({ storage, port, node, join, authorize, joinToken: () => 'ours' })
      return { server, ...(await server.listen()) }
    }
    const first = await start('a', 0, [])
    const gone = await start('gone', 0, [])
    await gone.server.close()
    const second = await start('b', 0, [first.syncUrl, gone.syncUrl])
    const env = { OPERATOR_TOKEN: 'ours' }
    const diagnose = (...args: string[]) => run(['diagnose', ...args, '--url', second.url], env).done
    try {
      const all = await diagnose()
      expect(all.status).toBe(1)
      expect(all.out).toMatch(`${first.syncUrl} (web-socket, `)
      expect(all.out).toMatch(/: works\.\n/)
      expect(all.out).toMatch(/tcp failed \(ECONNREFUSED\)\. The machine answered that nothing listens on that port\./)
      const one = await diagnose(first.url.replace('http', 'ws'))
      expect([one.status, one.out.split('\n').length]).toEqual([0, 2])
      // The credential of the cluster goes to servers of the cluster only.
      asked.splice(0)
      const strange = await diagnose(first.syncUrl.replace('127.0.0.1', 'localhost'))
      expect(strange.out).toContain('auth failed (forbidden).')
      expect(asked.filter((token) => token !== 'ours')).toEqual([undefined])
      expect((await diagnose('http://nonsense')).status).toBe(2)

      // It has failed for a while, and would be dialled again by and by.
      await first.server.close()
      await new Promise((resolve) => setTimeout(resolve, 6000))
      const again = await start('a', first.port, [])
      const redialled = await run(['rejoin', '--url', second.url], env).done
      expect(redialled.status).toBe(0)
      expect(redialled.out).toContain(first.syncUrl)
      await expect
        .poll(async () => (await run(['status', '--url', second.url], env).done).out, { timeout: 2000 })
        .toContain('connected: a')
      await again.server.close()
    } finally {
      await second.server.close()
      await first.server.close()
    }
  }, 60_000)
})
