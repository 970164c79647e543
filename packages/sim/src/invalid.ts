/** Says what is wrong with something that was asked for, and what it takes instead. */
import { type RejoinError, rejoinError } from '@rejoin/state'

/** `takes` completes "x is 5, and takes ...". */
export function invalid(name: string, value: unknown, takes: string): RejoinError {
  return rejoinError('invalid-scenario', {
    reason: `${name} is ${wordOf(value)}, and takes ${takes}.`,
    details: { name, value },
  })
}

/** @throws RejoinError `invalid-scenario` */
export function needRange(name: string, value: unknown, least: number, most: number): void {
  if (typeof value !== 'number' || !(value >= least && value <= most))
    throw invalid(name, value, `a number from ${least} to ${most}`)
}

/** @throws RejoinError `invalid-scenario` */
export function needWhole(name: string, value: unknown, least: number, most: number): void {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
    throw invalid(name, value, `a whole number from ${least} to ${most}`)
}

/** @throws RejoinError `invalid-scenario` */
export function needOneOf(name: string, value: unknown, words: readonly string[]): void {
  if (!(words as readonly unknown[]).includes(value)) throw invalid(name, value, `one of ${words.join(', ')}`)
}

/** @throws RejoinError `invalid-scenario` */
export function needFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw invalid(name, value, 'a function')
}

/** A number may be one that JSON does not know. */
function wordOf(value: unknown): string {
  return typeof value === 'number' ? `${value}` : (JSON.stringify(value) ?? typeof value)
}
