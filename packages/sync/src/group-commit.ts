import type { StorageOp } from './seams.ts'

/** What {@link groupCommit} makes: the write side of a `Storage` whose medium has a dear sync. */
export interface GroupCommit {
  /** Resolves once the batch is durable; rejects with the error of the commit that held it alone. */
  write(batch: readonly StorageOp[]): Promise<void>
  /** Resolves once every batch handed in before the call has been answered, well or badly. */
  settled(): Promise<void>
}

interface WaitingBatch {
  readonly ops: readonly StorageOp[]
  resolve(): void
  reject(error: unknown): void
}

// Bounds one transaction: a long queue must neither exhaust memory nor hold the first batch back for seconds.
const maxBatchesPerCommit = 256

/**
 * Shares syncs between batches: while one commit is under way, the batches that arrive wait and go together into the
 * next. Call order is kept, each batch stays atomic, and at most one commit runs at a time.
 *
 * `commit` must be atomic and answer only when durable. When a commit of several batches fails, they are tried one by
 * one, so that a batch that does not fit into a full disk takes no other with it.
 */
export function groupCommit(commit: (ops: readonly StorageOp[]) => PromiseLike<void>): GroupCommit {
  let waiting: WaitingBatch[] = []
  let running: Promise<void> | undefined

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group = waiting.slice(0, maxBatchesPerCommit)
      waiting = waiting.slice(group.length)
      try {
        await commit(group.flatMap((batch) => batch.ops))
        for (const batch of group) batch.resolve()
      } catch (error) {
        if (group.length === 1) group[0]?.reject(error)
        else await oneByOne(group)
      }
    }
    running = undefined
  }

  const oneByOne = async (group: readonly WaitingBatch[]): Promise<void> => {
    for (const batch of group) {
      try {
        await commit(batch.ops)
        batch.resolve()
      } catch (error) {
        batch.reject(error)
      }
    }
  }

  return {
    write: (ops) =>
      new Promise((resolve, reject) => {
        waiting.push({ ops, resolve, reject })
        running ??= run()
      }),
    settled: async () => {
      while (running !== undefined) await running
    },
  }
}
