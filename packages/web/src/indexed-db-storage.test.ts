import type { Storage, StorageStatus } from '@rejoin/sync'
import { runStorageContract } from '@rejoin/sync/contracts'
import { forceCloseDatabase, IDBFactory, IDBKeyRange, IDBObjectStore } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { indexedDb, indexedDbOfVersion } from './indexed-db-storage.ts'

vi.stubGlobal('IDBKeyRange', IDBKeyRange)
// idb recognises the platform's objects by these.
for (const name of ['IDBDatabase', 'IDBObjectStore', 'IDBIndex', 'IDBCursor', 'IDBTransaction', 'IDBRequest']) {
  vi.stubGlobal(name, (await import('fake-indexeddb'))[name as 'IDBDatabase'])
}

beforeEach(() => vi.stubGlobal('indexedDB', new IDBFactory()))
afterEach(() => {
  vi.restoreAllMocks()
  vi.stubGlobal('localStorage', undefined)
  vi.stubGlobal('navigator', undefined)
})

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const put = (key: string, ...values: number[]) => ({ kind: 'put', key, bytes: bytes(...values) }) as const
const keysOf = async (storage: Storage) => (await storage.read('')).map((row) => row.key)
async function codeOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise
    return 'resolved'
  } catch (error) {
    return (error as { code?: unknown }).code ?? error
  }
}
const watched = (storage: Storage): StorageStatus[] => {
  const heard: StorageStatus[] = []
  storage.onStatus?.((status) => heard.push(status))
  return heard
}

/** Web Locks in memory, as far as they are used. */
function fakeLocks() {
  const held = new Set<string>()
  return {
    request: async (name: string, _options: unknown, run: (lock: object | null) => Promise<unknown>) => {
      if (held.has(name)) return await run(null)
      held.add(name)
      try {
        return await run({})
      } finally {
        held.delete(name)
      }
    },
  }
}

let failing: string | undefined
const nativePut = IDBObjectStore.prototype.put

runStorageContract({ describe, it, expect }, 'indexeddb', () => {
  vi.stubGlobal('navigator', { locks: fakeLocks() })
  const trace: string[] = []
  const storages: Storage[] = []
  return {
    open: async () => {
      const storage = indexedDb('contract')
      storages.push(storage)
      return storage
    },
    settle,
    trace: traceCompletions(trace),
    fail: () => {
      failing = 'QuotaExceededError'
      vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, ...args) {
        if (failing !== undefined) throw new DOMException('over quota', failing)
        return nativePut.apply(this, args)
      })
      return () => {
        failing = undefined
      }
    },
    dispose: async () => {
      for (const storage of storages) await storage.close()
    },
  }
})

/** Records each completed strict transaction; one that is not strict is no flush. */
function traceCompletions(trace: string[]): string[] {
  const factory = new IDBFactory()
  vi.stubGlobal('indexedDB', factory)
  const open = factory.open.bind(factory)
  factory.open = (...args) => {
    const request = open(...args)
    request.addEventListener('success', () => {
      const database = request.result
      const begin = database.transaction.bind(database)
      database.transaction = (stores, mode, options) => {
        const transaction = begin(stores, mode, options)
        if (mode === 'readwrite' && options?.durability === 'strict') {
          transaction.addEventListener('complete', () => trace.push('flush'))
        }
        return transaction
      }
    })
    return request
  }
  return trace
}

describe('indexedDb', () => {
  it('stores only the window of bytes that was handed in, without the buffer behind it', async () => {
    const storage = indexedDb('window')
    await storage.write([{ kind: 'put', key: 'w', bytes: new Uint8Array(1000).subarray(3, 5) }])
    const [row] = await storage.read('')
    expect(row?.bytes.buffer.byteLength).toBe(2)
    await storage.close()
  })

  it('works without Web Locks, and then offers no lock', async () => {
    const storage = indexedDb('lockless')
    expect(storage.withLock).toBeUndefined()
    await storage.write([put('a', 1)])
    expect(await keysOf(storage)).toEqual(['a'])
    await storage.close()
  })

  it('tells storage-unavailable where there is no IndexedDB, and works once there is', async () => {
    vi.stubGlobal('indexedDB', undefined)
    const storage = indexedDb('late')
    const heard = watched(storage)
    expect(await codeOf(storage.read(''))).toBe('storage-unavailable')
    expect(await codeOf(storage.write([put('a', 1)]))).toBe('storage-unavailable')
    vi.stubGlobal('indexedDB', new IDBFactory())
    expect(await codeOf(storage.write([put('a', 1)]))).toBe('resolved')
    expect(heard).toEqual([{ state: 'failing', code: 'storage-unavailable' }, { state: 'ok' }])
    await storage.close()
  })

  it('tells storage-unavailable when the browser forbids it (private mode)', async () => {
    const factory = new IDBFactory()
    factory.open = () => {
      throw new DOMException('denied', 'SecurityError')
    }
    vi.stubGlobal('indexedDB', factory)
    const storage = indexedDb('private')
    expect(await codeOf(storage.read(''))).toBe('storage-unavailable')
    await storage.close()
  })
})

