/**
 * When to dial an address again.
 *
 * Invariants
 * 1. It never gives up: from every phase but `stopped` and `up` a next attempt is scheduled.
 * 2. Waiting is full jitter, `random * min(cap, base * 2^failures)`: after a mass restart nobody comes in step.
 * 3. Failures are forgotten only after a connection that lived for `healthyMs` or that carried data: a peer that
 *    accepts and drops at once does not become a hot loop.
 */
export interface DialerOptions {
  /** First ceiling of the wait. Shorter heals sooner and costs the server more after a restart. Default 250. */
  readonly baseMs?: number | undefined
  /** Greatest ceiling of the wait. Default 30,000. */
  readonly capMs?: number | undefined
  /** A connection that lived this long counts as good. Default 10,000. */
  readonly healthyMs?: number
  /** Hints within this time of the last dial are ignored. Default 500. */
  readonly debounceMs?: number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

export type DialerInput =
  | { readonly kind: 'start'; readonly now: number }
  | { readonly kind: 'tick'; readonly now: number }
  /** The handshake succeeded. */
  | { readonly kind: 'up'; readonly now: number }
  /** `productive`: documents made progress over it. `refused`: the other side will not have us as we are. */
  | { readonly kind: 'down'; readonly now: number; readonly productive: boolean; readonly refused: boolean }
  /** The platform noticed something that makes success likelier. */
  | { readonly kind: 'hint'; readonly now: number }
  /** The application wants it now. */
  | { readonly kind: 'reconnect'; readonly now: number }
  | { readonly kind: 'stop' }

/** What to do about it: `hangUp` the present attempt or connection, `dial`, or nothing. */
export type DialerEffect = 'dial' | 'hangUp'

export type DialerPhase =
  | { readonly phase: 'idle' }
  | { readonly phase: 'waiting'; readonly at: number }
  | { readonly phase: 'dialing'; readonly since: number }
  | { readonly phase: 'up'; readonly since: number }
  | { readonly phase: 'stopped' }

export interface Dialer {
  step(input: DialerInput): DialerEffect[]
  readonly state: DialerPhase
  readonly failures: number
  /** When `tick` is wanted. */
  readonly wakeAt: number | undefined
}

/** An attempt that is so old at a hint was made while there was no way through: its platform waits ever longer to try again. */
const stuckMs = 1000

/** Makes a dialer; it begins with `start`. */
export function createDialer(options: DialerOptions): Dialer {
  const baseMs = options.baseMs ?? 250
  const capMs = options.capMs ?? 30_000
  const healthyMs = options.healthyMs ?? 10_000
  const debounceMs = options.debounceMs ?? 500
  let state: DialerPhase = { phase: 'idle' }
  let failures = 0
  let dialledAt = Number.NEGATIVE_INFINITY
  /** Whether a hint came while the attempt under way was too young to be given up. */
  let isHinted = false

  const dial = (now: number): DialerEffect[] => {
    dialledAt = now
    isHinted = false
    state = { phase: 'dialing', since: now }
    return ['dial']
  }
  const wait = (now: number, refused: boolean): void => {
    const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(failures, 30))
    // Nothing changes quickly for a peer that was refused: half the cap at least.
    const delay = refused ? capMs * (0.5 + options.random() / 2) : options.random() * ceiling
    failures += 1
    state = { phase: 'waiting', at: now + delay }
  }

  return {
    get state(): DialerPhase {
      return state
    },
    get failures(): number {
      return failures
    },
    get wakeAt(): number | undefined {
      if (state.phase === 'dialing' && isHinted) return state.since + stuckMs
      return state.phase === 'waiting' ? state.at : undefined
    },
    step: (input) => {
      if (state.phase === 'stopped') return []
      switch (input.kind) {
        case 'start':
          return state.phase === 'idle' ? dial(input.now) : []
        case 'tick':
          if (state.phase === 'dialing' && isHinted && input.now >= state.since + stuckMs)
            return ['hangUp', ...dial(input.now)]
          return state.phase === 'waiting' && input.now >= state.at ? dial(input.now) : []
        case 'up':
          state = { phase: 'up', since: input.now }
          return []
        case 'down': {
          if (state.phase !== 'up' && state.phase !== 'dialing') return []
          const lived = state.phase === 'up' ? input.now - state.since : 0
          if (lived >= healthyMs || input.productive) failures = 0
          wait(input.now, input.refused)
          return []
        }
        case 'hint': {
          const isStuck = state.phase === 'dialing' && input.now - state.since >= stuckMs
          isHinted = state.phase === 'dialing'
          if ((state.phase !== 'waiting' && !isStuck) || input.now - dialledAt < debounceMs) return []
          failures = 0
          return isStuck ? ['hangUp', ...dial(input.now)] : dial(input.now)
        }
        case 'reconnect': {
          const busy = state.phase === 'up' || state.phase === 'dialing'
          failures = 0
          return busy ? ['hangUp', ...dial(input.now)] : dial(input.now)
        }
        case 'stop': {
          const busy = state.phase === 'up' || state.phase === 'dialing'
          state = { phase: 'stopped' }
          return busy ? ['hangUp'] : []
        }
      }
    },
  }
}
