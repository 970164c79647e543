// Runs the contract suites in a real browser. The test calls `runContracts` and reads what failed.
import type { Storage, StorageStatus } from '@rejoin/sync'
import {
  type EnvironmentSubject,
  runEnvironmentContract,
  runStorageContract,
  runTransportContract,
  type StorageSubject,
  type TestApi,
} from '@rejoin/sync/contracts'
import { broadcastChannel, indexedDb, pageEnvironment } from '@rejoin/web'

interface Outcome {
  readonly title: string
  readonly failure: string | undefined
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))
let count = 0

function storageSubject(): StorageSubject {
  const name = `contract-${count++}`
  const trace: string[] = []
  const storages: Storage[] = []
  recordFlushes(trace)
  return {
    open: async () => {
      const storage = indexedDb(name)
      storages.push(storage)
      return storage
    },
    settle,
    trace,
    dispose: async () => {
      for (const storage of storages) await storage.close()
      indexedDB.deleteDatabase(`rejoin/${name}`)
    },
  }
}

const begin = IDBDatabase.prototype.transaction
let flushes: string[] = []

/** Records each completed strict transaction; one that is not strict is no flush. */
function recordFlushes(trace: string[]): void {
  flushes = trace
  IDBDatabase.prototype.transaction = function (stores, mode, options) {
    const transaction = begin.call(this, stores, mode, options)
    if (mode === 'readwrite' && options?.durability === 'strict') {
      transaction.addEventListener('complete', () => flushes.push('flush'))
    }
    return transaction
  }
}

function environmentSubject(): EnvironmentSubject {
  return {
    environment: pageEnvironment(),
    hints: ['online', 'offline', 'pagehide', 'visible'],
    fire: (hint) => {
      if (hint === 'visible') document.dispatchEvent(new Event('visibilitychange'))
      else dispatchEvent(new Event(hint))
    },
    dispose: () => {},
  }
}

async function runContracts(): Promise<Outcome[]> {
  const tests: [title: string, body: () => Promise<void>][] = []
  const api: TestApi = {
    describe: (_name, body) => body(),
    it: (title, body) => tests.push([title, body]),
    expect: (actual) => ({
      toBe: (expected) => check(Object.is(actual, expected), actual, expected),
      toEqual: (expected) => check(JSON.stringify(actual) === JSON.stringify(expected), actual, expected),
    }),
  }
  runStorageContract(api, 'indexeddb', storageSubject)
  runTransportContract(api, 'broadcast-channel', () => {
    const name = `contract-${count++}`
    return {
      left: broadcastChannel(name, { announceMs: 200 }),
      right: broadcastChannel(name, { announceMs: 200 }),
      settle,
      dispose: () => {},
    }
  })
  runEnvironmentContract(api, 'page', environmentSubject)
  const outcomes: Outcome[] = []
  for (const [title, body] of tests) {
    const failure = await body().then(
      () => undefined,
      (error: unknown) => String(error),
    )
    outcomes.push({ title, failure })
  }
  return outcomes
}

function check(good: boolean, actual: unknown, expected: unknown): void {
  if (!good) throw new Error(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`)
}

// One storage for the tests about quota and eviction, where the browser is made to misbehave from outside.
const statuses: StorageStatus[] = []
let probe: Storage | undefined
function probed(): Storage {
  if (probe === undefined) {
    probe = indexedDb('probe')
    probe.onStatus?.((status) => statuses.push(status))
  }
  return probe
}

async function codeOf(promise: PromiseLike<unknown>): Promise<string> {
  try {
    await promise
    return 'resolved'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

const hooks = {
  runContracts,
  write: (key: string, size: number) => {
    const bytes = new Uint8Array(size)
    for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536))
    return codeOf(probed().write([{ kind: 'put', key, bytes }]))
  },
  keys: async () => (await probed().read('')).map((row) => row.key),
  read: () => codeOf(probed().read('')),
  statuses: () => statuses,
  /** An upgrade by a later version of the library, from this tab. */
  upgrade: () =>
    new Promise<string>((resolve) => {
      const request = indexedDB.open('rejoin/probe', 2)
      request.onblocked = () => resolve('blocked')
      request.onsuccess = () => resolve('upgraded')
    }),
  hasLock: () => probed().withLock !== undefined,
  /** Takes the lock and keeps it until the tab is gone. */
  hold: () =>
    new Promise<void>((resolve) => {
      probed().withLock?.('compact', () => {
        resolve()
        return new Promise(() => {})
      })
    }),
  tryLock: () => probed().withLock?.('compact', async () => {}),
}

export type ContractHooks = typeof hooks
Object.assign(globalThis, { hooks })