describe('indexedDb beside other tabs', () => {
  it('makes room for a tab with a newer version, says so, and is refused until it is reloaded', async () => {
    const old = indexedDb('upgrade')
    const heard = watched(old)
    await old.write([put('a', 1)])
    const fresh = indexedDbOfVersion('upgrade', 2)
    expect(await keysOf(fresh)).toEqual(['a'])
    expect(heard).toEqual([{ state: 'failing', code: 'storage-blocked' }])
    expect(await codeOf(old.write([put('b', 1)]))).toBe('storage-blocked')
    expect(await codeOf(old.read(''))).toBe('storage-blocked')
    expect(await keysOf(fresh)).toEqual(['a'])
    await old.close()
    await fresh.close()
  })

  it('refuses calls while a tab that does not listen blocks its upgrade, and goes on when that tab closes', async () => {
    const first = indexedDb('stubborn')
    await first.write([put('a', 1)])
    await first.close()
    const stubborn = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open('rejoin/stubborn', 1)
      request.onsuccess = () => resolve(request.result)
    })
    const storage = indexedDbOfVersion('stubborn', 2)
    const heard = watched(storage)
    expect(await codeOf(storage.read(''))).toBe('storage-blocked')
    expect(await codeOf(storage.write([put('b', 1)]))).toBe('storage-blocked')
    expect(heard).toEqual([{ state: 'failing', code: 'storage-blocked' }])
    stubborn.close()
    await vi.waitFor(() => expect(heard.at(-1)).toEqual({ state: 'ok' }))
    expect(await keysOf(storage)).toEqual(['a'])
    await storage.close()
  })

  it('tells storage-evicted once when its database was deleted, then works on an empty store', async () => {
    const storage = indexedDb('evicted')
    const heard = watched(storage)
    await storage.write([put('a', 1)])
    await new Promise((resolve) => {
      indexedDB.deleteDatabase('rejoin/evicted').onsuccess = resolve
    })
    const calls = [storage.write([put('b', 1)]), storage.read('')]
    expect(await Promise.all(calls.map(codeOf))).toEqual(['storage-evicted', 'storage-evicted'])
    expect(heard).toEqual([{ state: 'failing', code: 'storage-evicted' }])
    expect(await codeOf(storage.write([put('c', 1)]))).toBe('resolved')
    expect(await keysOf(storage)).toEqual(['c'])
    expect(heard.at(-1)).toEqual({ state: 'ok' })
    await storage.close()
  })

  it('notices after a reload that the store was removed behind its back', async () => {
    const notes = new Map<string, string>()
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => notes.get(key) ?? null,
      setItem: (key: string, value: string) => notes.set(key, value),
    })
    const before = indexedDb('gone')
    await before.write([put('a', 1)])
    await before.close()
    const same = indexedDb('gone')
    expect(await keysOf(same)).toEqual(['a'])
    await same.close()
    vi.stubGlobal('indexedDB', new IDBFactory())
    const after = indexedDb('gone')
    expect(await codeOf(after.read(''))).toBe('storage-evicted')
    expect(await keysOf(after)).toEqual([])
    await after.close()
  })

  it('notices a store whose rows and marker were cleared', async () => {
    const storage = indexedDb('cleared')
    await storage.write([put('a', 1)])
    await storage.close()
    const notes = new Map([['rejoin-store:rejoin/cleared', '1']])
    vi.stubGlobal('localStorage', { getItem: (key: string) => notes.get(key) ?? null, setItem: () => {} })
    await new Promise<void>((resolve) => {
      const request = indexedDB.open('rejoin/cleared', 1)
      request.onsuccess = () => {
        const transaction = request.result.transaction(['rows', 'marker'], 'readwrite')
        transaction.objectStore('rows').clear()
        transaction.objectStore('marker').clear()
        transaction.oncomplete = () => {
          request.result.close()
          resolve()
        }
      }
    })
    const again = indexedDb('cleared')
    expect(await codeOf(again.read(''))).toBe('storage-evicted')
    expect(await codeOf(again.read(''))).toBe('resolved')
    await again.close()
  })

  it('opens again when the browser has closed the connection, and keeps the rows', async () => {
    const opened: IDBDatabase[] = []
    const open = indexedDB.open.bind(indexedDB)
    indexedDB.open = (...args) => {
      const request = open(...args)
      request.addEventListener('success', () => opened.push(request.result))
      return request
    }
    const storage = indexedDb('flaky')
    await storage.write([put('a', 1)])
    opened[0]?.close()
    await storage.write([put('b', 2)])
    forceCloseDatabase(opened[1] as never)
    await settle()
    expect(opened.length).toBe(3)
    expect(await keysOf(storage)).toEqual(['a', 'b'])
    await storage.close()
  })

  it('refuses a database that is not its own', async () => {
    await new Promise<void>((resolve) => {
      const request = indexedDB.open('rejoin/foreign', 1)
      request.onupgradeneeded = () => request.result.createObjectStore('theirs')
      request.onsuccess = () => {
        request.result.close()
        resolve()
      }
    })
    const storage = indexedDb('foreign')
    expect(await codeOf(storage.read(''))).toBe('storage-corrupt')
    await storage.close()
  })
})
