import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { processClock, processRandom, processTimers, webSocket } from '@rejoin/node'
import { connect, createReplica, type DialTransport, memoryStorage } from '@rejoin/sync'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { durabilityOf, hasStrace, parseStrace, type SystemCall, underStrace } from '../support/strace.ts'
import { Shelf } from './clients.ts'
import { startServer, temporaryDirectory } from './server-process.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
})
afterAll(async () => await directory.remove())

describe.runIf(hasStrace())('the order of system calls', () => {
  it('[SV7] syncs the store before the frame that acknowledges leaves', async () => {
    const trace = join(directory.path, 'trace')
    const server = await startServer({ dataDir: join(directory.path, 'data'), under: underStrace(trace) })
    const { transport, lastFrame } = recording(webSocket(server.syncUrl))
    const storage = memoryStorage()
    const replica = createReplica({ clock: processClock, timers: processTimers, random: processRandom, storage })
    const net = connect(replica, { transports: [transport] })
    const shelf = await replica.open('shelf', Shelf)
    const acknowledgements: Uint8Array[] = []
    for (let i = 0; i < 5; i++) {
      await shelf.change((draft) => draft.entries.add(`entry ${i}`)).reached('server')
      acknowledgements.push(lastFrame())
    }
    net.close()
    await replica.close()
    await server.stop()

    const calls = parseStrace(await readFile(trace, 'utf8'))
    let from = 0
    for (const frame of acknowledgements) {
      const sent = calls.find((call) => call.began > from && isSending(call) && contains(bytesOf(call.args), frame))
      expect(sent, 'the acknowledgement is in the trace').toBeDefined()
      const until = sent?.began ?? 0
      const { writes, volatile } = durabilityOf(calls, 'data.mdb', from, until)
      expect(writes).toBeGreaterThan(0)
      expect(volatile).toEqual([])
      from = until
    }
  })
})

/** Keeps the latest frame that came in. */
function recording(inner: DialTransport): { transport: DialTransport; lastFrame: () => Uint8Array } {
  let last = new Uint8Array()
  const transport: DialTransport = {
    ...inner,
    dial: (events) =>
      inner.dial({
        ...events,
        frame(bytes) {
          last = bytes.slice()
          events.frame(bytes)
        },
      }),
  }
  return { transport, lastFrame: () => last }
}

function isSending(call: SystemCall): boolean {
  return /^(write|writev|sendto|sendmsg)$/.test(call.name)
}

function contains(haystack: Buffer, needle: Uint8Array): boolean {
  return haystack.includes(Buffer.from(needle))
}

/** The bytes of all strings among the arguments, as strace writes them: octal, and the escapes of C. */
function bytesOf(args: string): Buffer {
  const parts = [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1] ?? '')
  const escapes: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, v: 11, f: 12, '"': 34, '\\': 92 }
  const bytes: number[] = []
  for (const [unit, octal, letter] of parts.join('').matchAll(/\\(?:([0-7]{1,3})|(.))|[^\\]/g)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8))
    else bytes.push(letter === undefined ? unit.charCodeAt(0) : (escapes[letter] ?? 63))
  }
  return Buffer.from(bytes)
}
