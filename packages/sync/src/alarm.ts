import type { TimerHandle, Timers } from './seams.ts'

/** One timer, which is set again and again: what it was set for before is forgotten. */
export class Alarm {
  readonly #timers: Timers
  #handle: TimerHandle | undefined

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Whether it will go off. */
  get isSet(): boolean {
    return this.#handle !== undefined
  }

  set(delayMs: number, run: () => void): void {
    this.clear()
    this.#handle = this.#timers.set(delayMs, () => {
      this.#handle = undefined
      run()
    })
  }

  clear(): void {
    if (this.#handle !== undefined) this.#timers.clear(this.#handle)
    this.#handle = undefined
  }
}
