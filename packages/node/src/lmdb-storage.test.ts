import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Storage } from '@rejoin/sync'
import { runStorageContract } from '@rejoin/sync/contracts'
import { open } from 'lmdb'
import { afterEach, describe, expect, it } from 'vitest'
import { lmdb, observedLmdb } from './lmdb-storage.ts'

const directories: string[] = []
function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rejoin-lmdb-'))
  directories.push(directory)
  return directory
}
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})

/** Holds the one write lock of an environment, as another process in a long transaction does. */
function holdWrites(path: string): () => void {
  const rival = open({ path, noSubdir: false, keyEncoding: 'binary', encoding: 'binary', overlappingSync: false })
  let release = (): void => {}
  const held = rival.transactionSync(
    () =>
      new Promise<void>((resolve) => {
        release = resolve
      }),
  )
  return () => {
    release()
    void held.then(() => rival.close())
  }
}

runStorageContract({ describe, it, expect }, 'lmdb', () => {
  const trace: string[] = []
  let path = join(freshDirectory(), 'store')
  return {
    open: async () => {
      const storage = observedLmdb(path, () => trace.push('flush'))
      // Opens the file, which takes the write lock for a moment, before a test may hold that lock.
      await storage.read('')
      return storage
    },
    settle: () => new Promise((resolve) => setTimeout(resolve, 10)),
    trace,
    hold: () => holdWrites(path),
    crash: async () => {
      const after = join(freshDirectory(), 'store')
      mkdirSync(after)
      cpSync(join(path, 'data.mdb'), join(after, 'data.mdb'))
      path = after
    },
    dispose: async () => {},
  }
})

const put = (key: string, size = 1) => ({ kind: 'put', key, bytes: new Uint8Array(size).fill(size) }) as const
const keysOf = async (storage: Storage) => (await storage.read('')).map((row) => row.key)

async function codeOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise
    return 'resolved'
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

describe('lmdb', () => {
  it('groups the batches that arrive during a sync into one commit', async () => {
    let commits = 0
    const storage = observedLmdb(freshDirectory(), () => commits++)
    await storage.write([put('first')])
    commits = 0
    await Promise.all(Array.from({ length: 50 }, (_, i) => storage.write([put(`k/${i}`)])))
    expect(commits).toBeLessThanOrEqual(4)
    await storage.close()
  })

  it('takes a store over whose holder of a lock has died', async () => {
    const path = freshDirectory()
    const storage = lmdb(path)
    await storage.write([put('row')])
    const raw = open({ path, noSubdir: false, keyEncoding: 'binary', encoding: 'binary', overlappingSync: false })
    const lockRow = Buffer.from('\u0002compact', 'latin1')
    const plant = (holder: object) => raw.put(lockRow, Buffer.from(JSON.stringify(holder)))
    const { hostname } = await import('node:os')
    const alive = { token: 't', host: hostname(), pid: process.pid, until: Date.now() + 10_000 }
    const run = async () => {}
    await plant(alive)
    expect(await storage.withLock?.('compact', run)).toBe(false)
    await plant({ ...alive, pid: 2 ** 22 + 1 })
    expect(await storage.withLock?.('compact', run)).toBe(true)
    await plant({ ...alive, until: Date.now() - 1 })
    expect(await storage.withLock?.('compact', run)).toBe(true)
    await raw.put(lockRow, Buffer.from('{"rubbish'))
    expect(await storage.withLock?.('compact', run)).toBe(true)
    expect(await keysOf(storage)).toEqual(['row'])
    await raw.close()
    await storage.close()
  })

  it('refuses a key beyond the limit of the medium and keeps the rest', async () => {
    const storage = lmdb(freshDirectory())
    expect(await codeOf(storage.write([put('k'.repeat(1977))]))).toBe('resolved')
    expect(await codeOf(storage.write([put('ok'), put('k'.repeat(1978))]))).toBe('invalid-key')
    expect((await keysOf(storage)).length).toBe(1)
    await storage.close()
  })

  it('refuses a key that it cannot spell, rather than cut it to that of another row', async () => {
    const storage = lmdb(freshDirectory())
    for (const key of ['\u0101', 'caf\u00e9', '\ud800', 'a\nb']) {
      expect(await codeOf(storage.write([put('ok'), put(key)]))).toBe('invalid-key')
      expect(await codeOf(storage.write([{ kind: 'delete-prefix', prefix: key }]))).toBe('invalid-key')
      expect(await codeOf(storage.read(key))).toBe('invalid-key')
    }
    expect(await keysOf(storage)).toEqual([])
    await storage.close()
  })

  it('tells locks apart whatever they are called', async () => {
    const storage = lmdb(freshDirectory())
    const other = async () => expect(await storage.withLock?.('\u0201', async () => undefined)).toBe(true)
    expect(await storage.withLock?.('\u0101', other)).toBe(true)
    await storage.close()
  })
})

describe('lmdb on a damaged file', () => {
  it('answers storage-corrupt for files that are no database', async () => {
    for (const content of [Buffer.alloc(100, 1), Buffer.alloc(4096), Buffer.alloc(50_000, 0xee)]) {
      const path = freshDirectory()
      writeFileSync(join(path, 'data.mdb'), content)
      const storage = lmdb(path)
      expect(await codeOf(storage.read(''))).toBe('storage-corrupt')
      expect(await codeOf(storage.write([put('a')]))).toBe('storage-corrupt')
      await storage.close()
    }
  })

  it('survives a file cut short at any page: whole rows or storage-corrupt', async () => {
    const whole = freshDirectory()
    const storage = lmdb(whole)
    for (let i = 0; i < 40; i++) await storage.write([put(`row/${i}`, 1 + i * 100), put(`other/${i}`, 5000)])
    await storage.close()
    const { length } = readFileSync(join(whole, 'data.mdb'))
    const outcomes = new Set<unknown>()
    for (let size = 4096; size < length; size += 69_632) {
      const path = freshDirectory()
      cpSync(join(whole, 'data.mdb'), join(path, 'data.mdb'))
      truncateSync(join(path, 'data.mdb'), size)
      const cut = lmdb(path)
      outcomes.add(await codeOf(cut.read('')))
      await cut.close()
    }
    expect([...outcomes]).toContain('storage-corrupt')
    for (const outcome of outcomes) expect(['resolved', 'storage-corrupt']).toContain(outcome)
  })

  it('answers storage-unavailable where no directory can be made', async () => {
    const file = join(freshDirectory(), 'file')
    writeFileSync(file, '')
    const storage = lmdb(join(file, 'store'))
    expect(await codeOf(storage.write([put('a')]))).toBe('storage-unavailable')
    await storage.close()
  })
})
