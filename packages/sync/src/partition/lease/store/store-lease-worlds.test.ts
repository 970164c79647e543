import type { FencingToken } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../world.test-helper.ts'
import { compareBallots } from '../token.ts'
import { MemoryStore } from './memory-store.test-helper.ts'
import { createStoreLease, type StoreLeaseMachine } from './store-lease.ts'
import { type StoreAnswer, type StoreLeaseEffect, startStoreLease } from './store-lease-types.ts'

const maxTtlMs = 1000
const epsilon = 0.05
type Request = Extract<StoreLeaseEffect, { kind: 'read' | 'write' }>

interface Event {
  readonly at: number
  readonly run: () => void
}

interface Replica {
  readonly name: string
  machine: StoreLeaseMachine
  readonly rates: { readonly now: number; readonly wall: number }
  wallAhead: number
  isAsking: boolean
  /** Does nothing until then. */
  pausedUntil: number
}

/** One world: replicas whose clocks are wrong, a store that answers late or never and loses what it had, and who holds the lease. */
class StoreWorld {
  readonly store = new MemoryStore()
  readonly replicas: Replica[] = []
  readonly grants: FencingToken[] = []
  /** After the faults. */
  calmGrants = 0
  readonly counts = { grants: 0, renewals: 0, losses: 0, unheard: 0, lives: 0 }
  readonly #random: () => number
  readonly #events: Event[] = []
  #openings = 0
  #time = 0

