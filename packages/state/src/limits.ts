import { invalidKey, invalidValue, valueTooLarge } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import type { Path } from './ids.ts'
import { type KeyParts, maxMemberLength, maxPathDepth, maxPathLength, maxSegmentLength, pathLength } from './key.ts'
import { maxValueDepth, type Value, valueKind } from './plain-value.ts'
import { encodedLength } from './text-bytes.ts'
import { valueBytes } from './value-bytes.ts'

/** What a limit bounds. `details` of its error name it, with the size found (`size`) and the greatest one allowed (`most`). */
export type LimitName = 'pathDepth' | 'keyLength' | 'elementLength' | 'valueDepth' | 'valueBytes' | 'documentItems'

/** The details of an error about a limit. */
export function limitDetails(limit: LimitName, size: number, most: number): Readonly<Record<string, unknown>> {
  return { limit, size, most }
}

/**
 * Refuses a map key that makes an address too long, as everybody who reads it would.
 * @throws RejoinError `invalid-key`.
 */
export function checkMapKey(path: Path, key: unknown): asserts key is string {
  const details = typeof key === 'string' ? keyExcess(path, key) : { found: typeof key }
  if (details !== undefined) throw new RejoinError(invalidKey, { details: { path: `/${path.join('/')}`, ...details } })
}

/** Characters of the longest key that may stand below a path; below 0 where none may. */
export function mostKeyLength(path: Path): number {
  return path.length + 1 >= maxPathDepth ? -1 : maxSegmentLength - pathLength(path)
}

/** What is too much about a key below a path; the names of the fields inside must still fit behind it. */
function keyExcess(path: Path, key: string): Readonly<Record<string, unknown>> | undefined {
  const most = maxSegmentLength - pathLength(path)
  if (key.length > most) return limitDetails('keyLength', key.length, most)
  return path.length + 1 >= maxPathDepth ? limitDetails('pathDepth', path.length + 1, maxPathDepth - 1) : undefined
}

/**
 * Refuses the canonical key of a set element that is too long; `path` is the place to name.
 * @throws RejoinError `invalid-value`.
 */
export function checkElementKey(key: string, path = ''): void {
  if (key.length <= maxMemberLength) return
  throw new RejoinError(invalidValue, {
    reason: `A set element is larger than ${maxMemberLength} characters.`,
    details: { path, ...limitDetails('elementLength', key.length, maxMemberLength) },
  })
}

/**
 * Refuses a value that takes more bytes than a store allows to write.
 * @throws RejoinError `value-too-large`.
 */
export function checkValueBytes(value: Value, most: number, path: () => Path): void {
  // The bound may be above what the value takes: only then does it pay to look at every character.
  if (valueBytes(value, textBound) <= most) return
  const size = valueBytes(value, encodedLength)
  if (size <= most) return
  throw new RejoinError(valueTooLarge, {
    details: { path: `/${path().join('/')}`, ...limitDetails('valueBytes', size, most) },
  })
}

const textBound = (text: string): number => 3 * text.length

/** Whether an address that comes from elsewhere keeps to the limits. */
export function isAddress({ branch, name, member }: KeyParts): boolean {
  if (branch === undefined) return member.length <= maxMemberLength
  const longest = Math.max(branch.longest, name.length)
  const isShort = longest <= maxSegmentLength && branch.length + name.length <= maxPathLength
  return isShort && branch.depth < maxPathDepth && member.length <= maxMemberLength
}

/** Whether a value that comes from elsewhere has no more levels than it may. Readers bound its bytes. */
export function isShallow(value: Value | undefined): boolean {
  return typeof value !== 'object' || value === null || !isDeeper(value, maxValueDepth)
}

function isDeeper(value: Value, levels: number): boolean {
  const kind = valueKind(value)
  if (kind !== 'array' && kind !== 'object') return false
  if (levels === 0) return true
  const inside = kind === 'array' ? (value as readonly Value[]) : Object.values(value as object)
  return inside.some((item: Value) => typeof item === 'object' && item !== null && isDeeper(item, levels - 1))
}
