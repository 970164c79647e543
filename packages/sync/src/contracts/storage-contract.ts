import type { Storage, StorageOp } from '../seams.ts'
import { eventually, outcomeOf, type TestApi } from './test-api.ts'

/** One store under test. What is optional widens the suite where the platform can show it. */
export interface StorageSubject {
  /** Another opening of the same rows; the first call opens the empty store. */
  open(): PromiseLike<Storage>
  /** Lets the platform work for a moment: a few milliseconds, or one turn of a virtual one. */
  settle(): PromiseLike<void>
  /**
   * The order of events. The adapter under test (through whatever hook it has) appends `flush` when its platform
   * reports a batch as synced to the medium; the suite appends `ack` when the write's answer arrives.
   */
  readonly trace?: string[]
  /** Keeps batches from becoming durable until the answer is called. */
  hold?(): () => void
  /** Loses what is not durable, as a power cut does. The next `open` sees the rest. */
  crash?(): PromiseLike<void>
  /** Makes writes fail with this code until the answer is called. */
  fail?(code: string): () => void
  /** Closes what is left and removes the rows. */
  dispose(): PromiseLike<void>
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const put = (key: string, ...values: number[]): StorageOp => ({ kind: 'put', key, bytes: bytes(...values) })

/** The suite for a `Storage`. An adapter that answers before the medium has the batch does not pass. */
export function runStorageContract(
  { describe, it, expect }: TestApi,
  name: string,
  factory: () => StorageSubject | PromiseLike<StorageSubject>,
): void {
  const scenario = (title: string, body: (subject: StorageSubject, storage: Storage) => Promise<void>): void => {
    it(title, async () => {
      const subject = await factory()
      const storage = await subject.open()
      await body(subject, storage)
      await storage.close()
      await subject.dispose()
    })
  }
  const dump = async (storage: Storage, prefix: string): Promise<string[]> =>
    (await storage.read(prefix)).map((row) => `${row.key}=${[...row.bytes].join(',')}`)

  describe(`storage contract: ${name}`, () => {
    scenario('[SO1] reads the rows of a prefix in key order', async (_subject, storage) => {
      await storage.write([put('b/2', 2), put('a/1', 1), put('b/10', 10), put('b', 9), put('c/0', 0), put('b/~', 7)])
      expect(await dump(storage, 'b/')).toEqual(['b/10=10', 'b/2=2', 'b/~=7'])
      expect(await dump(storage, 'nothing/')).toEqual([])
      expect((await dump(storage, '')).length).toBe(6)
    })

    scenario('[SO2] replaces, deletes, and deletes by prefix, in the order of the batch', async (_subject, storage) => {
      await storage.write([put('d/x', 1), put('d/y', 2), put('e/x', 3)])
      await storage.write([
        put('d/x', 4),
        { kind: 'delete', key: 'd/y' },
        { kind: 'delete', key: 'd/absent' },
        { kind: 'delete-prefix', prefix: 'e/' },
        put('e/z', 5),
      ])
      expect(await dump(storage, '')).toEqual(['d/x=4', 'e/z=5'])
      await storage.write([put('f/1', 1), { kind: 'delete-prefix', prefix: 'f/' }])
      expect(await dump(storage, 'f/')).toEqual([])
    })

    scenario('[SO3] keeps bytes exactly, empty and large ones too', async (_subject, storage) => {
      const large = new Uint8Array(300_000)
      for (let i = 0; i < large.length; i++) large[i] = (i * 31) & 0xff
      await storage.write([
        { kind: 'put', key: 'empty', bytes: new Uint8Array(0) },
        { kind: 'put', key: 'large', bytes: large },
        { kind: 'put', key: 'window', bytes: large.subarray(100, 110) },
      ])
      expect((await storage.read('empty'))[0]?.bytes.length).toBe(0)
      expect(same((await storage.read('large'))[0]?.bytes, large)).toBe(true)
      expect(same((await storage.read('window'))[0]?.bytes, large.subarray(100, 110))).toBe(true)
    })

    scenario('[SO4] sees every batch that was handed in before the read', async (_subject, storage) => {
      const writes = [storage.write([put('k', 1)]), storage.write([put('k', 2)]), storage.write([put('l', 3)])]
      expect(await dump(storage, '')).toEqual(['k=2', 'l=3'])
      await Promise.all(writes)
    })

    scenario('[SO5] answers writes in call order', async (_subject, storage) => {
      const order: number[] = []
      const writes = [0, 1, 2, 3, 4].map((index) =>
        storage.write([put(`k/${index}`, index)]).then(() => {
          order.push(index)
        }),
      )
      await Promise.all(writes)
      expect(order).toEqual([0, 1, 2, 3, 4])
    })

    scenario('[SO6] an empty batch resolves', async (_subject, storage) => {
      expect(await outcomeOf(storage.write([]))).toBe('resolved')
    })

    it('[SO7] has everything that it answered for after closing and opening again', async () => {
      const subject = await factory()
      const first = await subject.open()
      await first.write([put('a', 1), put('b', 2)])
      await first.close()
      const second = await subject.open()
      expect(await dump(second, '')).toEqual(['a=1', 'b=2'])
      await second.close()
      await subject.dispose()
    })

    it('[SO8] waits for batches under way when it is closed, closes twice, and refuses calls afterwards', async () => {
      const subject = await factory()
      const storage = await subject.open()
      const write = outcomeOf(storage.write([put('last', 1)]))
      await storage.close()
      await storage.close()
      expect(await write).toBe('resolved')
      expect(await outcomeOf(storage.write([put('more', 1)]))).toBe('storage-closed')
      expect(await outcomeOf(storage.read(''))).toBe('storage-closed')
      const again = await subject.open()
      expect(await dump(again, '')).toEqual(['last=1'])
      await again.close()
      await subject.dispose()
    })

    it('[SO9] shows the rows of one opening to another', async () => {
      const subject = await factory()
      const [left, right] = [await subject.open(), await subject.open()]
      await left.write([put('from/left', 1)])
      await right.write([put('from/right', 2)])
      expect(await dump(left, 'from/')).toEqual(['from/left=1', 'from/right=2'])
      expect(await dump(right, 'from/')).toEqual(['from/left=1', 'from/right=2'])
      await left.close()
      await right.close()
      await subject.dispose()
    })

    scenario('[SO10] runs one holder of a lock at a time', async (subject, storage) => {
      const lock = storage.withLock?.bind(storage)
      if (lock === undefined) return
      let finish = (): void => {}
      let running = false
      const first = lock('name', () => {
        running = true
        return new Promise<void>((resolve) => {
          finish = resolve
        })
      })
      expect(await eventually(subject.settle, () => running)).toBe(true)
      expect(await lock('name', async () => {})).toBe(false)
      expect(await lock('other', async () => {})).toBe(true)
      finish()
      expect(await first).toBe(true)
      expect(await lock('name', async () => {})).toBe(true)
      expect(await outcomeOf(lock('name', () => Promise.reject(new Error('from inside'))))).toBe(
        'untyped: Error: from inside',
      )
      expect(await lock('name', async () => {})).toBe(true)
    })

    scenario('[SO11] answers a write only after the flush of its batch', async (subject, storage) => {
      const trace = subject.trace
      if (trace === undefined) return
      for (let round = 0; round < 5; round++) {
        trace.length = 0
        await storage.write([put(`round/${round}`, round)]).then(() => {
          trace.push('ack')
        })
        const order = trace.filter((event) => event === 'flush' || event === 'ack')
        expect(order[0]).toBe('flush')
        expect(order.includes('ack')).toBe(true)
      }
    })

    scenario('[SO12] does not answer while the medium holds the flush back', async (subject, storage) => {
      if (subject.hold === undefined) return
      const release = subject.hold()
      let answered = false
      const write = storage.write([put('held', 1)]).then(() => {
        answered = true
      })
      for (let round = 0; round < 5; round++) await subject.settle()
      expect(answered).toBe(false)
      release()
      await write
      expect(await dump(storage, 'held')).toEqual(['held=1'])
    })

    it('[SO13] keeps every answered batch, and no part of an unanswered one, across a power cut', async () => {
      const subject = await factory()
      const storage = await subject.open()
      if (subject.crash !== undefined) {
        await storage.write([put('safe/a', 1), put('safe/b', 2)])
        const release = subject.hold?.()
        const lost = storage.write([put('torn/a', 1), { kind: 'delete', key: 'safe/a' }, put('torn/b', 2)])
        lost.then(undefined, () => {})
        await subject.crash()
        release?.()
        const again = await subject.open()
        const rows = await dump(again, '')
        const whole = ['safe/b=2', 'torn/a=1', 'torn/b=2']
        const before = ['safe/a=1', 'safe/b=2']
        expect(same(rows, whole) || same(rows, before)).toBe(true)
        if (subject.hold !== undefined) expect(rows).toEqual(before)
        await again.close()
      }
      await subject.dispose()
    })

    scenario('[SO14] fails with a code, changes nothing, and works again afterwards', async (subject, storage) => {
      if (subject.fail === undefined) return
      await storage.write([put('kept', 1)])
      const repair = subject.fail('storage-full')
      expect(await outcomeOf(storage.write([put('kept', 2), put('new', 1)]))).toBe('storage-full')
      expect(await dump(storage, '')).toEqual(['kept=1'])
      repair()
      expect(await outcomeOf(storage.write([put('new', 1)]))).toBe('resolved')
    })
  })
}

function same(left: ArrayLike<unknown> | undefined, right: ArrayLike<unknown>): boolean {
  if (left === undefined || left.length !== right.length) return false
  for (let i = 0; i < right.length; i++) if (left[i] !== right[i]) return false
  return true
}
