/**
 * A lease that comes from a backend.
 *
 * Invariants
 * 1. A token is usable only for as long as the backend said, by the fastest clock here, from before it was asked.
 * 2. It is usable only once the document holds what the holder before left word of.
 * 3. A write is told to count once it is stored where others find it, and word of it is left with the lease after that.
 * 4. Usable are only tokens above every one by which the document is known to have refused another: the rest it would refuse as well.
 */
import { type AuthorId, type FencingToken, rejoinError } from '@rejoin/state'
import { Alarm } from '../alarm.ts'
import { delayUntil } from '../delay.ts'
import type { DocumentCore } from '../document-core.ts'
import { type Deferred, deferred, type Later } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import type { LeaseBackend, LeaseOutcome } from './lease/backend.ts'
import { type LeaseClock, type Reading, readClock } from './lease/clock.ts'
import { countedDown } from './lease/left-words.ts'
import { compareBallots, inWords, writtenUnder } from './lease/token.ts'
import { changeOf, type LeftChange, readWord, wordOf } from './lease/word.ts'
import type { LeaseChange, LeaseGround } from './leases.ts'
import { isQuorum } from './policy.ts'
import { readingOf } from './reading.ts'
import type { WantedOnce } from './shared-leases.ts'

interface Held {
  readonly token: FencingToken
  /** By `clock.elapsed`, like all instants here. */
  readonly until: number
  readonly renewAt: number
  readonly isRenewing: boolean
  /** What the document has to hold before the lease may be used; undefined once it does. */
  readonly toCover: readonly LeftChange[] | undefined
}

/** A lease that is wanted, asked for again and again, and renewed while it is held. */
export class WantedLease implements WantedOnce {
  readonly name: string
  readonly #ground: LeaseGround
  readonly #backend: LeaseBackend
  readonly #core: DocumentCore
  readonly #ttlMs: number
  readonly #tell: (event: LeaseChange) => void
  readonly #alarm: Alarm
  readonly #stops: (() => void)[] = []
  #clock: LeaseClock
  #held: Held | undefined
  #askAt: number | undefined = 0
  #failures = 0
  /** The greatest token that the document refused another for. */
  #outdoneBy: FencingToken | undefined
  #denial: string | undefined
  /** When it was told for how long, by the wall clock. */
  #deniedAt = 0
  /** Of this grant: what counts once word of it is left. */
  readonly #left = new Map<AuthorId, number>()
  readonly #counting = new Set<Deferred<void>>()
  /** Of those: who waits for word to be left. */
  #waiting: Deferred<void>[] = []
  #isReleased = false

