import { setTimeout } from 'node:timers/promises'
import { rejoinError } from '@rejoin/state'
import type { Storage } from '@rejoin/sync'

const lockName = 'server'

/** A lock that was not free is asked for again this often. */
const retryMs = 250

/**
 * Takes the store for this server alone, where the store knows locks, and answers how to give it back.
 *
 * Two servers on one store would lose nothing, as every row is written once, but each would keep from its clients
 * what the other one got. While somebody has it, it is asked for again until `patienceMs` have passed, which may come to be
 * less: the server before may still be draining, and the lease of one that was killed may have to run out.
 * @throws RejoinError `data-in-use`, or what the store says.
 */
export async function holdDataLock(
  storage: Storage,
  patienceMs: () => number,
  onWaiting: () => void,
): Promise<() => Promise<void>> {
  const { withLock } = storage
  if (withLock === undefined) return async () => undefined
  const began = performance.now()
  for (let attempt = 0; ; attempt++) {
    const release = await take(withLock)
    if (release !== undefined) return release
    if (attempt === 0) onWaiting()
    if (performance.now() - began >= patienceMs()) throw rejoinError('data-in-use')
    await setTimeout(retryMs)
  }
}

/** One attempt: how to give the lock back, or undefined when somebody else has it. */
async function take(withLock: NonNullable<Storage['withLock']>): Promise<(() => Promise<void>) | undefined> {
  let release: () => void = () => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  return await new Promise((resolve, reject) => {
    const lock = withLock(lockName, () => {
      resolve(async () => {
        release()
        await lock
      })
      return released
    })
    lock.then((ran) => {
      if (!ran) resolve(undefined)
    }, reject)
  })
}
