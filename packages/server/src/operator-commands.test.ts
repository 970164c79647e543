import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net'
import { connect, createReplica, memoryStorage } from '@rejoin/sync'
import type { Health } from '@rejoin/sync/partition'
import { describe, expect, it } from 'vitest'
import { openClient, run, serverOf, writeNote } from './command.test-helper.ts'
import { createServer } from './create-server.ts'

/** A way to a server that can be cut. */
async function cableTo(port: number): Promise<{ readonly url: string; cut(): void }> {
  const ends: Socket[] = []
  const relay = createTcpServer((near) => {
    const far = connectTcp(port, '127.0.0.1')
    for (const end of [near, far]) ends.push(end.on('error', () => undefined))
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  return {
    url: `ws://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    cut: () => {
      relay.close()
      for (const end of ends) end.destroy()
    },
  }
}

describe('rejoin status, rejoin incidents', () => {
  it('[SV19] [SV66] [SV67] say where a running server stands, and what went wrong, or why they cannot; what is no incident is dismissed', async () => {
    const server = serverOf({ node: 'a', voters: ['a', 'b'], founding: true, advertise: [] })
    const { url, port } = await server.listen()
    const cable = await cableTo(port)
    const other = serverOf({ node: 'b', voters: ['a', 'b'], founding: true, join: [cable.url] })
    try {
      await other.listen()
      await expect
        .poll(async () => (await run(['status', '--url', url]).done).out, { timeout: 15_000 })
        .toMatch(/a, a voter of a, b; it votes.*All 2 voters have reached each other/s)
      // Without a good-bye.
      cable.cut()
      await other.close()
      await expect
        .poll(async () => (await run(['status', '--url', url]).done).out, { timeout: 5000 })
        .toContain('connected: nobody')
      expect((await run(['status', '--url', url]).done).status).toBe(0)
      await expect
        .poll(async () => (await run(['incidents', '--url', url]).done).out, { timeout: 15_000 })
        .toMatch(/\n[0-9a-f]{16} {2}\d{4}-\S+Z {2}open {4}unclassified .* b\n$/)
      const [header = '', [name = ''] = []] = (await run(['incidents', '--url', url]).done).out
        .split('\n')
        .map((line, at) => (at === 0 ? line : line.split(' ')))
      expect(header).toMatch(/^incident +began +lasted +failure +state +about$/)
      expect((await run(['incidents', name, '--url', url]).done).out).toContain(`# Incident ${name}`)
      const missing = await run(['incidents', 'nothing', '--url', url]).done
      expect(missing).toMatchObject({ status: 2 })
      expect(missing.err).toMatch(
        /^rejoin: The server at .* knows no incident of the name nothing\.\n`rejoin incidents`/,
      )
      const asData = await run(['status', '--json', '--url', url]).done
      expect(JSON.parse(asData.out)).toMatchObject({ self: 'a', mayAct: false, roster: { epoch: 1 } })
      const split = { code: 'split', text: 'On another side, or down: b.' }
      expect(server.health()).toMatchObject({ live: true, ready: true, status: 'degraded' })
      expect(server.health().reasons).toContainEqual(split)
      expect(((await (await fetch(`${url}/debug/health`)).json()) as Health).reasons).toContainEqual(split)
      expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ reasons: ['split', 'no-quorum'] })
      expect(await (await fetch(`${url}/metrics`)).text()).toContain('rejoin_degraded{reason="split"} 1')
      const listed = await run(['incidents', '--json', '--url', url]).done
      expect(JSON.parse(listed.out)).toMatchObject({ incidents: [{ name }] })
      const dismiss = (of: string) => run(['dismiss', of, '--because', 'b was taken down for good', '--url', url]).done
      expect((await dismiss('nothing')).err).toContain('knows no incident of the name nothing')
      expect((await dismiss(name)).out).toMatch(new RegExp(`^the server a is done with ${name}, and says nothing`))
      expect((await dismiss(name)).err).toContain(`The incident ${name} is closed already: dismissed.`)
      expect((await run(['incidents', name, '--url', url]).done).out).toContain('b was taken down for good')
      expect((await run(['status', '--url', url]).done).out).not.toContain(name)
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
      const dismiss = ['dismiss', 'any', '--because', 'of that']
      for (const doing of [['checkpoints', 'note'], ['rollback', 'note', 'monday'], dismiss, ['rejoin'], ['diagnose']])
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