  constructor(seed: number) {
    const random = seededRandom(seed)
    this.#random = () => random.float()
    const rate = (): number => [1 - epsilon, 1, 1 + epsilon][this.#pick(3)] as number
    for (const name of ['alice', 'bob', 'carol']) {
      const rates = { now: rate(), wall: rate() }
      const replica = { name, rates, wallAhead: 0, isAsking: false, pausedUntil: 0 }
      this.replicas.push({ ...replica, machine: this.#newMachine(name, this.#readingOf(replica)) })
    }
  }

  /** Faults for a while, then none. */
  run(faultMs: number, hasLosses: boolean): void {
    for (const replica of this.replicas) this.#act(replica, true)
    if (hasLosses) this.#at(this.#pick(faultMs), () => this.#lose(faultMs))
    else this.#at(this.#pick(faultMs), () => this.#jump(faultMs))
    this.#until(faultMs)
    this.calmGrants = -this.grants.length
    this.#until(faultMs + 8 * maxTtlMs)
    this.calmGrants += this.grants.length
  }

  get holders(): string[] {
    return this.replicas.filter((replica) => this.#isHolder(replica)).map(({ name }) => name)
  }

  #isHolder(replica: Replica): boolean {
    const { held, fast } = replica.machine.state
    if (held === undefined) return false
    const { now, wall } = this.#readingOf(replica)
    return fast.elapsed + Math.max(0, now - fast.now, wall - fast.wall) < held.until
  }

  #until(end: number): void {
    for (;;) {
      let next: Event | undefined
      for (const event of this.#events) if (next === undefined || event.at < next.at) next = event
      if (next === undefined || next.at > end) break
      this.#events.splice(this.#events.indexOf(next), 1)
      this.#time = next.at
      next.run()
      if (this.holders.length > 1) throw new Error(`${this.holders.join(' and ')} hold it at ${this.#time}`)
    }
    this.#time = end
  }

  #at(time: number, run: () => void): void {
    this.#events.push({ at: Math.max(time, this.#time), run })
  }

  #pick(below: number): number {
    return Math.floor(this.#random() * below)
  }

  #readingOf({ rates, wallAhead }: Pick<Replica, 'rates' | 'wallAhead'>): {
    readonly now: number
    readonly wall: number
  } {
    return { now: this.#time * rates.now, wall: 1e6 + this.#time * rates.wall + wallAhead }
  }

  #newMachine(name: string, reading: { readonly now: number; readonly wall: number }): StoreLeaseMachine {
    this.#openings += 1
    const self = `${name}${this.#openings}`
    const newId = (): string => {
      this.counts.lives += 1
      return `${self}-${this.counts.lives}`
    }
    const options = { document: 'match', lease: 'round', self, name, maxTtlMs, epsilon, newId }
    return createStoreLease(options, startStoreLease(reading))
  }

  #act(replica: Replica, hasFaults: boolean): void {
    const again = (): void => this.#at(this.#time + 20 + this.#pick(150), () => this.#act(replica, this.#time < 30_000))
    again()
    if (this.#time < replica.pausedUntil) return
    const reading = this.#readingOf(replica)
    this.#carryOut(replica, replica.machine.step({ kind: 'tick', ...reading }))
    const { held } = replica.machine.state
    const what = this.#pick(100)
    if (hasFaults && what < 3) replica.pausedUntil = this.#time + this.#pick(3000)
    else if (hasFaults && what < 5) this.#restart(replica)
    else if (hasFaults && what === 5 && held !== undefined) this.#scribble(held.lifeId)
    else if (held !== undefined && what < 15)
      this.#carryOut(replica, replica.machine.step({ kind: 'release', token: held.token, ...reading }))
    else if (!replica.isAsking && replica.machine.state.task === undefined) {
      replica.isAsking = true
      const ttlMs = [300, 600, maxTtlMs][this.#pick(3)] as number
      const step =
        held === undefined
          ? ({ kind: 'acquire', ttlMs, ...reading } as const)
          : ({ kind: 'renew', token: held.token, ttlMs, ...reading } as const)
      this.#carryOut(replica, replica.machine.step(step))
    }
  }

  #carryOut(replica: Replica, effects: readonly StoreLeaseEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'read':
        case 'write':
          this.#send(replica, effect)
          break
        case 'granted': {
          replica.isAsking = false
          const last = this.grants.at(-1)
          const order = last === undefined ? 1 : compareBallots(effect.token, last)
          if (order < 0) throw new Error(`token ${JSON.stringify(effect.token)} after ${JSON.stringify(last)}`)
          if (order === 0) this.counts.renewals += 1
          else {
            this.grants.push(effect.token)
            this.counts.grants += 1
          }
          break
        }
        case 'refused':
          replica.isAsking = false
          break
        case 'lost':
          this.counts.losses += 1
          break
        case 'released':
          break
      }
    }
  }

  /** A request takes its time, may be lost, and may take effect long after it counts as not answered; so may an answer. */
  #send(replica: Replica, request: Request): void {
    const { machine } = replica
    const hasFaults = this.#time < 30_000
    const late = (): number => (hasFaults && this.#pick(10) === 0 ? this.#pick(2500) : this.#pick(30))
    const answer = (given: StoreAnswer): void => {
      if (replica.machine !== machine) return
      // Who is paused hears it when it runs again.
      if (this.#time < replica.pausedUntil) this.#at(replica.pausedUntil, () => answer(given))
      else
        this.#carryOut(
          replica,
          machine.step({ kind: 'answer', request: request.request, answer: given, ...this.#readingOf(replica) }),
        )
    }
    this.#at(this.#time + request.withinMs, () => {
      if (machine.state.task?.request === request.request) this.counts.unheard += 1
      answer({ kind: 'failed', because: 'unavailable', reason: 'No answer.' })
    })
    if (hasFaults && this.#pick(25) === 0) return
    this.#at(this.#time + late(), () => {
      const given =
        request.kind === 'read'
          ? this.store.read(request.key)
          : this.store.write(request.key, request.text, request.expected)
      if (!hasFaults || this.#pick(25) > 0) this.#at(this.#time + late(), () => answer(given))
    })
  }

  /** A process that begins anew knows of nothing, and what it asked before may still take effect. */
  #restart(replica: Replica): void {
    replica.machine = this.#newMachine(replica.name, this.#readingOf(replica))
    replica.isAsking = false
  }

  #scribble(lifeId: string): void {
    this.store.write(['lease', lifeId, 'match', 'round'], this.#pick(2) === 0 ? 'rubbish' : undefined)
  }

  #lose(faultMs: number): void {
    this.store.lose()
    // Revisions that others expect may be there again.
    for (let more = this.#pick(6); more > 0; more--) this.store.write(['other'], 'x')
    if (this.#time < faultMs) this.#at(this.#time + this.#pick(faultMs / 2), () => this.#lose(faultMs))
  }

  /** Wall clocks are set, in either direction. */
  #jump(faultMs: number): void {
    const replica = this.replicas[this.#pick(3)] as Replica
    replica.wallAhead += (this.#random() - 0.5) * 20_000
    if (this.#time < faultMs) this.#at(this.#time + this.#pick(3000), () => this.#jump(faultMs))
  }
}

describe('leases in a store, in worlds of faults', () => {
  const worlds = process.env['FULL_SIZES'] === '1' ? 100 : 40
  it.each([
    ['clocks that are set', false],
    ['a store that loses what it had', true],
  ])(
    `[SL30] in ${worlds} worlds with late and lost answers, pauses, restarts, rubbish and %s: never two holders, no token falls`,
    (_, hasLosses) => {
      const sum = { grants: 0, renewals: 0, losses: 0, unheard: 0, lives: 0 }
      for (let seed = 1; seed <= worlds; seed++) {
        const world = new StoreWorld(seed)
        try {
          world.run(30_000, hasLosses)
        } catch (error) {
          throw new Error(`seed ${seed}: ${String(error)}`)
        }
        expect(world.calmGrants, `seed ${seed} goes on`).toBeGreaterThan(0)
        for (const [name, count] of Object.entries(world.counts)) sum[name as keyof typeof sum] += count
      }
      for (const [name, count] of Object.entries(sum))
        expect(count, name).toBeGreaterThan(name === 'lives' ? worlds - 1 : 10 * worlds)
    },
  )
})
