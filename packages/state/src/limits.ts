import { ByteWriter } from './bytes.ts'
import { invalidKey, invalidValue, valueTooLarge } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import type { Path } from './ids.ts'
import { type KeyParts, maxMemberLength, maxPathDepth, maxPathLength, maxSegmentLength, pathLength } from './key.ts'
import { maxValueDepth, type Value, valueKind } from './plain-value.ts'
import { writeValue } from './value-codec.ts'

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
  if (roomFor(value, most) >= 0) return
  // The bound may be above what the value takes: only then does it pay to write it out.
  const writer = new ByteWriter()
  writeValue(writer, value)
  if (writer.length <= most) return
  throw new RejoinError(valueTooLarge, {
    details: { path: `/${path().join('/')}`, ...limitDetails('valueBytes', writer.length, most) },
  })
}

/** What is left of `most` bytes behind a value, by an upper bound of its size; negative where it may not fit. */
function roomFor(value: Value, most: number): number {
  if (typeof value === 'string') return most - 5 - 3 * value.length
  if (typeof value !== 'object' && typeof value !== 'bigint') return most - 9
  switch (valueKind(value)) {
    case 'bytes':
      return most - 6 - (value as Uint8Array).length
    case 'array':
      return (value as readonly Value[]).reduce<number>(
        (room, item) => (room < 0 ? room : roomFor(item, room)),
        most - 6,
      )
    case 'object':
      return roomForEntries(value as Readonly<Record<string, Value>>, most - 6)
    case 'bigint':
      return -1
    default:
      return most - 9
  }
}

function roomForEntries(value: Readonly<Record<string, Value>>, most: number): number {
  let room = most
  for (const key of Object.keys(value)) {
    if (room < 0) return room
    room = roomFor(value[key] as Value, roomFor(key, room))
  }
  return room
}

/** What is wrong with an address that comes from elsewhere, if anything. */
export function addressFault({ branch, name, member }: KeyParts): string | undefined {
  if (member.length > maxMemberLength) return `a member of ${member.length} characters, of at most ${maxMemberLength}`
  if (branch === undefined) return undefined
  if (branch.depth >= maxPathDepth) return `an address of ${branch.depth + 1} names, of at most ${maxPathDepth}`
  const longest = Math.max(branch.longest, name.length)
  if (longest > maxSegmentLength) return `a name of ${longest} characters, of at most ${maxSegmentLength}`
  const length = branch.length + name.length
  return length > maxPathLength ? `a path of ${length} characters, of at most ${maxPathLength}` : undefined
}

/** What is wrong with a value that comes from elsewhere, if anything. Readers bound its bytes, this its levels. */
export function depthFault(value: Value | undefined): string | undefined {
  if (typeof value !== 'object' || value === null || !isDeeper(value, maxValueDepth)) return undefined
  return `a value of more than ${maxValueDepth} levels`
}

function isDeeper(value: Value, levels: number): boolean {
  const kind = valueKind(value)
  if (kind !== 'array' && kind !== 'object') return false
  if (levels === 0) return true
  const inside = kind === 'array' ? (value as readonly Value[]) : Object.values(value as object)
  return inside.some((item: Value) => typeof item === 'object' && item !== null && isDeeper(item, levels - 1))
}
