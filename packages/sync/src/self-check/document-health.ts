import type { Path } from '@rejoin/state'
import { recheck } from '@rejoin/state'
import type { DocumentCore } from '../document-core.ts'
import { rebuild } from './repair.ts'

/** Between full rechecks at the instigation of others. */
const fullRecheckMs = 10_000
const hourMs = 3_600_000

/** What is done to a document at most so often, whoever causes it. */
class Allowance {
  readonly #times: number[] = []
  readonly #most: number
  readonly #windowMs: number

  constructor(most: number, windowMs: number) {
    this.#most = most
    this.#windowMs = windowMs
  }

  /** Whether it may be done once more; if so, it counts as done. */
  take(nowMs: number): boolean {
    while (this.#times.length > 0 && nowMs - (this.#times[0] as number) >= this.#windowMs) this.#times.shift()
    if (this.#times.length >= this.#most) return false
    this.#times.push(nowMs)
    return true
  }
}

/** How a document looks after its own memory, and how often it is repaired. Shared by the streams that carry it. */
export class DocumentHealth {
  /** Divergences that are looked into. Others are only counted: a peer can claim what it likes. */
  readonly examinations: Allowance = new Allowance(12, hourMs)
  readonly repairs: Allowance
  /** Damage was found, and what is here is not to be shown to anybody before it is gone. */
  isRebuilding = false
  readonly #core: DocumentCore
  #recheckAt = 0
  #fullRecheckAt = 0
  #waiting: (() => void)[] = []

  constructor(core: DocumentCore) {
    this.#core = core
    this.repairs = new Allowance(core.hub.limits.repairsPerHour, hourMs)
  }

  /** A heartbeat of some connection: rechecks a portion, once in a while. */
  tick(): void {
    const { hub, store } = this.#core
    const now = hub.clock.monotonic()
    if (now < this.#recheckAt || this.isRebuilding) return
    this.#recheckAt = now + hub.timing.pingMs * 0.75
    if (hub.rules.memoryIsRechecked) this.#found(recheck(store, hub.limits.recheckedRows))
  }

  /** Rechecks everything, unless that was done just now, before others rely on what is here. False when it is damaged. */
  isSound(): boolean {
    const { hub, store } = this.#core
    const now = hub.clock.monotonic()
    if (now >= this.#fullRecheckAt && !this.isRebuilding && hub.rules.memoryIsRechecked) {
      this.#fullRecheckAt = now + fullRecheckMs
      this.#found(recheck(store, Number.POSITIVE_INFINITY))
    }
    return !this.isRebuilding
  }

  /** Runs when no rebuilding is under way any more, perhaps at once. */
  whenRebuilt(run: () => void): void {
    if (this.isRebuilding) this.#waiting.push(run)
    else run()
  }

  #found(damaged: readonly Path[]): void {
    const core = this.#core
    const { hub } = core
    if (damaged.length === 0) return
    hub.metrics.damagedPlaces += damaged.length
    const paths = damaged.slice(0, 16)
    hub.log('error', 'memory-damaged', { document: core.name, places: damaged.length, paths })
    if (!this.repairs.take(hub.clock.monotonic())) {
      hub.log('error', 'repairs-exhausted', { document: core.name })
      return
    }
    this.isRebuilding = true
    rebuild(core, () => {
      this.isRebuilding = false
      const waiting = this.#waiting
      this.#waiting = []
      for (const run of waiting) run()
    })
  }
}
