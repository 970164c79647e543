import { execFile } from 'node:child_process'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openClient, Shelf, until } from './clients.ts'
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts'

const command = fileURLToPath(new URL('../../packages/server/dist/cli.js', import.meta.url))
const voters = ['--voters', 'a,b,c']

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
const servers = new Map<string, ServerProcess>()
const holes: { readonly server: Server; readonly sockets: Set<Socket> }[] = []

async function start(test: string, name: string, args: readonly string[] = []): Promise<ServerProcess> {
  const port = servers.get(name)?.port ?? 0
  const server = await startServer({
    dataDir: `${directory.path}/${test}-${name}`,
    args: ['--node', name, '--port', String(port), ...args],
  })
  servers.set(name, server)
  return server
}

/** An address that takes connections and never says a word. */
async function hole(): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  holes.push({ server, sockets })
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/sync`
}

async function debug<T>(name: string, what: string): Promise<T> {
  return (await (await fetch(`${servers.get(name)?.url}/debug/${what}`)).json()) as T
}

const connectedOf = async (name: string): Promise<string> =>
  (await debug<{ connected: string[] }>(name, 'peers')).connected.sort().join()

beforeAll(async () => {
  directory = await temporaryDirectory()
})
afterEach(async () => {
  for (const server of servers.values()) await server.kill()
  servers.clear()
  for (const { server, sockets } of holes.splice(0)) {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
})
afterAll(() => directory.remove())

describe('servers in processes of their own that know one address', () => {
  it('[SV28] stay together when the one that they know is killed for good, and find each other again after a restart', {
    timeout: 120_000,
  }, async () => {
    const a = await start('one', 'a', [...voters, '--founding'])
    const join = ['--join', a.syncUrl]
    await start('one', 'b', [...voters, '--founding', ...join])
    await start('one', 'c', [...voters, '--founding', ...join])
    await until('all are connected', async () => (await connectedOf('c')) === 'a,b', 30_000)
    const { addresses } = await debug<{ addresses: { address: string; tier: string }[] }>('c', 'addresses')
    expect(addresses.map(({ address, tier }) => `${tier} ${address}`)).toEqual([
      `bootstrap ${a.syncUrl}`,
      `voter ${servers.get('b')?.syncUrl}`,
    ])
    const client = openClient(servers.get('b')?.syncUrl as string)
    const shelf = await client.replica.open('shelf', Shelf)
    try {
      await a.kill()
      await shelf.change((draft) => draft.entries.add('without a')).reached('server')
      await until('two of three go on', async () => (await mode('b')) === 'majority', 60_000)
      expect(await connectedOf('c')).toBe('b')

      await servers.get('c')?.kill()
      await shelf.change((draft) => draft.entries.add('without a and c')).reached('server')
      // At another port, so that only what it kept leads to b.
      servers.delete('c')
      await start('one', 'c', [...voters, ...join])
      await until('they found each other again', async () => (await connectedOf('c')) === 'b', 10_000)
      const reader = openClient(servers.get('c')?.syncUrl as string)
      const read = await reader.replica.open('shelf', Shelf)
      await until('c has what was written without it', () => read.snapshot.entries.length === 2, 10_000)
      await reader.close()
      await until('two of three go on', async () => (await mode('c')) === 'majority', 60_000)
    } finally {
      await client.close()
    }
  })

  it('[SV29] are found in time behind dead addresses and a black hole, which a diagnosis names', {
    timeout: 60_000,
  }, async () => {
    const a = await start('hole', 'a')
    const dead = 'ws://127.0.0.1:1/sync'
    const silent = await hole()
    const before = performance.now()
    const b = await start('hole', 'b', ['--join', dead, '--join', silent, '--join', a.syncUrl])
    await until('connected', async () => (await connectedOf('b')) === 'a', 5000)
    expect(performance.now() - before).toBeLessThan(8000)
    const run = promisify(execFile)
    const told = await run(process.execPath, [command, 'diagnose', '--url', b.url]).catch(
      (error: { readonly code: number; readonly stdout: string }) => error,
    )
    expect(told).toMatchObject({ code: 1 })
    expect(told.stdout).toMatch(/^ws:\/\/127\.0\.0\.1:1\/sync \(web-socket, \d+ ms\): tcp failed \(ECONNREFUSED\)/m)
    expect(told.stdout).toContain(
      'handshake failed (timeout). The connection is there, but the other side says nothing.',
    )
    expect(told.stdout).toMatch(/: works\.$/m)
    // What answered once is dialled again when it is back, also long after it was given up on.
    await a.kill()
    await until('gone', async () => (await connectedOf('b')) === '', 30_000)
    await start('hole', 'a')
    expect((await run(process.execPath, [command, 'rejoin', '--url', b.url])).stdout).toContain(dead)
    await until('connected again', async () => (await connectedOf('b')) === 'a', 3000)
  })
})

async function mode(name: string): Promise<string | undefined> {
  return (await debug<{ verdict?: { mode: string } }>(name, 'partition')).verdict?.mode
}
