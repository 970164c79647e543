import { describe, expect, it } from 'vitest'
import { memoryLink } from '../memory-link.ts'
import { createMemoryDisk } from '../memory-storage.ts'
import type { EnvironmentHint, Storage } from '../seams.ts'
import { runEnvironmentContract } from './environment-contract.ts'
import { runStorageContract, type StorageSubject } from './storage-contract.ts'
import { runTransportContract } from './transport-contract.ts'

const api = { describe, it, expect }
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
}

function memorySubject(): StorageSubject {
  const disk = createMemoryDisk()
  return {
    open: async () => disk.open(),
    settle,
    trace: disk.trace,
    hold: () => {
      disk.autoFlush = false
      return () => {
        disk.autoFlush = true
        disk.flush()
      }
    },
    crash: async () => disk.crash(),
    fail: (code) => {
      disk.fail(code as 'storage-full')
      return () => disk.fail(undefined)
    },
    dispose: async () => {},
  }
}

runStorageContract(api, 'memory', memorySubject)

runTransportContract(api, 'memory', () => {
  const net = memoryLink()
  return {
    left: net.dial,
    right: net.listen,
    settle,
    cut: () => net.cut(),
    nowhere: memoryLink().dial,
    dispose: () => {},
  }
})

runEnvironmentContract(api, 'plain', () => {
  const listeners = new Set<(hint: EnvironmentHint) => void>()
  return {
    environment: {
      onHint: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    hints: ['online', 'offline', 'visible', 'hidden', 'pagehide'],
    fire: (hint) => {
      for (const listener of listeners) listener(hint)
    },
    dispose: () => {},
  }
})

/** Runs the storage suite without a framework and collects the titles of the tests that fail. */
async function failingTitles(factory: () => StorageSubject): Promise<string[]> {
  const bodies: [string, () => Promise<void>][] = []
  runStorageContract(
    { describe: (_name, body) => body(), it: (title, body) => bodies.push([title, body]), expect },
    'mutant',
    factory,
  )
  const failed: string[] = []
  for (const [title, body] of bodies) {
    await body().catch(() => failed.push(title.slice(1, title.indexOf(']'))))
  }
  return failed
}

describe('the storage contract catches', () => {
  it('[SO11] [SO12] [SO13] an adapter that acknowledges before the flush', async () => {
    const failed = await failingTitles(() => {
      const disk = createMemoryDisk({ autoFlush: false })
      let held = false
      const hasty = (storage: Storage): Storage => ({
        ...storage,
        write: (batch) => {
          storage.write(batch)
          void settle().then(() => {
            if (!held) disk.flush()
          })
          return Promise.resolve()
        },
      })
      return {
        ...memorySubject(),
        open: async () => hasty(disk.open()),
        trace: disk.trace,
        hold: () => {
          held = true
          return () => {
            held = false
            disk.flush()
          }
        },
        crash: async () => disk.crash(),
      }
    })
    expect(failed).toContain('SO11')
    expect(failed).toContain('SO12')
  })

  it('[SO13] an adapter whose batches tear', async () => {
    const failed = await failingTitles(() => {
      const disk = createMemoryDisk()
      const tearing = (storage: Storage): Storage => ({
        ...storage,
        write: (batch) => {
          const half = Math.ceil(batch.length / 2)
          storage.write(batch.slice(0, half))
          return storage.write(batch.slice(half))
        },
      })
      return {
        ...memorySubject(),
        open: async () => tearing(disk.open()),
        hold: () => {
          disk.autoFlush = false
          return () => {
            disk.autoFlush = true
            disk.flush()
          }
        },
        crash: async () => {
          disk.flush(1)
          disk.crash()
        },
      }
    })
    expect(failed).toContain('SO13')
  })
})
