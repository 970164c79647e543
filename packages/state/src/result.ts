/** Either a value or an error as plain data. Decoders answer with it: bytes from a peer may be anything. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E }

/** What kind of harm a decoder found. */
export type DecodeErrorKind =
  /** The input ends before the thing it announces. */
  | 'truncated'
  /** The input breaks a rule of the format. */
  | 'malformed'
  /** The input announces more than the limits of the reader allow. */
  | 'too-large'
  /** The input is of a format version that this reader does not know. */
  | 'unsupported-version'
  /** The input was damaged on its way or on its disk. */
  | 'checksum'
  /** The input tells a version by what differs from one that this reader does not hold: it is to be told whole. */
  | 'unknown-base'

/** Why bytes were refused. Plain data: it can be logged, counted and sent. */
export interface DecodeError {
  readonly kind: DecodeErrorKind
  /** Where in the input it was noticed, in bytes from its start. */
  readonly offset: number
  readonly message: string
}

/** Wraps a value as a success. */
export function success<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value }
}

/** Wraps an error as a failure. */
export function failure<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error }
}
