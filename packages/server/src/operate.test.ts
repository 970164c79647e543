import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processClock, processRandom, processTimers, webSocket } from '@rejoin/node'
import { createStore, encodeSnapshot, fenced, register, schema } from '@rejoin/state'
import { connect, createReplica, memoryStorage, type Storage } from '@rejoin/sync'
import { afterEach, describe, expect, it } from 'vitest'
import { createServer } from './create-server.ts'
import { type Operated, operate } from './operate.ts'
import type { ServerOptions } from './options.ts'

const Doc = schema({ text: register('') })
const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function start(options: Partial<ServerOptions> = {}) {
  const kept = options.dataDir === undefined ? { storage: memoryStorage() } : {}
  const server = createServer({ ...kept, port: 0, node: 'a', ...options })
  stops.push(() => server.close())
  const { url, syncUrl } = await server.listen()
  const ask = async (name: string, request: unknown) => {
    const response = await fetch(`${url}/operate/${name}`, {
      method: 'POST',
      headers: { 'x-rejoin-operator': '1' },
      body: JSON.stringify(request),
    })
    const text = await response.text()
    return { status: response.status, text, said: response.ok ? JSON.parse(text) : undefined }
  }
  const clock = { clock: processClock, timers: processTimers, random: processRandom }
  const replica = createReplica({ ...clock, storage: memoryStorage() })
  stops.push(() => replica.close())
  connect(replica, { transports: [webSocket(syncUrl)] })
  const write = async (document: string, text: string) => {
    const handle = await replica.open(document, Doc)
    await handle.change((draft) => draft.text.set(text)).reached('server')
    await handle.close()
  }
  return { ask, write, replica }
}

async function startOnDisk() {
  const dataDir = mkdtempSync(join(tmpdir(), 'rejoin-operate-'))
  stops.push(() => rmSync(dataDir, { recursive: true }))
  return await start({ dataDir })
}

