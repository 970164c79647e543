/**
 * A thenable that answers synchronously.
 *
 * A real promise runs its callbacks in a later microtask, which a deterministic simulator cannot order. Everything in
 * this package that waits for storage therefore uses {@link Later}: `then` runs its callback at once when the value is
 * there, and in the very call that brings it otherwise. `await` works on it as on any promise.
 */
export interface Later<T> extends PromiseLike<T> {
  then<A = T, B = never>(
    done?: ((value: T) => A | PromiseLike<A>) | null,
    failed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Later<A | B>
  catch<B = never>(failed: (error: unknown) => B | PromiseLike<B>): Later<T | B>
}

/** A {@link Later} with its two ends. Settling twice is ignored. */
export interface Deferred<T> {
  readonly later: Later<T>
  resolve(value: T): void
  reject(error: unknown): void
}

type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown }

/** A fresh pair of a thenable and what settles it. */
export function deferred<T>(): Deferred<T> {
  let outcome: Outcome<T> | undefined
  let waiting: ((outcome: Outcome<T>) => void)[] = []

  const settle = (next: Outcome<T>): void => {
    if (outcome !== undefined) return
    outcome = next
    const callbacks = waiting
    waiting = []
    for (const callback of callbacks) callback(next)
  }
  const later: Later<T> = {
    // biome-ignore lint/suspicious/noThenProperty: see Later
    then: (done, failed) => {
      type Value = Awaited<ReturnType<NonNullable<typeof done>>> | Awaited<ReturnType<NonNullable<typeof failed>>>
      const next = deferred<Value>()
      const run = (result: Outcome<T>): void => {
        try {
          const handler = result.ok ? done : failed
          if (handler === undefined || handler === null) {
            if (result.ok) next.resolve(result.value as never)
            else next.reject(result.error)
            return
          }
          adopt(result.ok ? done?.(result.value) : failed?.(result.error), next as Deferred<unknown>)
        } catch (error) {
          next.reject(error)
        }
      }
      if (outcome === undefined) waiting.push(run)
      else run(outcome)
      return next.later as Later<never>
    },
    catch: (failed) => later.then(undefined, failed),
  }
  return {
    later,
    resolve: (value) => settle({ ok: true, value }),
    reject: (error) => settle({ ok: false, error }),
  }
}

/** A thenable that already holds `value`. */
export function resolved<T>(value: T): Later<T> {
  const pair = deferred<T>()
  pair.resolve(value)
  return pair.later
}

/** A thenable that already failed with `error`. */
export function rejected<T>(error: unknown): Later<T> {
  const pair = deferred<T>()
  pair.reject(error)
  return pair.later
}

/** Runs `call` and turns what it throws, or the thenable it answers, into a {@link Later}. */
export function attemptLater<T>(call: () => T | PromiseLike<T>): Later<T> {
  const pair = deferred<T>()
  try {
    adopt(call(), pair as Deferred<unknown>)
  } catch (error) {
    pair.reject(error)
  }
  return pair.later
}

/** Runs `step` for one item after the other, each once the one before is through; rejects with the first that does. */
export function inTurn<T>(items: readonly T[], step: (item: T) => void | PromiseLike<void>): Later<void> {
  return items.reduce<Later<void>>((before, item) => before.then(() => step(item)), resolved(undefined))
}

function adopt(value: unknown, into: Deferred<unknown>): void {
  if (isThenable(value)) value.then(into.resolve, into.reject)
  else into.resolve(value)
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