  constructor(
    ground: LeaseGround,
    backend: LeaseBackend,
    core: DocumentCore,
    name: string,
    ttlMs: number,
    tell: (event: LeaseChange) => void,
    released: () => void,
  ) {
    this.name = name
    this.#ground = ground
    this.#backend = backend
    this.#core = core
    this.#ttlMs = ttlMs
    this.#tell = tell
    this.#alarm = new Alarm(ground.core.timers)
    this.#clock = { ...this.#reading(), elapsed: 0 }
    this.#stops.push(released)
    const changed = (): void => ground.core.soon(() => this.#cover())
    core.listeners.add(changed)
    const outdone = (by: FencingToken): void => {
      if (by.lease === name) ground.core.batch(() => this.#outdone(by))
    }
    core.outdoneListeners.add(outdone)
    this.#stops.push(() => core.listeners.delete(changed))
    this.#stops.push(() => core.outdoneListeners.delete(outdone))
    this.#stops.push(
      backend.watch(name, (token) => {
        if (token === undefined) ground.core.batch(() => this.lose('It is not granted here any more.'))
      }),
    )
    // Later: whoever wants it may listen before.
    ground.core.soon(() => this.#tick())
  }

  get token(): FencingToken | undefined {
    const held = this.#held
    if (held === undefined || held.toCover !== undefined) return undefined
    // Invariant 1.
    return readClock(this.#clock, this.#reading(), Math.max).elapsed < held.until ? held.token : undefined
  }

  get denial(): string | undefined {
    return this.#denial && countedDown(this.#denial, this.#ground.core.clock.now() - this.#deniedAt)
  }

  /** A backend tells none. */
  readonly holder = undefined

  look(): void {
    this.#ground.core.batch(() => this.#tick())
  }

  reached(receipt: Receipt): Later<void> {
    const { token } = this
    const pair = deferred<void>()
    if (token === undefined) {
      pair.reject(this.#stale())
      return pair.later
    }
    const left = changeOf(receipt)
    this.#stored(receipt).then(() => {
      if (!isSame(this.token, token)) pair.reject(this.#stale())
      else if (left === undefined) pair.resolve()
      else {
        // Invariant 3.
        this.#left.set(left.author, Math.max(left.seq, this.#left.get(left.author) ?? 0))
        this.#waiting.push(pair)
        this.#ground.core.batch(() => this.#renew())
      }
    }, pair.reject)
    this.#counting.add(pair)
    const settled = (): boolean => this.#counting.delete(pair)
    pair.later.then(settled, settled)
    return pair.later
  }

  release(): void {
    this.#isReleased = true
    for (const stop of this.#stops) stop()
    this.lose('It was released.')
    this.#alarm.clear()
  }

  lose(reason: string): void {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    this.#denial = reason
    this.#waiting = []
    this.#backend.release(held.token)
    if (!this.#isReleased) this.#askAgain()
    this.#tell({ kind: 'lost', reason })
    for (const pair of [...this.#counting]) pair.reject(this.#stale())
  }

  #tick(): void {
    if (this.#isReleased) return
    const now = this.#read()
    const held = this.#held
    if (held === undefined) {
      if (this.#askAt !== undefined && now >= this.#askAt) this.#ask(now)
    } else if (!this.#lapses(held, now) && now >= held.renewAt) this.#renew()
    this.#arm()
  }

  #lapses(held: Held, now: number): boolean {
    if (now < held.until) return false
    this.lose(`It was not renewed in time. ${this.#denial ?? ''}`.trim())
    return true
  }

  #outdone(by: FencingToken): void {
    const held = this.#held
    if (this.#outdoneBy === undefined || compareBallots(by, this.#outdoneBy) > 0) this.#outdoneBy = by
    if (held !== undefined && compareBallots(by, held.token) > 0) this.lose(`${writtenUnder(by)}.`)
  }

  #arm(): void {
    const held = this.#held
    const at = held === undefined ? this.#askAt : held.isRenewing ? held.until : Math.min(held.renewAt, held.until)
    if (at === undefined || this.#isReleased) this.#alarm.clear()
    else this.#alarm.set(delayUntil(at, this.#read()), () => this.#ground.core.batch(() => this.#tick()))
  }

  #ask(now: number): void {
    this.#askAt = undefined
    this.#backend.acquire(this.name, this.#ttlMs).then(
      (outcome) => this.#ground.core.batch(() => this.#answered(outcome, now)),
      (error: unknown) => this.#ground.core.batch(() => this.#denied(String(error))),
    )
  }

  #answered(outcome: LeaseOutcome, askedAt: number): void {
    if (outcome.kind === 'refused') {
      this.#denied(outcome.reason)
      return
    }
    const { token, validMs, word } = outcome
    if (this.#isReleased) {
      this.#backend.release(token)
      return
    }
    const greater = this.#outdoneBy
    // Invariant 4.
    if (greater !== undefined && compareBallots(token, greater) <= 0) {
      this.#backend.release(token)
      this.#denied(refusedBy(token, greater))
      return
    }
    this.#failures = 0
    this.#left.clear()
    const renewAt = askedAt + this.#ttlMs / 3
    this.#held = { token, until: askedAt + validMs, renewAt, isRenewing: false, toCover: readWord(word) }
    this.#cover()
    this.#arm()
  }

  /** Invariant 2. */
  #cover(): void {
    const held = this.#held
    // What it lacked may come first after a sleep.
    if (held?.toCover === undefined || this.#lapses(held, this.#read())) return
    const { toCover, token } = held
    const missing = toCover.find(({ author, seq }) => this.#core.store.version.get(author) < seq)
    if (missing !== undefined) {
      this.#denial = `The document here lacks what the holder before left: change ${missing.seq} of ${missing.author}.`
      return
    }
    this.#held = { ...held, toCover: undefined }
    this.#denial = undefined
    this.#tell({ kind: 'usable', token })
  }

  #renew(): void {
    const held = this.#held
    if (held === undefined || held.isRenewing) return
    this.#held = { ...held, isRenewing: true }
    const askedAt = this.#read()
    const { token } = held
    const waiting = [...this.#waiting]
    const word = this.#left.size === 0 ? undefined : wordOf(this.#left)
    const answered = (outcome: LeaseOutcome): void => {
      this.#ground.core.batch(() => this.#renewed(outcome, token, askedAt, waiting))
    }
    this.#backend
      .renew(token, this.#ttlMs, word)
      .then(answered, (error: unknown) => answered({ kind: 'refused', because: 'unavailable', reason: String(error) }))
  }

  #renewed(outcome: LeaseOutcome, token: FencingToken, askedAt: number, told: readonly Deferred<void>[]): void {
    const held = this.#held
    const now = this.#read()
    if (held === undefined || !isSame(held.token, token)) return
    if (outcome.kind === 'refused') {
      this.#denial = outcome.reason
      this.#held = { ...held, isRenewing: false, renewAt: now + this.#ttlMs / 12 }
      this.#arm()
      return
    }
    this.#held = {
      ...held,
      isRenewing: false,
      until: askedAt + outcome.validMs,
      renewAt: askedAt + this.#ttlMs / 3,
    }
    if (held.toCover === undefined) this.#denial = undefined
    if (this.token === undefined) return
    for (const pair of told) pair.resolve()
    this.#waiting = this.#waiting.slice(told.length)
    if (this.#waiting.length > 0) this.#renew()
    this.#arm()
  }

  #denied(reason: string): void {
    this.#denial = reason
    this.#deniedAt = this.#ground.core.clock.now()
    if (!this.#isReleased) this.#askAgain()
  }

  #askAgain(): void {
    const ceiling = Math.min(this.#ttlMs / 3, (this.#ttlMs / 24) * 2 ** Math.min(this.#failures, 30))
    this.#failures += 1
    // Full jitter: of several that want it at once one is first.
    this.#askAt = this.#read() + Math.ceil(this.#ground.core.random.float() * ceiling)
    this.#arm()
  }

  /** A quorum of the voters has it; where nobody votes, a server. */
  #stored(receipt: Receipt): Later<void> {
    const { core, stored } = this.#ground
    const roster = this.#ground.roster()
    const hasQuorum = roster !== undefined && isQuorum(roster, new Set(roster.voters.map(({ id }) => id)))
    if (hasQuorum) return stored(this.#core, receipt)
    return receipt.reached(core.role === 'server' ? 'disk' : 'server')
  }

  #stale(): unknown {
    return rejoinError('lease-lost', { details: { lease: this.name } })
  }

  #reading(): Reading {
    return readingOf(this.#ground.core)
  }

  /** What went by since it was wanted. */
  #read(): number {
    this.#clock = readClock(this.#clock, this.#reading(), Math.max)
    return this.#clock.elapsed
  }
}

function refusedBy(token: FencingToken, greater: FencingToken): string {
  const refused = `${writtenUnder(greater)}, and would refuse ${inWords(token)}`
  return token.epoch === greater.epoch
    ? `${refused}: it is asked for a later one.`
    : `${refused}: that was granted elsewhere, or by a store that began while a clock was ahead. Take the lease from there, or have the store begin anew later.`
}

function isSame(left: FencingToken | undefined, right: FencingToken): boolean {
  return left?.epoch === right.epoch && left.ballot === right.ballot
}
