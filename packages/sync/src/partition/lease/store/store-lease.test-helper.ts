import { MemoryStore } from './memory-store.test-helper.ts'
import { createStoreLease, type StoreLeaseMachine } from './store-lease.ts'
import {
  type StoreAnswer,
  type StoreLeaseEffect,
  type StoreLeaseInput,
  type StoreLeaseOptions,
  startStoreLease,
} from './store-lease-types.ts'

export const maxTtlMs = 1000
/** What another waits before it takes a lease of 1000 ms. */
export const waitMs = 1050

type Request = Extract<StoreLeaseEffect, { kind: 'read' | 'write' }>
type Asked = StoreLeaseInput extends infer I ? (I extends { kind: 'answer' } ? never : Omit<I, 'now' | 'wall'>) : never
type Outcome = Exclude<StoreLeaseEffect, Request>

/** Replicas that want one lease of one store, with everything in hand that may happen between a question and its answer. */
export class Scene {
  readonly store = new MemoryStore()
  readonly reading = { now: 5000, wall: 90_000 }
  #ids = 0

  replica(name: string, options: Partial<StoreLeaseOptions> = {}): SceneReplica {
    this.#ids += 1
    return new SceneReplica(this, { name, self: `self${this.#ids}`, ...options })
  }

  newId(): string {
    this.#ids += 1
    return `life${this.#ids}`
  }

  /** Time goes by for all; the wall clock may be told to go otherwise. */
  pass(ms: number, wallMs = ms): void {
    this.reading.now += ms
    this.reading.wall += wallMs
  }

  /** A store in which leases are granted. */
  static opened(): Scene {
    const scene = new Scene()
    scene.open()
    return scene
  }

  open(): void {
    // Of another lease: nothing was ever written of the one in question.
    const opener = this.replica('opener', { lease: 'door' })
    opener.run({ kind: 'acquire', ttlMs: maxTtlMs })
    this.pass(waitMs)
    opener.run({ kind: 'acquire', ttlMs: maxTtlMs })
    opener.release()
  }
}

export class SceneReplica {
  readonly machine: StoreLeaseMachine
  readonly #scene: Scene
  /** Called with each request before the store has it; may answer in its place. */
  onRequest: (request: Request) => StoreAnswer | undefined = () => undefined

  constructor(scene: Scene, given: Pick<StoreLeaseOptions, 'name' | 'self'> & Partial<StoreLeaseOptions>) {
    this.#scene = scene
    const options = { document: 'match', lease: 'round', maxTtlMs, newId: () => scene.newId(), ...given }
    this.machine = createStoreLease(options, startStoreLease(scene.reading))
  }

  /** Asks, and answers all that the store is asked for in turn. */
  run(input: Asked): Outcome[] {
    const outcomes: Outcome[] = []
    const steps: StoreLeaseInput[] = [{ ...input, ...this.#scene.reading } as StoreLeaseInput]
    for (let step = steps.shift(); step !== undefined; step = steps.shift()) {
      for (const effect of this.machine.step(step)) {
        if (effect.kind === 'read' || effect.kind === 'write') {
          const answer = this.onRequest(effect) ?? this.answerOf(effect)
          steps.push({ kind: 'answer', request: effect.request, answer, ...this.#scene.reading })
        } else outcomes.push(effect)
      }
    }
    return outcomes
  }

  answerOf(request: Request): StoreAnswer {
    const { store } = this.#scene
    return request.kind === 'read' ? store.read(request.key) : store.write(request.key, request.text, request.expected)
  }

  acquire(ttlMs = maxTtlMs): Outcome | undefined {
    return this.run({ kind: 'acquire', ttlMs }).at(-1)
  }

  renew(word?: string, ttlMs = maxTtlMs): Outcome[] {
    const { token } = this.machine.state.held ?? { token: { lease: 'round', epoch: 0, ballot: 0 } }
    return this.run({ kind: 'renew', token, ttlMs, ...(word === undefined ? {} : { word }) })
  }

  release(): Outcome[] {
    const { held } = this.machine.state
    return held === undefined ? [] : this.run({ kind: 'release', token: held.token })
  }

  /** Whether it may act now. */
  get isHolder(): boolean {
    this.run({ kind: 'tick' })
    return this.machine.state.held !== undefined
  }
}
