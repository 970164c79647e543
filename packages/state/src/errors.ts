import { type CodedText, type ErrorCode, errorCodes } from './error-codes.ts'

const brand = Symbol.for('rejoin.error')

/** What is known about an error beyond its code. */
export interface ErrorOptions {
  /** Replaces the general reason of the code by a more exact one. */
  readonly reason?: string
  /** Plain data about the case: sizes, limits, names. */
  readonly details?: Readonly<Record<string, unknown>>
  /** The error that led to this one. */
  readonly cause?: unknown
}

/**
 * The one error class of all packages. Switch on `code`; `reason` says what happened, `remedy` what to do about it.
 * Recognise it with `isRejoinError`, which also works when two copies of the library are loaded.
 */
export class RejoinError extends Error {
  override readonly name = 'RejoinError'
  readonly code: ErrorCode
  readonly reason: string
  readonly remedy: string
  readonly details: Readonly<Record<string, unknown>>

  constructor({ code, remedy, ...text }: CodedText, options: ErrorOptions = {}) {
    const reason = options.reason ?? text.reason
    super(`${code}: ${reason} ${remedy}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.reason = reason
    this.remedy = remedy
    this.details = options.details ?? {}
    Object.defineProperty(this, brand, { value: true })
  }
}

/** A `RejoinError` of this code, for whoever has it as a string: carries the texts of all codes. */
export function rejoinError(code: ErrorCode, options?: ErrorOptions): RejoinError {
  return new RejoinError({ code, ...errorCodes[code] }, options)
}

/** Whether `value` is a `RejoinError`, of this or another copy of the library. */
export function isRejoinError(value: unknown): value is RejoinError {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[brand] === true
}

/** Closes a switch over a union: the compiler refuses it while a member is missing. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value ${String(value)}`)
}

/** Stops on a broken promise inside our own code. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}
