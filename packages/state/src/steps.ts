/**
 * Long work in steps of a fraction of a millisecond each: whoever drives it may do something else between two of them.
 * What a step yields is how much of the work is done, from 0 to 1.
 */
export type Steps<Outcome> = Generator<number, Outcome>

/** Rows in a step. */
export const stepRows = 256

/** Does all steps at once. */
export function finish<Outcome>(steps: Steps<Outcome>): Outcome {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** Steps as a part of longer work. */
export function* part<Outcome>(from: number, to: number, steps: Steps<Outcome>): Steps<Outcome> {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
    yield from + (to - from) * value
  }
}
