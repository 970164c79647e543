/**
 * The regatta: what only one island may start at a time. Whoever starts it asks for the lease of that name first, starts the next
 * one when it holds it, keeps the lease while the regatta is sailed, and gives it back.
 */
import type { Schema } from '@rejoin/state'
import type { Lease, Partitions } from '@rejoin/sync/partition'
import type { ArchipelagoFields } from './archipelago-world.ts'
import type { Scheduler } from './scheduler.ts'
import type { WorldEvent } from './world-events.ts'
import type { WorldNode } from './world-node.ts'

/** The lease that the field `regatta` is fenced by. */
export const regattaLease = 'regatta'
/** How long a regatta is sailed, ms. */
export const regattaMs = 60_000
/**
 * How long the lease lasts without a renewal, ms. Voters have a twelfth of it to answer one question, and there and back
 * takes up to 10 s here.
 */
export const regattaTtlMs = 132_000
const lookMs = 100

/** The starter's hut of one island. */
export interface Starter {
  /** Whether it asks for the lease, or a regatta that it started is sailed. */
  readonly isBusy: boolean
  /** What it asks for or holds; undefined while it does neither. */
  readonly lease: Lease | undefined
  /** Asks for the lease, and starts the next regatta once it is held. Nothing happens where it does so already. */
  start(): void
}

/** Makes the starter of a node. It gives up at the first denial, and says why. */
export function createStarter(
  node: WorldNode<Schema<ArchipelagoFields>>,
  watch: () => Partitions | undefined,
  scheduler: Scheduler,
  tell: ((event: WorldEvent) => void) | undefined,
): Starter {
  let lease: Lease | undefined
  let isBusy = false

  const say = (step: LeaseStep): void => tell?.({ kind: 'lease', atMs: scheduler.nowMs, node: node.index, step })
  const done = (): void => {
    lease?.release()
    lease = undefined
    isBusy = false
  }
  const sail = (asked: Lease): void => {
    const { handle } = node
    const { token } = asked
    if (handle === undefined || token === undefined) return
    const receipt = handle.change((draft) => draft.regatta.set(draft.regatta.get() + 1), { token })
    say({ what: 'started', number: handle.snapshot.regatta, token: token.ballot })
    asked.reached(receipt).then(
      () => say({ what: 'counts', number: handle.snapshot.regatta }),
      () => undefined,
    )
    const endsAtMs = scheduler.nowMs + regattaMs
    const follow = (): void => {
      if (lease !== asked) return
      if (scheduler.nowMs < endsAtMs && asked.token !== undefined && node.handle === handle) {
        scheduler.after(lookMs, follow)
        return
      }
      say(
        asked.token === undefined ? { what: 'lost', reason: asked.denial ?? 'It was not renewed.' } : { what: 'ended' },
      )
      done()
    }
    follow()
  }
  const wait = (asked: Lease): void => {
    if (asked.token !== undefined) sail(asked)
    else if (asked.denial !== undefined || node.handle === undefined) {
      const verdict = watch()?.status.verdict
      const reaches = verdict?.powerless === 'no-quorum' ? verdict.confirmed.length : undefined
      say({ what: 'refused', reason: asked.denial ?? 'The island was closed.', reaches })
      done()
    } else scheduler.after(lookMs, () => wait(asked))
  }

  return {
    get isBusy() {
      return isBusy
    },
    get lease() {
      return lease
    },
    start: () => {
      const { handle } = node
      const partitions = watch()
      if (isBusy || partitions === undefined || handle === undefined) return
      isBusy = true
      say({ what: 'asked' })
      partitions.lease(handle, regattaLease, { ttlMs: regattaTtlMs }).then(
        (asked) => {
          lease = asked
          wait(asked)
        },
        () => {
          isBusy = false
        },
      )
    },
  }
}

/** What becomes of a regatta at one island. */
export type LeaseStep =
  | { readonly what: 'asked' | 'ended' }
  /** `token`: the number in the fencing token. */
  | { readonly what: 'started'; readonly number: number; readonly token: number }
  /** A quorum of the islands has it. */
  | { readonly what: 'counts'; readonly number: number }
  /** `reaches`: how many islands are on this side, where that is too few. */
  | { readonly what: 'refused'; readonly reason: string; readonly reaches: number | undefined }
  | { readonly what: 'lost'; readonly reason: string }
