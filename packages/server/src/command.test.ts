import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from './command.ts'
import type { ServeProcess } from './serve.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rejoin-command-'))
})
afterAll(async () => await rm(directory, { recursive: true }))

/** Runs a command line against a process that the test plays. */
function run(args: readonly string[], env: Record<string, string> = {}) {
  const out: string[] = []
  const err: string[] = []
  const listeners = new Map<string, () => void>()
  const exits: number[] = []
  let onListening: (entry: Record<string, unknown>) => void = () => undefined
  const listening = new Promise<Record<string, unknown>>((resolve) => {
    onListening = resolve
  })
  const io: ServeProcess = {
    env,
    stdout: {
      write(text) {
        out.push(text)
        if (text.startsWith('{') && text.includes('"listening"')) onListening(JSON.parse(text))
      },
    },
    stderr: { write: (text) => err.push(text) },
    on: (signal, listener) => listeners.set(signal, listener),
    off: (signal) => listeners.delete(signal),
    exit: (status) => exits.push(status),
  }
  const done = runCommand(args, io).then((status) => ({ status, out: out.join(''), err: err.join('') }))
  return { done, listening, exits, signal: (name: 'SIGTERM' | 'SIGINT') => listeners.get(name)?.(), listeners }
}

/** Writes to the document `note`, so that there is one. */
async function writeNote(syncUrl: string): Promise<void> {
  const { connect, createReplica, memoryStorage } = await import('@rejoin/sync')
  const { processClock, processRandom, processTimers, webSocket } = await import('@rejoin/node')
  const { register, schema } = await import('@rejoin/state')
  const platform = { clock: processClock, timers: processTimers, random: processRandom }
  const replica = createReplica({ ...platform, storage: memoryStorage() })
  connect(replica, { transports: [webSocket(syncUrl)] })
  const note = await replica.open('note', schema({ text: register('') }))
  await note.change((draft) => draft.text.set('written')).reached('server')
  await replica.close()
}

