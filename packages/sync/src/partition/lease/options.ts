import { rangeFault } from '../range-fault.ts'

/** What the voters of one roster and the holders among their replicas have to agree on. */
export interface LeaseOptions {
  /**
   * The longest time that any lease is asked for, in milliseconds, one for the whole roster: so long a voter waits that lost
   * its memory or has a new roster. Shorter gives a lease of somebody who died away sooner, and needs renewals more often.
   */
  readonly maxTtlMs: number
  /** By how much of itself the rate of a clock may be wrong. A holder counts so much less, an acceptor so much more. Default 0.05. */
  readonly epsilon?: number
}

/** What holds for one holder besides. */
export interface HolderOptions extends LeaseOptions {
  /** Name of the lease, as the `fenced` fields declare it. */
  readonly lease: string
  /** How long it is asked for, in milliseconds: `maxTtlMs` at most. It is renewed at a third. */
  readonly ttlMs: number
  /** How long voters have to answer one question. Default a twelfth of `ttlMs`. */
  readonly answerMs?: number
  /** First ceiling of the random wait before it is asked for again. Default `answerMs`. */
  readonly retryBaseMs?: number
  /** Greatest ceiling of that wait. Default `ttlMs`. */
  readonly retryCapMs?: number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

export const defaultEpsilon = 0.05
/** Characters of the name of a lease. */
export const mostLeaseName = 128
/** Leases of one document that an acceptor keeps apart. */
export const mostLeases = 256
/** By how much a ballot may be above the highest that an acceptor knows: some years of asking, of more than 2 ** 28 such steps that there are. */
export const mostBallotJump: number = 2 ** 24
/** Milliseconds. A day: who waits longer for a holder that died has other troubles. */
const mostTtlMs = 86_400_000

/** What is wrong with the options of a holder or, where those are left out, of an acceptor; undefined where nothing is. */
export function leaseOptionsFault(options: LeaseOptions & Partial<HolderOptions>): string | undefined {
  const { maxTtlMs, epsilon = defaultEpsilon, lease = '-', ttlMs = maxTtlMs } = options
  const { answerMs = ttlMs / 12, retryBaseMs = answerMs, retryCapMs = ttlMs } = options
  return rangeFault({
    maxTtlMs: [maxTtlMs, 100, mostTtlMs],
    // Below, the clocks of virtual machines are wrong at times; above, little is left of a lease.
    epsilon: [epsilon, 0.001, 0.5],
    'The length of the name of a lease': [lease.length, 1, mostLeaseName],
    ttlMs: [ttlMs, 100, maxTtlMs],
    // A renewal that began at a third has to be asked for twice before the end.
    answerMs: [answerMs, 1, ttlMs / 6],
    retryBaseMs: [retryBaseMs, 1, retryCapMs],
    retryCapMs: [retryCapMs, 1, mostTtlMs],
  })
}

/** Whether a lease may be called so. */
export function isLeaseName(lease: string): boolean {
  return lease !== '' && lease.length <= mostLeaseName
}
