import type { DigestPlace, Path, PlaceChildren, PlaceDigests } from '@rejoin/state'
import { bucketBits, bucketOf, mostBucketBits } from '@rejoin/state'
import { checked, choice, type Field, hex, list, record, text, uint } from '../wire-fields.ts'
import { isWithin, walkLimits } from './divergence-walk.ts'

/** Bounds of what is read; those of an address are the limits of every address. */
const pathDepth = 32
const pathBytes = 3 * 2_048
const namesListed = 256
const contentBytes = 256 * 1024

const path: Field<Path> = checked(list(text(pathBytes), pathDepth), (reader, names) => {
  const length = names.reduce((sum, name) => sum + name.length, 0)
  if (length > pathBytes) reader.fail('too-large', `a path of ${length} characters`)
})

const place: Field<DigestPlace> = checked(record({ path, bits: uint, bucket: uint }), (reader, { bits, bucket }) => {
  if (bits > mostBucketBits || bits % bucketBits !== 0 || bucket >= 2 ** bits) {
    reader.fail('malformed', `bucket ${bucket} of ${bits} bits`)
  }
})

/** The places of an `inspect` frame. */
export const places: Field<readonly DigestPlace[]> = checked(list(place, walkLimits.paths, 3), (reader, all) => {
  // To answer costs what is inside of the places: nobody is made to pay for it twice.
  const overlap = all.some((one, i) => all.some((other, j) => i !== j && overlaps(one, other)))
  if (overlap) reader.fail('malformed', 'places inside of one another')
})

/** Whether `place` is inside of `other`, or the same. */
function overlaps(place: DigestPlace, other: DigestPlace): boolean {
  if (!isWithin(place.path, other.path)) return false
  const below = place.path[other.path.length]
  if (below !== undefined) return bucketOf(below, other.bits) === other.bucket
  return place.bits >= other.bits && place.bucket >>> (place.bits - other.bits) === other.bucket
}

const bucket: Field<number> = checked(uint, (reader, number) => {
  if (number >= 2 ** mostBucketBits) reader.fail('malformed', `bucket ${number}`)
})

const form: Field<PlaceChildren['by']> = choice(['name', 'bucket'])
const digestsByName = digestsBy(text(pathBytes), namesListed)
const digestsByBucket = digestsBy(bucket, 2 ** bucketBits)

function digestsBy<K>(key: Field<K>, most: number): Field<ReadonlyMap<K, string>> {
  return {
    write: (writer, digests) => {
      writer.varUint(digests.size)
      for (const [name, digest] of digests) {
        key.write(writer, name)
        hex.write(writer, digest)
      }
    },
    read: (reader) => {
      const digests = new Map<K, string>()
      for (let left = reader.count(most, 9); left > 0; left--) digests.set(key.read(reader), hex.read(reader))
      return digests
    },
  }
}

const children: Field<PlaceChildren> = {
  write: (writer, { by, digests }) => {
    form.write(writer, by)
    if (by === 'name') digestsByName.write(writer, digests)
    else digestsByBucket.write(writer, digests)
  },
  read: (reader) => {
    const by = form.read(reader)
    return by === 'name' ? { by, digests: digestsByName.read(reader) } : { by, digests: digestsByBucket.read(reader) }
  },
}

/** The answers of an `inspected` frame. */
export const answers: Field<readonly PlaceDigests[]> = list(
  record<PlaceDigests>({ own: hex, children }),
  walkLimits.places,
  10,
)

/** Its lines for people. */
export const content: Field<string> = text(contentBytes)
