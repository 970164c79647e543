import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { votedLeases, watchPartitions } from '@rejoin/sync/partition'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { relayTo, type TcpRelay } from '../support/tcp-relay.ts'
import { type Client, openClient, Shelf, until } from './clients.ts'
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const command = join(root, 'packages/server/dist/cli.js')
const run = promisify(execFile)
const names = ['a', 'b', 'c'] as const
type Name = (typeof names)[number] | 'd'

interface Step {
  readonly args: readonly string[]
  readonly expected: string
}

/** The commands of the fence of a name, with what is to be found in what each prints. */
function stepsOf(name: string): Step[] {
  const text = readFileSync(join(root, 'docs/runbooks.md'), 'utf8')
  const [, block = ''] = new RegExp(`\`\`\`sh ${name}\n([^]*?)\`\`\``).exec(text) ?? []
  return block
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [typed = '', expected = ''] = line.split(' # => ')
      return { args: typed.split(' ').slice(1), expected }
    })
}

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
const servers = new Map<Name, ServerProcess>()
const cables = new Map<string, TcpRelay>()
const clients: Client[] = []

async function start(name: (typeof names)[number], isFounding: boolean): Promise<void> {
  const joins: string[] = []
  for (const other of names.slice(0, names.indexOf(name))) {
    const pair = other + name
    const cable = cables.get(pair) ?? (await relayTo(servers.get(other)?.port as number))
    cables.set(pair, cable)
    joins.push('--join', `ws://127.0.0.1:${cable.port}`)
  }
  const port = servers.get(name)?.port ?? 0
  const args = ['--node', name, '--voters', names.join(), '--no-advertise', '--port', String(port), ...joins]
  servers.set(
    name,
    await startServer({ dataDir: join(directory.path, name), args: isFounding ? [...args, '--founding'] : args }),
  )
}

/** As a group of its own, and then again, to join the others. */
async function startAlone(name: Name): Promise<void> {
  const dataDir = join(directory.path, name)
  const args = ['--node', name, '--no-advertise']
  const alone = await startServer({ dataDir, args })
  await until('it founded a group', async () => {
    const { isSettled } = (await (await fetch(`${alone.url}/debug/partition`)).json()) as { isSettled: boolean }
    return isSettled
  })
  await alone.stop()
  const joins = names.flatMap((other) => ['--join', `ws://127.0.0.1:${servers.get(other)?.port}`])
  servers.set(name, await startServer({ dataDir, args: [...args, ...joins] }))
}

/** Carries out the commands of a runbook; each has a minute to print what it should. */
async function follow(name: string): Promise<void> {
  const steps = stepsOf(name)
  expect(steps.length, name).toBeGreaterThan(0)
  for (const { args, expected } of steps) {
    const given = args.map((arg) =>
      arg.startsWith('$') ? (servers.get(arg.slice(1).toLowerCase() as Name)?.url as string) : arg,
    )
    let printed = ''
    await until(
      `rejoin ${args.join(' ')} prints ${expected}`,
      async () => {
        printed = await run(process.execPath, [command, ...given]).then(
          ({ stdout }) => stdout,
          // A diagnosis that finds something exits with 1.
          ({ stdout, stderr }: { readonly stdout?: string; readonly stderr?: string }) =>
            stdout || `refused: ${stderr}`,
        )
        return printed.includes(expected)
      },
      65_000,
    ).catch((error: Error) => {
      throw new Error(`${error.message}; it printed ${printed}`)
    })
  }
}

beforeAll(async () => {
  directory = await temporaryDirectory()
  for (const name of names) await start(name, true)
}, 60_000)
afterAll(async () => {
  for (const client of clients) await client.close()
  for (const server of servers.values()) await server.kill()
  for (const cable of cables.values()) await cable.close()
  await directory.remove()
})

describe('the runbooks', () => {
  it('[SV23] are followed to the letter, against servers in the state that each is about', async () => {
    const client = openClient(servers.get('a')?.syncUrl as string)
    clients.push(client)
    const shelf = await client.replica.open('shelf', Shelf)
    await shelf.change((draft) => draft.title.set('kept')).reached('server')
    await follow('total-loss')

    const ada = openClient(servers.get('a')?.syncUrl as string, { name: 'ada' })
    clients.push(ada)
    const lease = await watchPartitions(ada.replica, { leases: votedLeases }).lease({ name: 'match' }, 'round')
    await lease.held()
    await follow('leases')
    await ada.close()

    const toC = [...cables].filter(([pair]) => pair.includes('c')).map(([, cable]) => cable)
    for (const cable of toC) cable.cut()
    await follow('isolated')
    await follow('partition')
    for (const cable of toC) cable.restore()
    await follow('healed')

    await follow('rollback')

    await startAlone('d')
    await follow('apart')

    for (const name of ['b', 'c', 'd'] as const) await servers.get(name)?.kill()
    await follow('majority-lost')
    await start('b', false)
    await follow('readmitted')

    // Nothing is left but the replica of one client.
    for (const name of ['a', 'b'] as const) await servers.get(name)?.kill()
    for (const name of names) await rm(join(directory.path, name), { recursive: true, force: true })
    for (const name of names) await start(name, true)
    await follow('total-loss')
    client.net.reconnect()
    const other = openClient(servers.get('c')?.syncUrl as string)
    clients.push(other)
    const again = await other.replica.open('shelf', Shelf)
    await until('the client brought it back', () => again.snapshot.title === 'kept', 60_000)
  }, 500_000)
})