describe('checkpoints', () => {
  it('[SV30] are found by the name under which they were kept, whatever it is', async () => {
    const { ask, write } = await startOnDisk()
    const document = '発'.repeat(85)
    await write(document, 'written')
    const names = ['before', 'до релиза', '発売前', '\u0101', '\u0201', 'a b', '100%', 'x'.repeat(256)]
    for (const name of names)
      expect(await ask('checkpoint', { document, name }), name).toMatchObject({ status: 200, said: { name } })
    const { said } = await ask('checkpoints', { document })
    expect((said.checkpoints as { name: string }[]).map(({ name }) => name).sort()).toEqual([...names].sort())
    for (const name of names) expect((await ask('rollback', { document, name })).status, name).toBe(200)
  })

  it('[SV30] are refused with the reason where something is no name', async () => {
    const { ask, write } = await startOnDisk()
    await write('note', 'written')
    const cases: [string, object, string][] = [
      ['checkpoint', { document: '\ud800', name: 'x' }, 'document: must be well-formed Unicode text'],
      ['checkpoint', { document: 'note', name: 'x\udc00' }, 'name: must be well-formed Unicode text'],
      ['checkpoint', { document: 'note', name: 'x'.repeat(257) }, 'name: must have at most 256 bytes'],
      ['checkpoint', { document: '発'.repeat(86), name: 'x' }, 'document: must have at most 256 bytes'],
      ['checkpoint', { document: 'note', name: 'a/b' }, 'name: must not have a slash'],
      ['checkpoint', { document: 'note', name: '' }, 'name: must not be empty'],
      ['checkpoints', { document: '\ud800' }, 'document: must be well-formed Unicode text'],
      ['rollback', { document: '\ud800', name: 'x' }, 'document: must be well-formed Unicode text'],
    ]
    for (const [name, request, reason] of cases) {
      const answer = await ask(name, request)
      expect(answer.status, reason).toBe(400)
      expect(answer.text).toContain(reason)
    }
  })

  it('[SV30] are found where their names were kept as they are, before they were encoded', async () => {
    const storage: Storage = memoryStorage()
    const { ask, write } = await start({ storage })
    await write('note', 'written')
    await ask('checkpoint', { document: 'note', name: 'new' })
    const [row] = await storage.read('k/note/')
    await storage.write([{ kind: 'put', key: 'k/note/100%', bytes: row?.bytes ?? new Uint8Array() }])
    expect((await ask('checkpoints', { document: 'note' })).said.checkpoints).toMatchObject([
      { name: '100%' },
      { name: 'new' },
    ])
    expect((await ask('rollback', { document: 'note', name: '100%' })).status).toBe(200)
  })

  it('[SV31] are not kept of what nobody has written, and nobody goes back to such a one', async () => {
    const storage: Storage = memoryStorage()
    const { ask, write } = await start({ storage })
    const refused = await ask('checkpoint', { document: 'mistyped', name: 'monday' })
    expect(refused.status).toBe(400)
    expect(refused.text).toContain('Nobody has written to mistyped, as far as the server a knows.')
    expect((await ask('checkpoints', { document: 'mistyped' })).said.checkpoints).toEqual([])
    // As one that was kept before such were refused.
    const nobody = createStore({ newAuthor: () => expect.unreachable(), now: () => 1 })
    await storage.write([{ kind: 'put', key: 'k/note/empty', bytes: encodeSnapshot(nobody) }])
    await write('note', 'written')
    const back = await ask('rollback', { document: 'note', name: 'empty' })
    expect(back.status).toBe(400)
    expect(back.text).toContain('from before anybody wrote to note')
  })

  it('[SV32] stand on the server that kept them, which is named', async () => {
    const { ask, write } = await start()
    await write('note', 'written')
    expect((await ask('checkpoint', { document: 'note', name: 'monday' })).said.server).toBe('a')
    expect((await ask('checkpoints', { document: 'note' })).said.server).toBe('a')
    const other = await start({ node: 'b' })
    const { status, text } = await other.ask('rollback', { document: 'note', name: 'monday' })
    expect(status).toBe(400)
    expect(text).toContain('note has no checkpoint named monday on the server b.')
    expect(text).toContain('Checkpoints stand on the server that kept them')
  })

  it('[SV22] name what going back leaves, and say when there was nothing to do', async () => {
    const { ask, replica } = await start()
    const Duel = schema({ turn: fenced('', { lease: 'turn' }), note: register('') })
    const duel = await replica.open('duel', Duel)
    await duel.change((draft) => draft.note.set('before')).reached('server')
    await ask('checkpoint', { document: 'duel', name: 'before' })
    const token = { lease: 'turn', epoch: 1, ballot: 1 }
    const change = duel.change(
      (draft) => {
        draft.turn.set('white')
        draft.note.set('after')
      },
      { token },
    )
    await change.reached('server')
    const kept = [{ path: ['turn'], kind: 'fenced', reason: 'token' }]
    const request = { document: 'duel', name: 'before' }
    expect((await ask('rollback', request)).said).toMatchObject({ wrote: true, kept })
    expect((await ask('rollback', request)).said).toMatchObject({ wrote: false, kept })
    await expect.poll(() => duel.snapshot).toEqual({ turn: 'white', note: 'before' })
  })

  it('[SV66] dismiss the incident that is open where one of the same name was closed before', async () => {
    const ended: unknown[] = []
    const incidents = [
      { id: 'bb', name: 'aa', outcome: 'healed' },
      { id: 'cc', name: 'aa' },
      { id: 'dd', name: 'dd', outcome: 'healed' },
    ]
    const dismiss = (...all: unknown[]) => ended.push(all)
    const on = { partitions: { self: 'a', incidents, dismiss } } as unknown as Operated
    await operate(on, 'dismiss', { incident: 'aa', reason: 'Planned.' })
    expect(ended).toEqual([['Planned.', 'cc']])
    await expect(operate(on, 'dismiss', { incident: 'dd', reason: 'Planned.' })).rejects.toThrow('closed already')
    expect(ended).toHaveLength(1)
  })
})
