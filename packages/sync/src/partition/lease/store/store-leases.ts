import { type FencingToken, rejoinError } from '@rejoin/state'
import { Alarm } from '../../../alarm.ts'
import { delayUntil } from '../../../delay.ts'
import { type Deferred, deferred, type Later } from '../../../later.ts'
import { listen } from '../../../listeners.ts'
import type { Clock, Random, Timers } from '../../../seams.ts'
import type { LeaseBackend, LeaseBackends, LeaseOutcome } from '../backend.ts'
import { leaseOptionsFault } from '../options.ts'
import { createStoreLease, type StoreLeaseMachine } from './store-lease.ts'
import {
  type StoreAnswer,
  type StoreKey,
  type StoreLeaseEffect,
  type StoreLeaseInput,
  startStoreLease,
} from './store-lease-types.ts'

/**
 * A store elsewhere in which leases can be kept. Its writes are durable for as long as its leases are to be safe: one that loses
 * its end unnoticed, as a disk without power may, can grant a lease twice.
 */
export interface ConditionalStore {
  /** Answers `entry` or `failed`. Reads what was written last, not a copy that may be behind. Settles within `withinMs`. */
  read(key: StoreKey, withinMs: number): PromiseLike<StoreAnswer>
  /** Writes where the revision is `expected` still, 0 where nothing is. Answers `written`, `conflict` or `failed`, within `withinMs`. */
  write(key: StoreKey, text: string, expected: number, withinMs: number): PromiseLike<StoreAnswer>
}

/** What leases in a store stand on. */
export interface StoreLeasesOptions {
  readonly store: ConditionalStore
  /** What this replica is called where it holds a lease that another is refused. */
  readonly name: string
  /**
   * The longest that any lease in this store is asked for, milliseconds; the same at all that use it. So long nothing is granted
   * in a store that is new or has lost what it had. Default 30 s.
   */
  readonly maxTtlMs?: number
  /** By how much of itself the rate of a clock may be wrong. Default 0.05. */
  readonly epsilon?: number
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
}

/**
 * Leases in a store that writes conditionally. Mutual exclusion stands on clocks whose rates are right within `epsilon`, at the replicas
 * alone, and on a store that keeps what it acknowledged or loses all of it.
 * @throws RejoinError `config-invalid`.
 */
export function storeLeases(options: StoreLeasesOptions): LeaseBackends {
  const { maxTtlMs = 30_000, epsilon } = options
  const fault = leaseOptionsFault({ maxTtlMs, ...(epsilon === undefined ? {} : { epsilon }) })
  if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
  const self = newId(options.random)
  const byDocument = new Map<string, LeaseBackend>()
  return {
    of: (document) => {
      const known = byDocument.get(document)
      if (known !== undefined) return known
      const backend = leasesOf(document, { ...options, maxTtlMs, self })
      byDocument.set(document, backend)
      return backend
    },
  }
}

type Setup = StoreLeasesOptions & { readonly maxTtlMs: number; readonly self: string }

function leasesOf(document: string, setup: Setup): LeaseBackend {
  const lines = new Map<string, LeaseLine>()
  const at = (lease: string): LeaseLine => {
    const line = lines.get(lease) ?? new LeaseLine(document, lease, setup)
    lines.set(lease, line)
    return line
  }
  return {
    acquire: (lease, ttlMs) => at(lease).ask({ kind: 'acquire', ttlMs }),
    renew: (token, ttlMs, word) =>
      at(token.lease).ask({ kind: 'renew', token, ttlMs, ...(word === undefined ? {} : { word }) }),
    release: (token) => at(token.lease).release(token),
    watch: (lease, listener) => at(lease).watch(listener),
  }
}

type Asked =
  | { readonly kind: 'acquire'; readonly ttlMs: number }
  | { readonly kind: 'renew'; readonly token: FencingToken; readonly ttlMs: number; readonly word?: string }

