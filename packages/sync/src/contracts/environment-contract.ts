import type { Environment, EnvironmentHint } from '../seams.ts'
import type { TestApi } from './test-api.ts'

/** One environment under test and the means to make the platform speak. */
export interface EnvironmentSubject {
  readonly environment: Environment
  /** Makes the platform report this; undefined when it has no such thing. */
  readonly fire: (hint: EnvironmentHint) => void | PromiseLike<void>
  /** The hints that this platform has. */
  readonly hints: readonly EnvironmentHint[]
  dispose(): void | PromiseLike<void>
}

/** The suite for an `Environment`. */
export function runEnvironmentContract(
  { describe, it, expect }: TestApi,
  name: string,
  factory: () => EnvironmentSubject | PromiseLike<EnvironmentSubject>,
): void {
  describe(`environment contract: ${name}`, () => {
    it('[EN1] tells each hint to every listener', async () => {
      const subject = await factory()
      const heard: string[] = []
      const stopFirst = subject.environment.onHint((hint) => heard.push(`1:${hint}`))
      const stopSecond = subject.environment.onHint((hint) => heard.push(`2:${hint}`))
      for (const hint of subject.hints) await subject.fire(hint)
      expect(heard).toEqual(subject.hints.flatMap((hint) => [`1:${hint}`, `2:${hint}`]))
      stopFirst()
      stopSecond()
      await subject.dispose()
    })

    it('[EN2] tells nothing to a listener that has left, which may leave twice', async () => {
      const subject = await factory()
      const heard: string[] = []
      const stop = subject.environment.onHint((hint) => heard.push(hint))
      stop()
      stop()
      for (const hint of subject.hints) await subject.fire(hint)
      expect(heard).toEqual([])
      await subject.dispose()
    })

    it('[EN3] is silent while nothing happens', async () => {
      const subject = await factory()
      const heard: string[] = []
      const stop = subject.environment.onHint((hint) => heard.push(hint))
      await Promise.resolve()
      expect(heard).toEqual([])
      stop()
      await subject.dispose()
    })
  })
}
