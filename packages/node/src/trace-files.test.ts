import { mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOf, recheck, register, schema } from '@rejoin/state'
import { connect, type DivergenceEvent, memoryLink, memoryStorage, type Replica } from '@rejoin/sync'
import { describe, expect, it, vi } from 'vitest'
import { openReplica } from './open-replica.ts'
import { saveTraces } from './trace-files.ts'

const fresh = (): Promise<string> => mkdtemp(join(tmpdir(), 'rejoin-traces-'))

/** A replica of which only the alarms matter. */
function alarming(): { readonly replica: Replica; readonly raise: (event: Partial<DivergenceEvent>) => void } {
  let listener: (event: DivergenceEvent) => void = () => undefined
  const onDivergence = (given: typeof listener) => {
    listener = given
    return () => undefined
  }
  const replica = { id: '00000000000000aa', onDivergence } as unknown as Replica
  return { replica, raise: (event) => listener({ document: 'raid', trace: '{}\n', ...event } as DivergenceEvent) }
}

describe('saveTraces', () => {
  it('[DV10] writes what a divergence left behind, readable by its owner alone', async () => {
    const directory = join(await fresh(), 'made', 'when missing')
    const Note = schema({ text: register('') })
    const cable = memoryLink()
    const timing = { pingMs: 20 }
    const server = await openReplica({ storage: memoryStorage(), role: 'server', timing })
    const client = await openReplica({ storage: memoryStorage(), timing, traces: { directory } })
    connect(server, { transports: [cable.listen] })
    connect(client, { transports: [cable.dial] })
    const note = await client.open('../note', Note)
    await note.change((draft) => draft.text.set('right')).reached('server')
    digestOf(note.store)
    note.store.tree.values.set(note.store.tree.findNode(['text']), 'wrong')
    recheck(note.store, 1_000)
    await vi.waitFor(async () => expect(await readdir(directory)).toHaveLength(1), { timeout: 10_000 })
    await vi.waitFor(() => expect(note.snapshot.text).toBe('right'), { timeout: 10_000 })
    const [name = ''] = await readdir(directory)
    expect(name).toMatch(/^divergence-[\dTZ-]+-_note-[0-9a-f]{16}-1\.jsonl$/)
    expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600)
    const lines = (await readFile(join(directory, name), 'utf8')).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { document: '../note', paths: [['text']] },
      [{ entries: [{ items: [{ value: 'wrong' }] }] }],
      [{ entries: [{ items: [{ value: 'right' }] }] }],
    ])
    await Promise.all([client.close(), server.close()])
  })

  it('[DV10] keeps the newest in number and bytes, and touches nothing else', async () => {
    const directory = await fresh()
    await writeFile(join(directory, 'other.jsonl'), 'x'.repeat(1_000))
    const { replica, raise } = alarming()
    const stop = saveTraces(replica, { directory, files: 3, bytes: 1_000 })
    for (let i = 0; i < 10; i++) raise({ document: `d${i}` })
    await stop()
    const traces = async () => (await readdir(directory)).filter((name) => name.startsWith('divergence')).sort()
    expect((await traces()).map((name) => /d\d/.exec(name)?.[0])).toEqual(['d7', 'd8', 'd9'])
    raise({ document: 'large', trace: 'x'.repeat(998) })
    await stop()
    expect(await traces()).toHaveLength(1)
    expect(await readdir(directory)).toContain('other.jsonl')
  })

  it('[DV10] tells what goes wrong, and goes on', async () => {
    const directory = join(await fresh(), 'file')
    await writeFile(directory, '')
    const errors: unknown[] = []
    const { replica, raise } = alarming()
    const stop = saveTraces(replica, { directory, onError: (error) => errors.push(error) })
    raise({})
    raise({ trace: 'x'.repeat(5_000_000) })
    await stop()
    expect(errors).toHaveLength(2)
  })
})