describe('rejoin', () => {
  it('[SV12] explains itself', async () => {
    const help = await run(['--help']).done
    expect(help.status).toBe(0)
    expect(help.out).toContain('serve')
    const serveHelp = await run(['serve', '--help']).done
    for (const flag of [
      '--port',
      '--host',
      '--data',
      '--config',
      '--admin-port',
      '--insecure',
      '--origin',
      '--authorize',
    ]) {
      expect(serveHelp.out).toContain(flag)
    }
    expect(Math.max(...serveHelp.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)
    const version = await run(['--version']).done
    expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('[SV12] answers 2 to what it does not understand, and names it', async () => {
    const cases: [string[], Record<string, string>, RegExp][] = [
      [['serve', '--prot', '1'], {}, /unknown option '--prot'.*--port/s],
      [['server'], {}, /unknown command 'server'/],
      [['serve', '--port', 'http'], {}, /the command line: port: must be a whole number/],
      [['serve', '--port', '70000'], {}, /port: must be 0 \(any free port\) to 65535/],
      [['serve'], { PORT: '-1' }, /the environment .*: port/],
      [['serve', '--origin', 'example.com'], {}, /origins\.0: must be scheme, host and port/],
      [['serve', '--config', join(directory, 'none.json')], {}, /none\.json: there is no such file/],
      [['serve', '--authorize', join(directory, 'none.mjs')], {}, /authorize: .*none\.mjs cannot be loaded/],
      [['serve', '--static', join(directory, 'none')], {}, /static: .*none/],
    ]
    for (const [args, env, message] of cases) {
      const { status, err } = await run(args, env).done
      expect(err, args.join(' ')).toMatch(message)
      expect(status, args.join(' ')).toBe(2)
    }
  })

  it('[SV1] refuses to serve others without a hook, and says why', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
      const { status, err } = await run(['serve', '--host', host, '--port', '0', '--data', join(directory, 'x')]).done
      expect(status).toBe(2)
      expect(err).toContain(host)
      expect(err).toContain('--insecure')
      expect(err).toContain('--authorize')
    }
  })

  it('[SV1] serves others when told how', async () => {
    const module = join(directory, 'authorize.mjs')
    await writeFile(module, "export const authorize = () => 'no'\n")
    await writeFile(join(directory, 'rejoin.json'), JSON.stringify({ authorize: './authorize.mjs', data: './one' }))
    for (const args of [
      ['--config', join(directory, 'rejoin.json')],
      ['--insecure', '--data', join(directory, 'two')],
    ]) {
      const { done, listening, signal } = run(['serve', '--host', '0.0.0.0', '--port', '0', ...args])
      expect(await Promise.race([listening, done])).toMatchObject({ host: '0.0.0.0' })
      signal('SIGTERM')
      expect((await done).status).toBe(0)
    }
  })

  it('[SV9] drains at the first signal and exits at the second', async () => {
    const { done, listening, signal, exits, listeners } = run([
      'serve',
      '--port',
      '0',
      '--data',
      join(directory, 'data'),
    ])
    const entry = await listening
    expect((await fetch(`${entry['url']}/readyz`)).status).toBe(200)
    signal('SIGINT')
    signal('SIGTERM')
    const { status, out } = await done
    expect(status).toBe(0)
    expect(exits).toEqual([130])
    expect(listeners.size).toBe(0)
    expect(out).toContain('"draining"')
    expect(out).toContain('"closed"')
  })

  it('[SV12] says when the port is taken, with status 1', async () => {
    const first = run(['serve', '--port', '0', '--data', join(directory, 'first')])
    const { port } = await first.listening
    const second = await run(['serve', '--port', String(port), '--data', join(directory, 'second')]).done
    expect(second.status).toBe(1)
    expect(second.err).toContain(`Port ${port} of 127.0.0.1 is taken`)
    first.signal('SIGTERM')
    await first.done
  })
})

describe('rejoin status, rejoin incidents', () => {
  it('[SV19] say where a running server stands, and what went wrong, or why they cannot', async () => {
    const { createServer } = await import('./create-server.ts')
    const { memoryStorage } = await import('@rejoin/sync')
    const server = createServer({ storage: memoryStorage(), port: 0, node: 'a', voters: ['a', 'b'], founding: true })
    const { url } = await server.listen()
    try {
      await expect.poll(async () => (await run(['status', '--url', url]).done).out).toContain('a, a voter of a, b')
      const { status, out } = await run(['status', '--url', url]).done
      expect(status).toBe(0)
      expect(out).toContain('connected: nobody')
      await expect
        .poll(async () => (await run(['incidents', '--url', url]).done).out, { timeout: 15_000 })
        .toMatch(/^[0-9a-f]{16} {2}\d{4}-/)
      const [name = ''] = (await run(['incidents', '--url', url]).done).out.split(' ')
      expect((await run(['incidents', name, '--url', url]).done).out).toContain(`# Incident ${name}`)
      const missing = await run(['incidents', 'nothing', '--url', url]).done
      expect(missing).toMatchObject({ status: 2 })
      expect(missing.err).toContain('there is nothing of that name')
    } finally {
      await server.close()
    }
    const gone = await run(['status', '--url', url]).done
    expect(gone.status).toBe(1)
    expect(gone.err).toContain('No server answers at')
  }, 30_000)
})

describe('rejoin checkpoint, rollback, roster', () => {
  it('[SV22] keep a document, go back to it by a change, and change who votes', async () => {
    const { createServer } = await import('./create-server.ts')
    const { connect, createReplica, memoryStorage } = await import('@rejoin/sync')
    const { processClock, processRandom, processTimers, webSocket } = await import('@rejoin/node')
    const { register, schema } = await import('@rejoin/state')
    const server = createServer({
      storage: memoryStorage(),
      port: 0,
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
      expect((await run(['checkpoint', 'note', 'monday', ...at]).done).out).toContain('"name": "monday"')
      await note.change((draft) => draft.text.set('after')).reached('server')
      expect((await run(['checkpoints', 'note', ...at]).done).out).toContain('monday')
      expect((await run(['rollback', 'note', 'monday', ...at]).done).out).toContain('"wrote": true')
      await expect.poll(() => note.snapshot.text).toBe('before')
      const missing = await run(['rollback', 'note', 'tuesday', ...at]).done
      expect(missing).toMatchObject({ status: 2 })
      expect(missing.err).toContain('note has no checkpoint named tuesday')
      // Of three voters one is here: nobody to agree with, so it takes an operator's word.
      expect((await run(['roster', '--voters', 'a', '--force', ...at]).done).status).toBe(0)
      await expect.poll(async () => (await run(['status', ...at]).done).out).toContain('a voter of a\n')
      const unsound = await run(['roster', '--voters', 'a,a', ...at]).done
      expect(unsound.err).toContain('A voter is named twice.')
    } finally {
      await replica.close()
      await server.close()
    }
  }, 30_000)

  it('[SV24] where a hook is set act with the token of an operator only', async () => {
    const { createServer } = await import('./create-server.ts')
    const { memoryStorage } = await import('@rejoin/sync')
    const server = createServer({
      storage: memoryStorage(),
      port: 0,
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
      expect((await run(checkpoint, { OPERATOR_TOKEN: 'of-an-operator' }).done).out).toContain('"name": "monday"')
      expect((await run(['status', '--url', url]).done).status).toBe(0)
    } finally {
      await server.close()
    }
  })
})

describe('rejoin diagnose, rejoin rejoin', () => {
  it('[SV27] say what stops each address, and dial whatever the wait', async () => {
    const { createServer } = await import('./create-server.ts')
    const { memoryStorage } = await import('@rejoin/sync')
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
