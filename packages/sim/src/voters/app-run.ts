import type { ChangeOptions, RejoinError, Schema, SnapshotOf } from '@rejoin/state'
import type { Receipt } from '@rejoin/sync'
import type { RandomStream } from '../random.ts'
import type { World } from '../world.ts'
import { isPromise, notSynchronous, type SimulatedApp, type WriteTallies, type WriteTally } from './app.ts'

/** An app that runs at the nodes of a world: what it writes is counted, and what it throws is wrong with it. */
export class AppRun<S extends Schema> {
  readonly tallies: WriteTallies = { write: emptyTally(), exclusive: emptyTally() }
  readonly #world: World<S>
  readonly #app: SimulatedApp<S>
  readonly #draw: RandomStream
  readonly #report: (words: string) => void

  constructor(world: World<S>, app: SimulatedApp<S>, draw: RandomStream, report: (words: string) => void) {
    this.#world = world
    this.#app = app
    this.#draw = draw
    this.#report = report
  }

  /** Runs something of the app that answers. What it throws is told as all that is wrong in this world. */
  asked<T>(node: number, what: string, ask: () => T): T | undefined {
    let answer: T
    try {
      answer = ask()
    } catch (error) {
      this.#report(`${this.#world.nodes[node]?.name}: ${what} threw ${String(error)}`)
      return undefined
    }
    if (isPromise(answer)) throw notSynchronous(what)
    return answer
  }

  /** Lets the app write at a node. */
  changeAt(
    node: number,
    kind: keyof WriteTallies,
    write: SimulatedApp<S>['write'],
    options?: ChangeOptions,
  ): Receipt | undefined {
    const at = this.#world.nodes[node]
    if (at === undefined) return undefined
    const what = kind === 'write' ? 'write' : 'exclusive.write'
    const tally = this.tallies[kind]
    const refusedBefore = at.counts.refusedWrites
    let promised: RejoinError | undefined
    tally.tried += 1
    const receipt = this.asked(node, what, () =>
      at.change((draft) => {
        const answer: unknown = write(draft, this.#draw)
        if (!isPromise(answer)) return
        promised = notSynchronous(what)
        // So that nothing of it is written; to the node it is a refusal.
        throw promised
      }, options),
    )
    if (promised !== undefined) throw promised
    if (receipt?.change !== undefined) tally.written += 1
    if (at.counts.refusedWrites > refusedBefore && at.lastRefusal !== undefined) {
      tally.refused += 1
      tally.refusal = `${at.lastRefusal.code}: ${at.lastRefusal.reason}`
    }
    return receipt
  }

  /** Looks whether what must hold does, everywhere. */
  check(): void {
    const { check } = this.#app
    if (check === undefined) return
    for (const { handle, index, name } of this.#world.nodes) {
      if (handle === undefined) continue
      const fault = this.asked(index, 'check', () => check(handle.snapshot as SnapshotOf<S>))
      if (fault !== undefined) this.#report(`${name}: ${fault}`)
    }
  }
}

const emptyTally = (): WriteTally => ({ tried: 0, written: 0, refused: 0 })
