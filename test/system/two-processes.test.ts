import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { memoryStorage } from '@rejoin/sync'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openClient, Shelf, until } from './clients.ts'
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts'

const sharer = fileURLToPath(new URL('./children/store-sharer.mjs', import.meta.url))
const children: ChildProcess[] = []
const directories: Awaited<ReturnType<typeof temporaryDirectory>>[] = []
let server: ServerProcess

/** A process with a client replica on `store`. */
interface Sharer {
  /** Lines that begin with a word, without it. */
  said(word: string): string[]
  kill(): Promise<void>
  /** Lets it close, and answers its exit status. */
  end(): Promise<number | null>
}

function start(store: string, name: string, count: number): Sharer {
  const child = spawn(process.execPath, [sharer, store, server.syncUrl, name, String(count)])
  children.push(child)
  let text = ''
  child.stdout.on('data', (bytes) => {
    text += bytes
  })
  const gone = once(child, 'exit')
  return {
    said: (word) => [...text.matchAll(new RegExp(`^${word} (.+)$`, 'gm'))].map((found) => found[1] as string),
    kill: async () => {
      child.kill('SIGKILL')
      await gone
    },
    end: async () => {
      child.stdin.end()
      await gone
      return child.exitCode
    },
  }
}

async function directory(): Promise<string> {
  const made = await temporaryDirectory()
  directories.push(made)
  return made.path
}

/** What somebody without a past reads at the server, when it has as much as it must. */
async function entriesAtServer(atLeast: readonly string[]): Promise<{ entries: readonly string[]; count: number }> {
  const reader = openClient(server.syncUrl, { storage: memoryStorage() })
  try {
    const shelf = await reader.replica.open('shelf', Shelf)
    const missing = (): string[] => atLeast.filter((entry) => !shelf.snapshot.entries.includes(entry))
    await until('all is at the server', () => missing().length === 0).catch((error: Error) => {
      throw new Error(`${error.message}; missing ${missing()}`)
    })
    return shelf.snapshot
  } finally {
    await reader.close()
  }
}

beforeAll(async () => {
  server = await startServer({ dataDir: await directory() })
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(async () => {
  await server.stop()
  for (const { remove } of directories) await remove()
})

describe('two client processes on one store', () => {
  it('[TA4] [TA5] both write, one is killed, and the next opening leaves nothing behind', {
    timeout: 60_000,
  }, async () => {
    const store = await directory()
    const [one, two] = [start(store, 'one', 10_000), start(store, 'two', 150)]
    await until('both write', () => one.said('DISK').length > 40 && two.said('DISK').length > 40, 30_000)
    await one.kill()
    expect(await two.end()).toBe(0)
    const onDisk = [...one.said('DISK'), ...two.said('DISK')]
    expect(two.said('DISK').length).toBe(150)

    const next = start(store, 'next', 1)
    await until('the next is in sync', () => next.said('LINK').at(-1) === 'synced 0', 30_000)
    const { entries, count } = await entriesAtServer([...onDisk, 'next-0'])
    expect(count).toBe(entries.length)
    expect(await next.end()).toBe(0)
  })

  it('[LA2] what both left while the server was away is sent by whoever opens the store next', {
    timeout: 60_000,
  }, async () => {
    const [store, port] = [await directory(), server.port]
    const dataDir = directories[0]?.path ?? ''
    await server.stop()
    const [one, two] = [start(store, 'away-one', 30), start(store, 'away-two', 30)]
    await until('all is on disk', () => one.said('DISK').length === 30 && two.said('DISK').length === 30, 30_000)
    await one.kill()
    await two.kill()
    server = await startServer({ dataDir, args: ['--port', String(port)] })
    const next = start(store, 'away-next', 0)
    await until('the next is in sync', () => next.said('LINK').at(-1) === 'synced 0', 30_000)
    const { entries, count } = await entriesAtServer([...one.said('DISK'), ...two.said('DISK')])
    expect(count).toBe(entries.length)
    expect(await next.end()).toBe(0)
  })
})
