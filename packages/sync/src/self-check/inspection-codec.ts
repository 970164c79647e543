import type { ByteReader, ByteWriter, DigestPlace, PlaceChildren, PlaceDigests } from '@rejoin/state'
import { bucketBits, bucketOf, mostBucketBits } from '@rejoin/state'
import type { InspectedFrame, InspectFrame } from '../frame.ts'
import { readHex, writeHex } from '../version-codec.ts'
import { isWithin, walkLimits } from './divergence-walk.ts'

/** Bounds of what is read; those of an address are the limits of every address. */
const pathDepth = 32
const pathBytes = 3 * 2_048
const namesListed = 256
const contentBytes = 256 * 1024
const forms: readonly PlaceChildren['by'][] = ['name', 'bucket']

/** Writes what stands in an `inspect` frame behind its handle. */
export function writeInspect(writer: ByteWriter, frame: InspectFrame): void {
  writeHex(writer, frame.digest)
  writer.u8(frame.content ? 1 : 0)
  writer.varUint(frame.places.length)
  for (const { path, bits, bucket } of frame.places) {
    writer.varUint(path.length)
    for (const name of path) writer.string(name)
    writer.u8(bits)
    writer.varUint(bucket)
  }
}

/** Reads an `inspect` frame behind its handle. */
export function readInspect(reader: ByteReader, handle: number): InspectFrame {
  const digest = readHex(reader)
  const flag = reader.u8()
  if (flag > 1) reader.fail('malformed', `a flag of ${flag}`)
  const places: DigestPlace[] = []
  for (let left = reader.count(walkLimits.paths, 3); left > 0; left--) places.push(readPlace(reader))
  // To answer costs what is inside of the places: nobody is made to pay for it twice.
  const overlap = places.some((place, i) => places.some((other, j) => i !== j && overlaps(place, other)))
  if (overlap) reader.fail('malformed', 'places inside of one another')
  return { kind: 'inspect', handle, digest, content: flag === 1, places }
}

function readPlace(reader: ByteReader): DigestPlace {
  const path: string[] = []
  let room = pathBytes
  for (let left = reader.count(pathDepth); left > 0; left--) {
    const name = reader.string(room)
    room -= name.length
    path.push(name)
  }
  const bits = reader.u8()
  const bucket = reader.varUint()
  if (bits > mostBucketBits || bits % bucketBits !== 0 || bucket >= 2 ** bits) {
    reader.fail('malformed', `bucket ${bucket} of ${bits} bits`)
  }
  return { path, bits, bucket }
}

/** Whether `place` is inside of `other`, or the same. */
function overlaps(place: DigestPlace, other: DigestPlace): boolean {
  if (!isWithin(place.path, other.path)) return false
  const below = place.path[other.path.length]
  if (below !== undefined) return bucketOf(below, other.bits) === other.bucket
  return place.bits >= other.bits && place.bucket >>> (place.bits - other.bits) === other.bucket
}

/** Writes what stands in an `inspected` frame behind its handle. */
export function writeInspected(writer: ByteWriter, frame: InspectedFrame): void {
  writeHex(writer, frame.digest)
  writer.varUint(frame.answers.length)
  for (const { own, children } of frame.answers) {
    writeHex(writer, own)
    writer.u8(forms.indexOf(children.by))
    writer.varUint(children.digests.size)
    for (const [key, digest] of children.digests) {
      if (typeof key === 'string') writer.string(key)
      else writer.varUint(key)
      writeHex(writer, digest)
    }
  }
  writer.string(frame.content)
}

/** Reads an `inspected` frame behind its handle. */
export function readInspected(reader: ByteReader, handle: number): InspectedFrame {
  const digest = readHex(reader)
  const answers: PlaceDigests[] = []
  for (let left = reader.count(walkLimits.places, 10); left > 0; left--) {
    const own = readHex(reader)
    answers.push({ own, children: readChildren(reader) })
  }
  return { kind: 'inspected', handle, digest, answers, content: reader.string(contentBytes) }
}

function readChildren(reader: ByteReader): PlaceChildren {
  const by = forms[reader.u8()]
  if (by === undefined) return reader.fail('malformed', 'digests of an unknown form')
  const count = reader.count(by === 'name' ? namesListed : 2 ** bucketBits, 9)
  if (by === 'name') return { by, digests: readDigests(reader, count, () => reader.string(pathBytes)) }
  return { by, digests: readDigests(reader, count, () => readBucket(reader)) }
}

function readBucket(reader: ByteReader): number {
  const bucket = reader.varUint()
  if (bucket >= 2 ** mostBucketBits) reader.fail('malformed', `bucket ${bucket}`)
  return bucket
}

function readDigests<K>(reader: ByteReader, count: number, readKey: () => K): Map<K, string> {
  const digests = new Map<K, string>()
  for (let left = count; left > 0; left--) digests.set(readKey(), readHex(reader))
  return digests
}
