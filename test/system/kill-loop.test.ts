import { memoryStorage } from '@rejoin/sync'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, openClient, Shelf, until } from './clients.ts'
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts'

const rounds = 50
const documents = ['shelf-1', 'shelf-2', 'shelf-3']

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
})
afterAll(async () => await directory.remove())

/** What some client was told to be durable at the server: entries by document. */
type Acknowledged = Map<string, Set<string>>

describe('kill -9', () => {
  it(`[SV7] loses nothing acknowledged, ${rounds} times in a row`, { timeout: 600_000 }, async () => {
    const acknowledged: Acknowledged = new Map(documents.map((name) => [name, new Set()]))
    let unacknowledged = 0
    for (let round = 0; round < rounds; round++) {
      const server = await startServer({ dataDir: directory.path })
      await checkNothingMissing(server, acknowledged, round)
      unacknowledged += await writeUntilKilled(server, acknowledged, `round-${round}`)
    }
    const server = await startServer({ dataDir: directory.path })
    await checkNothingMissing(server, acknowledged, rounds)
    expect(await server.stop()).toBe(0)
    const total = [...acknowledged.values()].reduce((sum, entries) => sum + entries.size, 0)
    console.info(
      `${rounds} kills, ${total} changes acknowledged, ${unacknowledged} cut off before their acknowledgement`,
    )
    // The loop must have done what it says: acknowledged in every round, and been cut in the middle of work.
    expect(total).toBeGreaterThan(rounds * 3)
    expect(unacknowledged).toBeGreaterThan(rounds)
  })
})

/** A client without any memory reads everything back: nobody who has it can send it again. */
async function checkNothingMissing(server: ServerProcess, acknowledged: Acknowledged, round: number): Promise<void> {
  const reader = openClient(server.syncUrl, { storage: memoryStorage() })
  try {
    for (const [name, entries] of acknowledged) {
      const shelf = await reader.replica.open(name, Shelf)
      const missing = (): string[] => {
        const there = new Set(shelf.snapshot.entries)
        return [...entries].filter((entry) => !there.has(entry))
      }
      await until(`round ${round}: all of ${name} is back`, () => missing().length === 0).catch((error: Error) => {
        throw new Error(`${error.message}; missing ${missing().length}: ${missing().slice(0, 5)}`)
      })
      // Each change wrote to three leaves: all of them came back, or none.
      const { entries: read, count, log } = shelf.snapshot
      expect({ count, log: log.length }).toEqual({ count: read.length, log: read.length })
    }
  } finally {
    await reader.close()
  }
}

/** Three clients write until, at a random moment, an acknowledgement arrives; the server dies in that very moment. */
async function writeUntilKilled(server: ServerProcess, acknowledged: Acknowledged, label: string): Promise<number> {
  const killAt = performance.now() + 20 + Math.random() * 180
  let killed: Promise<void> | undefined
  let written = 0
  let told = 0
  const onAcknowledged = (name: string, entry: string): void => {
    acknowledged.get(name)?.add(entry)
    told += 1
    if (performance.now() >= killAt) killed ??= server.kill()
  }
  const write = async (client: Client, author: string): Promise<void> => {
    const shelves = await Promise.all(documents.map((name) => client.replica.open(name, Shelf)))
    for (let i = 0; killed === undefined; i++) {
      const index = Math.floor(Math.random() * documents.length)
      const entry = `${label}-${author}-${i}`
      const receipt = shelves[index]?.change((draft) => {
        draft.entries.add(entry)
        draft.count.add(1)
        draft.log.push(entry)
      })
      written += 1
      receipt?.reached('server').then(
        () => onAcknowledged(documents[index] ?? '', entry),
        () => undefined, // closed before it came: not acknowledged
      )
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 12))
    }
  }
  const clients = ['a', 'b', 'c'].map((author) => ({ author, client: openClient(server.syncUrl) }))
  await Promise.all(clients.map(({ client, author }) => write(client, author)))
  await killed
  // Acknowledgements that were on their way count as well.
  await new Promise((resolve) => setTimeout(resolve, 20))
  await Promise.all(clients.map(({ client }) => client.close()))
  return written - told
}
