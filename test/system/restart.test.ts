import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openClient, Shelf, until } from './clients.ts'
import { startServer, temporaryDirectory } from './server-process.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
})
afterAll(async () => await directory.remove())

describe('a restart', () => {
  it('[SV9] brings back 100 documents, and clients come back by themselves', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `document-${index}`)
    const first = await startServer({ dataDir: directory.path })
    const writer = openClient(first.syncUrl)
    const shelves = await Promise.all(names.map((name) => writer.replica.open(name, Shelf)))
    await Promise.all(
      shelves.map((shelf, index) => shelf.change((draft) => draft.title.set(`title ${index}`)).reached('server')),
    )
    // Not acknowledged before the signal: drained or sent again, never lost.
    const late = shelves.map((shelf) => shelf.change((draft) => draft.entries.add('late')))
    expect(await first.stop()).toBe(0)
    expect(first.log.map((entry) => entry['msg'])).toEqual(expect.arrayContaining(['listening', 'draining', 'closed']))
    await until('the client noticed', () => writer.net.link.state !== 'synced')

    const second = await startServer({ dataDir: directory.path, args: ['--port', String(first.port)] })
    writer.net.reconnect()
    await Promise.all(late.map((receipt) => receipt.reached('server')))
    const reader = openClient(second.syncUrl)
    for (const [index, name] of names.entries()) {
      const shelf = await reader.replica.open(name, Shelf)
      await until(`${name} is back`, () => shelf.snapshot.title === `title ${index}`)
      await until(`what came late is in ${name}`, () => shelf.snapshot.entries.includes('late'))
    }
    await writer.close()
    await reader.close()
    expect(await second.stop('SIGINT')).toBe(0)
  })

  it('[SV10] two servers never share a directory', async () => {
    const first = await startServer({ dataDir: directory.path })
    let isWaiting = false
    const waiting = startServer({
      dataDir: directory.path,
      onEntry: ({ msg }) => {
        isWaiting ||= String(msg).includes('another server has the data open')
      },
    })
    await until('the second one waits', () => isWaiting)
    expect(first.exited).toBeUndefined()
    // The second waits, and takes over as soon as the first is gone, also when it was killed.
    await first.kill()
    const second = await waiting
    expect((await fetch(`${second.url}/readyz`)).status).toBe(200)
    expect(await second.stop()).toBe(0)
  })
})
