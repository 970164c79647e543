import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from './command.test-helper.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rejoin-command-'))
})
afterAll(async () => await rm(directory, { recursive: true }))

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
      [['serve', '--prot', '1'], {}, /unknown option '--prot'.*--port.*\(rejoin serve --help: what there is\)/s],
      [['roster', '--voter', 'a'], {}, /unknown option '--voter'.*\(rejoin roster --help: what there is\)/s],
      [['checkpoint', 'note'], {}, /missing required argument 'name'\n\(rejoin checkpoint --help: what there is\)/],
      [['status', '--url', '5100'], {}, /--url: 5100 is a number without a host\.\n.* http:\/\/127\.0\.0\.1:5100\./],
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
      if (err.startsWith('rejoin: ') && args[0] === 'serve')
        expect(err).toMatch(/; `rejoin serve --help` lists the settings\.\n$/)
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

  it('[SV38] says what to do here, each in one sentence', async () => {
    const file = join(directory, 'a-file')
    await writeFile(file, 'not a directory')
    const cases: [string[], RegExp][] = [
      [['--data', join(file, 'data')], /cannot be opened in .*\nName a directory that this user may make and write/],
      [['--voters', 'a,b'], /^rejoin: voters: .* has no name yet\. Give it one of the list \(--node, node\)\.\n/],
      [['--node', 'c', '--voters', 'a,b'], /^rejoin: voters: the list must have this server too, which is called c,/],
      [['--policy', 'most'], /policy: must be keep-majority, static-quorum:N, two-thirds/],
      [['--authorize', join(directory, 'none.mjs')], /none\.mjs cannot be loaded: .*[^.]\.\nCorrect/],
    ]
    for (const [args, message] of cases) {
      const { status, err } = await run(['serve', '--port', '0', '--data', join(directory, 'unused'), ...args]).done
      expect(err, args.join(' ')).toMatch(message)
      expect(err).not.toMatch(/\.\.\n|createServer|in memory/)
      expect(status, args.join(' ')).toBeGreaterThan(0)
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
