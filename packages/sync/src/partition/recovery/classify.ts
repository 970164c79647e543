import type { FailureClass, Rung, Strategy, Symptoms } from './incident.ts'

/** What the symptoms say went wrong; undefined where there are none. */
export function classify({ here, absent, missing, lossy, slow, diverged }: Symptoms): FailureClass | undefined {
  if (diverged.length > 0) return 'divergence'
  if (absent.length > 0) {
    if (here.length <= 1) return 'isolation'
    return absent.length === 1 ? 'node-lost' : 'partition'
  }
  if (missing.length > 0) return 'partial-partition'
  if (lossy.length > 0) return 'message-loss'
  return slow.length > 0 ? 'slowness' : undefined
}

/** What is done about a failure on a rung. */
export function strategyFor(failure: FailureClass, rung: Rung): Strategy {
  if (rung === 'operator') return 'operator'
  if (failure === 'divergence') return 'merge-and-verify'
  // Who is reached is not dialled again: that would only add to what the network cannot take.
  const isReached = failure === 'message-loss' || failure === 'slowness'
  return isReached || rung === 'wait' ? 'wait-for-heal' : 'active-reconnection'
}

/** Each with how long it is given, milliseconds, from the mildest on; `operator` is tried again for ever at its pace. */
export const patienceMs: { readonly [R in Rung]: number } = {
  wait: 10_000,
  known: 30_000,
  discover: 60_000,
  widen: 120_000,
  operator: 600_000,
}
const rungs = Object.keys(patienceMs) as Rung[]

/** The next harder way; of the last there is none. */
export function nextRung(rung: Rung): Rung {
  return rungs[rungs.indexOf(rung) + 1] ?? rung
}
