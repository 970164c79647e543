import { type FencingToken, fenced, isRejoinError, register, schema } from '@rejoin/state'
import type { DocumentHandle, Timers } from '../index.ts'
import { deferred, type Later, resolved } from '../later.ts'
import { atOnce } from '../world.test-helper.ts'
import { Cluster } from './cluster.test-helper.ts'
import type { LeaseBackend } from './lease/backend.ts'
import { MemoryStore } from './lease/store/memory-store.test-helper.ts'
import type { StoreAnswer } from './lease/store/store-lease-types.ts'
import { type ConditionalStore, storeLeases } from './lease/store/store-leases.ts'
import type { Lease } from './leases.ts'
import { leasesFrom } from './leases-elsewhere.ts'
import type { Policy } from './roster.ts'

export const Match = schema({ round: fenced(0, { lease: 'round' }), title: register('') })
export const ttlMs = 10_000

export interface Side {
  readonly handle: DocumentHandle<typeof Match>
  readonly lease: Lease
  readonly told: string[]
}

/** Servers whose leases stand in a store that all of them reach, whatever becomes of the links between them. */
export class Setting {
  readonly store = new MemoryStore()
  readonly cutOff = new Set<string>()
  readonly grounds = new Map<string, Parameters<ReturnType<typeof leasesFrom>>[0]>()
  /** When each asked whether it may have the lease. */
  readonly asks: { readonly name: string; readonly at: number }[] = []
  latencyMs = 2
  readonly cluster: Cluster

  constructor(names: readonly string[] = ['a', 'b', 'c'], policy: Policy = { kind: 'keep-majority' }) {
    const leases: ReturnType<typeof leasesFrom> = (ground) => {
      const { clock, timers, random } = ground.core
      const name = ground.self
      const store = this.#late(
        name,
        timers,
        this.store.client(() => this.cutOff.has(name)),
        () => clock.monotonic(),
      )
      this.grounds.set(name, ground)
      const backends = storeLeases({ store, name, maxTtlMs: ttlMs, clock, timers, random })
      return leasesFrom(backends)(ground)
    }
    this.cluster = new Cluster(names, { policy }, { maxTtlMs: ttlMs, leases })
    this.cluster.world.advance(40_000)
  }

  /** Answers take their time. */
  #late(name: string, timers: Timers, store: ConditionalStore, now: () => number): ConditionalStore {
    const late = (answer: () => PromiseLike<StoreAnswer>): Later<StoreAnswer> => {
      const pair = deferred<StoreAnswer>()
      timers.set(this.latencyMs, () => void answer().then(pair.resolve, pair.reject))
      return pair.later
    }
    return {
      read: (key, withinMs) => {
        if (key.length === 1) this.asks.push({ name, at: now() })
        return late(() => store.read(key, withinMs))
      },
      write: (key, text, expected, withinMs) => late(() => store.write(key, text, expected, withinMs)),
    }
  }

  want(name: string, options = {}): Side {
    const { participant, watch } = this.cluster.node(name)
    const handle = atOnce(participant.replica.open('match', Match))
    const lease = atOnce(watch.lease({ name: 'match' }, 'round', options))
    const told: string[] = []
    lease.onChange((event) => told.push(event.kind))
    return { handle, lease, told }
  }

  /** One that holds the lease. */
  holder(name: string): Side {
    const side = this.want(name)
    this.cluster.until(`${name} holds it`, () => side.lease.token !== undefined, 60)
    return side
  }
}

export const next = ({ handle, lease }: Side) => {
  const { token } = lease
  return handle.change((draft) => draft.round.set(draft.round.get() + 1), token === undefined ? {} : { token })
}

export const outcomeOf = (later: PromiseLike<unknown>): { said: string } => {
  const outcome = { said: '' }
  later.then(
    () => {
      outcome.said = 'ok'
    },
    (error: unknown) => {
      outcome.said = isRejoinError(error) ? error.code : String(error)
    },
  )
  return outcome
}

/** A backend that grants a token for so long each time that it is asked, with this word, and nothing else. */
export function granting(token: FencingToken, validMs: number, word: () => string | undefined): LeaseBackend {
  const never = deferred<never>().later
  return {
    acquire: () => {
      const left = word()
      return resolved({ kind: 'granted', token, validMs, ...(left === undefined ? {} : { word: left }) })
    },
    renew: () => never,
    release: () => never,
    watch: () => () => undefined,
  }
}

/** A machine that slept: its clocks are ahead by so much, and no timer has run. */
export function sleep({ world }: Cluster, ms: number): void {
  const { clock } = world.time
  const { now } = clock
  Object.assign(clock, { now: () => now() + ms })
}
