/**
 * Seeded random numbers, one stream per concern.
 *
 * Streams are named: `links/2>3`, `workload`, `node/1`. A stream depends on the seed and its name only, so adding a
 * node or a fault does not reshuffle what the others draw, and a shrunk scenario keeps its weather.
 */
export interface RandomStream {
  /** A number in [0, 1) with 32 random bits. */
  float(): number
  /** A whole number in [0, below). `below` of 0 or less answers 0. */
  int(below: number): number
  /** A number in [low, high). */
  between(low: number, high: number): number
  /** True with the given probability (0..1). */
  chance(probability: number): boolean
  /** One of `list`. @throws RangeError when the list is empty. */
  pick<T>(list: readonly T[]): T
  /** A shuffled copy. */
  shuffle<T>(list: readonly T[]): T[]
  /** `count` random bytes. */
  bytes(count: number): Uint8Array
  /** A further stream of the same seed under `name`, independent of what this one has drawn. */
  stream(name: string): RandomStream
}

/**
 * The stream called `name` of a seed. Equal arguments give equal numbers on every platform (32-bit integer arithmetic
 * only: sfc32, keyed by a hash of seed and name).
 */
export function createRandom(seed: number, name = ''): RandomStream {
  const next = sfc32(seed, name)
  const float = (): number => next() / 4294967296
  const int = (below: number): number => (below > 1 ? Math.floor(float() * below) : 0)
  return {
    float,
    int,
    between: (low, high) => low + float() * (high - low),
    chance: (probability) => float() < probability,
    pick: (list) => {
      if (list.length === 0) throw new RangeError('cannot pick from an empty list')
      return list[int(list.length)] as (typeof list)[number]
    },
    shuffle: (list) => {
      const copy = [...list]
      for (let i = copy.length - 1; i > 0; i -= 1) {
        const j = int(i + 1)
        const kept = copy[i] as (typeof copy)[number]
        copy[i] = copy[j] as (typeof copy)[number]
        copy[j] = kept
      }
      return copy
    },
    bytes: (count) => {
      const out = new Uint8Array(count)
      for (let i = 0; i < count; i += 1) out[i] = next() >>> 24
      return out
    },
    stream: (child) => createRandom(seed, name === '' ? child : `${name}/${child}`),
  }
}

/** A 32-bit hash of a text with a start value (murmur3's mixing), for stream names and trace hashes. */
export function hashText(text: string, start = 0): number {
  let hash = start ^ 0x9e3779b9
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0xcc9e2d51)
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  hash ^= text.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function sfc32(seed: number, name: string): () => number {
  const key = `${seed}:${name}`
  let a = hashText(key, 1)
  let b = hashText(key, 2)
  let c = hashText(key, 3)
  let counter = 1
  const next = (): number => {
    const result = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + result) | 0
    return result >>> 0
  }
  for (let i = 0; i < 12; i += 1) next()
  return next
}
