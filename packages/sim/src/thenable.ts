/**
 * Thenables that settle synchronously.
 *
 * A promise always runs its handlers in a later microtask, which would take the order of events out of the simulator's
 * hands. These run their handlers at once: when they settle, or when `then` is called on one already settled.
 */
export interface Deferred<T> {
  readonly thenable: PromiseLike<T>
  resolve(value: T): void
  reject(error: unknown): void
}

type State<T> = { status: 'pending' } | { status: 'resolved'; value: T } | { status: 'rejected'; error: unknown }

/** A thenable with its own switches. Settling it a second time does nothing. */
export function deferred<T>(): Deferred<T> {
  let state: State<T> = { status: 'pending' }
  let waiting: (() => void)[] = []
  const settle = (next: State<T>): void => {
    if (state.status !== 'pending') return
    state = next
    const run = waiting
    waiting = []
    for (const wake of run) wake()
  }
  const thenable: PromiseLike<T> = {
    // biome-ignore lint/suspicious/noThenProperty: being a thenable is what this is for
    then: <A, B>(
      onResolved?: ((value: T) => A | PromiseLike<A>) | null,
      onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
    ): PromiseLike<A | B> => {
      const result = deferred<A | B>()
      const wake = (): void => {
        try {
          if (state.status === 'resolved') {
            if (onResolved) adopt(result, onResolved(state.value))
            else result.resolve(state.value as never)
          } else if (state.status === 'rejected') {
            if (onRejected) adopt(result, onRejected(state.error))
            else result.reject(state.error)
          }
        } catch (error) {
          result.reject(error)
        }
      }
      if (state.status === 'pending') waiting.push(wake)
      else wake()
      return result.thenable
    },
  }
  return {
    thenable,
    resolve: (value) => settle({ status: 'resolved', value }),
    reject: (error) => settle({ status: 'rejected', error }),
  }
}

/** A thenable that already holds `value`. */
export function resolved<T>(value: T): PromiseLike<T> {
  const result = deferred<T>()
  result.resolve(value)
  return result.thenable
}

/** A thenable that already failed with `error`. */
export function rejected<T>(error: unknown): PromiseLike<T> {
  const result = deferred<T>()
  result.reject(error)
  return result.thenable
}

function adopt<T>(target: Deferred<T>, value: T | PromiseLike<T>): void {
  if (isThenable(value)) value.then(target.resolve, target.reject)
  else target.resolve(value)
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<T>).then === 'function'
}
