/** The part of a test framework that the contract suites use; vitest, jest and node:test with a small shim have it. */
export interface TestApi {
  describe(name: string, body: () => void): unknown
  it(name: string, body: () => Promise<void>): unknown
  expect(actual: unknown): {
    toBe(expected: unknown): void
    toEqual(expected: unknown): void
  }
}

/** Lets `settle` run until `condition` holds; gives up after `rounds`. Answers whether it held. */
export async function eventually(
  settle: () => PromiseLike<void>,
  condition: () => boolean,
  rounds = 400,
): Promise<boolean> {
  for (let round = 0; round < rounds; round++) {
    if (condition()) return true
    await settle()
  }
  return condition()
}

/** The code of what `promise` rejects with, or 'resolved'. */
export async function outcomeOf(promise: PromiseLike<unknown>): Promise<string> {
  try {
    await promise
    return 'resolved'
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
    return typeof code === 'string' ? code : `untyped: ${String(error)}`
  }
}