/** One lease: carries out what its machine says, one question at a time. */
class LeaseLine {
  readonly #setup: Setup
  readonly #machine: StoreLeaseMachine
  readonly #alarm: Alarm
  readonly #asked: { readonly what: Asked; readonly pair: Deferred<LeaseOutcome> }[] = []
  readonly #releasing: Deferred<void>[] = []
  readonly #watchers = new Set<(token: FencingToken | undefined) => void>()
  #current: Deferred<LeaseOutcome> | undefined
  #told: FencingToken | undefined

  constructor(document: string, lease: string, setup: Setup) {
    const { name, self, maxTtlMs, epsilon, random, timers } = setup
    this.#setup = setup
    this.#alarm = new Alarm(timers)
    this.#machine = createStoreLease(
      {
        document,
        lease,
        self,
        name,
        maxTtlMs,
        ...(epsilon === undefined ? {} : { epsilon }),
        newId: () => newId(random),
      },
      startStoreLease(this.#reading()),
    )
  }

  ask(what: Asked): Later<LeaseOutcome> {
    const pair = deferred<LeaseOutcome>()
    this.#asked.push({ what, pair })
    this.#next()
    return pair.later
  }

  release(token: FencingToken): Later<void> {
    const pair = deferred<void>()
    this.#releasing.push(pair)
    this.#step({ kind: 'release', token, ...this.#reading() })
    return pair.later
  }

  watch(listener: (token: FencingToken | undefined) => void): () => void {
    return listen(this.#watchers, listener)
  }

  #reading(): { readonly now: number; readonly wall: number } {
    const { clock } = this.#setup
    return { now: clock.monotonic(), wall: clock.now() }
  }

  #next(): void {
    if (this.#machine.state.task !== undefined) return
    const first = this.#asked.shift()
    if (first === undefined) return
    this.#current = first.pair
    this.#step({ ...first.what, ...this.#reading() })
  }

  #step(input: StoreLeaseInput): void {
    for (const effect of this.#machine.step(input)) this.#carryOut(effect)
    const { wakeAt } = this.#machine
    if (wakeAt === undefined) this.#alarm.clear()
    else
      this.#alarm.set(delayUntil(wakeAt, this.#setup.clock.monotonic()), () =>
        this.#step({ kind: 'tick', ...this.#reading() }),
      )
    this.#next()
  }

  #carryOut(effect: StoreLeaseEffect): void {
    const { store } = this.#setup
    switch (effect.kind) {
      case 'read':
        this.#answer(effect.request, store.read(effect.key, effect.withinMs))
        break
      case 'write':
        this.#answer(effect.request, store.write(effect.key, effect.text, effect.expected, effect.withinMs))
        break
      case 'granted':
        this.#tell(effect.token)
        this.#conclude(effect)
        break
      case 'refused':
        this.#conclude(effect)
        break
      case 'lost':
        this.#tell(undefined)
        break
      case 'released':
        for (const pair of this.#releasing.splice(0)) pair.resolve()
        break
    }
  }

  #answer(request: number, answer: PromiseLike<StoreAnswer>): void {
    const step = (given: StoreAnswer): void =>
      this.#step({ kind: 'answer', request, answer: given, ...this.#reading() })
    answer.then(step, (error: unknown) => step({ kind: 'failed', because: 'unavailable', reason: String(error) }))
  }

  #conclude(outcome: LeaseOutcome): void {
    const pair = this.#current
    this.#current = undefined
    pair?.resolve(outcome)
  }

  #tell(token: FencingToken | undefined): void {
    const isSame = token?.epoch === this.#told?.epoch && token?.ballot === this.#told?.ballot
    this.#told = token
    // A renewal is no news.
    if (!isSame) for (const watcher of [...this.#watchers]) watcher(token)
  }
}

function newId(random: Random): string {
  let id = ''
  for (const byte of random.bytes(16)) id += byte.toString(16).padStart(2, '0')
  return id
}
