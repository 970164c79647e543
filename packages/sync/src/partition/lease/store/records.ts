/** What leases are in a store elsewhere: text under keys, which is written if nobody wrote since. */
import { isCount } from '../token.ts'

/**
 * One life of a store. A store that lost what it had gets another, and a store that went back to what it was before as well: leases
 * stand below the id of their life, so that what was asked of one never takes effect in another.
 */
export interface StoreLife {
  /** Never given twice. */
  readonly id: string
  /** Of all tokens that it gives out. */
  readonly epoch: number
  /** Of all leases in it, milliseconds. */
  readonly maxTtlMs: number
}

/** One lease. */
export interface StoredLease {
  /** Whose it is: an id that is made anew with each opening. */
  readonly holder: string
  /** What the holder is called, for people. */
  readonly name: string
  /** For how long it was asked for, milliseconds; 0 when it was given back. */
  readonly ttlMs: number
  readonly word?: string
}

const mostWord = 4096
/** No epoch that is made of the time comes near, and those after it are numbers still. */
const mostEpoch = 2 ** 53 - 2 ** 45

export function encodeRecord(record: StoreLife | StoredLease | object): string {
  return JSON.stringify(record)
}

/** Undefined where it is none: anybody who may write the key may have written anything. */
export function decodeLife(text: string | undefined): StoreLife | undefined {
  const record = parse(text)
  if (record === undefined) return undefined
  const { id, epoch, maxTtlMs } = record
  if (typeof id !== 'string' || id === '' || !isCountAboveZero(epoch) || !isCountAboveZero(maxTtlMs)) return undefined
  if (epoch > mostEpoch) return undefined
  return { id, epoch, maxTtlMs }
}

/** Undefined where it is none, or asked for more than is allowed in this life. */
export function decodeLease(text: string | undefined, maxTtlMs: number): StoredLease | undefined {
  const record = parse(text)
  if (record === undefined) return undefined
  const { holder, name, ttlMs, word } = record
  if (typeof holder !== 'string' || typeof name !== 'string') return undefined
  if (typeof ttlMs !== 'number' || !(ttlMs >= 0 && ttlMs <= maxTtlMs)) return undefined
  if (word !== undefined && !isWord(word)) return undefined
  return {
    holder,
    name,
    ttlMs,
    ...(word === undefined ? {} : { word }),
  }
}

/** Whether it can be left with a lease. */
export function isWord(word: unknown): word is string {
  return typeof word === 'string' && word.length <= mostWord
}

function isCountAboveZero(number: unknown): number is number {
  return typeof number === 'number' && isCount(number) && number > 0
}

function parse(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
