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
  switch (failure) {
    case 'divergence':
      return 'merge-and-verify'
    case 'message-loss':
    case 'slowness':
      // Who is reached is not dialled again: that would only add to what the network cannot take.
      return 'wait-for-heal'
    case 'isolation':
    case 'node-lost':
    case 'partition':
    case 'partial-partition':
      return rung === 'wait' ? 'wait-for-heal' : 'active-reconnection'
  }
}

const rungs: readonly Rung[] = ['wait', 'known', 'discover', 'widen', 'operator']

/** The next harder way; of the last there is none. */
export function nextRung(rung: Rung): Rung {
  return rungs[Math.min(rungs.indexOf(rung) + 1, rungs.length - 1)] as Rung
}

/** Words for people. */
export const failureWords: { readonly [F in FailureClass]: string } = {
  isolation: 'This replica reaches nobody else.',
  'node-lost': 'One voter is gone for everybody here: it crashed, or it is cut off. From here the two look alike.',
  partition: 'Several voters are gone: they are on another side, or crashed together. From here the two look alike.',
  'partial-partition': 'All voters are reached, but not all of them reach each other.',
  'message-loss': 'All voters are reached, but much gets lost on the way.',
  slowness: 'All voters are reached, but they answer slowly.',
  divergence: 'Two replicas hold different states at the same version.',
}
