import { type Hash64, hashString, Sum64 } from './hash.ts'
import type { Path } from './ids.ts'
import type { Row } from './rows.ts'
import type { Store } from './store.ts'
import { countedDigest, digestOf } from './store-digest.ts'
import type { Tree } from './tree.ts'
import { entriesIn } from './tree-walk.ts'

/**
 * A place whose insides are compared: the children of a node, or those of them whose names hash to a number that begins
 * with the first `bits` bits of `bucket`. A node with many children is looked through bucket by bucket.
 */
export interface DigestPlace {
  readonly path: Path
  /** 0 for all children; a multiple of 6, at most 30. */
  readonly bits: number
  readonly bucket: number
}

/** Digests of what a place holds: by name where the names are few, else by buckets of them. */
export interface PlaceDigests {
  /** Of what stands at the node itself, beside its children. */
  readonly own: string
  readonly children: PlaceChildren
}

/** Digests of children by name, or by bucket. What is absent holds nothing. */
export type PlaceChildren =
  | { readonly by: 'name'; readonly digests: ReadonlyMap<string, string> }
  | { readonly by: 'bucket'; readonly digests: ReadonlyMap<number, string> }

/** Bits by which a bucket is smaller than the one around it. */
export const bucketBits = 6
/** Bits of the smallest buckets. */
export const mostBucketBits = 30
/** Characters of names that are listed at most; each name counts some more, for its digest. */
const mostNameCharacters = 2_000
const nameOverhead = 12
/** The digest of nothing. */
export const emptyDigest = '0000000000000000'

/**
 * The digest of a subtree, 16 hex digits: what it adds to that of the whole store. All zeros where nothing is. Equal
 * wherever the subtrees are equal. Costs O(entries in the subtree).
 */
export function digestAt(store: Store, path: Path): string {
  // What changed since it was last asked is not in the rows yet.
  digestOf(store)
  const { tree } = store
  const node = tree.findNode(path)
  return node === 0 ? emptyDigest : subtreeSum(tree, node).toString()
}

/**
 * The digests of the parts of a place, so that two replicas find where they differ in few steps, each of them small
 * whatever the number of children: some 2 kB. `by` chooses the form, for whoever compares with an answer of that form.
 */
export function digestsBelow(store: Store, place: DigestPlace, by?: PlaceChildren['by']): PlaceDigests {
  digestOf(store)
  const { tree } = store
  const node = tree.findNode(place.path)
  if (node === 0) return { own: emptyDigest, children: { by: by ?? 'name', digests: new Map() } }
  const own = new Sum64()
  if (place.bits === 0) {
    for (const leaf of tree.leavesOf(node)) for (const entry of leaf.entries()) own.add(countedDigest(tree, entry))
  }
  return { own: own.toString(), children: childrenIn(tree, node, place, by) }
}

function childrenIn(tree: Tree, node: Row, place: DigestPlace, by: PlaceChildren['by'] | undefined): PlaceChildren {
  const children = tree.children(node).filter((child) => place.bits === 0 || isInBucket(tree.name(child), place))
  if (by === 'name' || (by === undefined && areFew(tree, children, place))) {
    const digests = new Map<string, string>()
    for (const child of children) note(digests, tree.name(child), subtreeSum(tree, child))
    return { by: 'name', digests }
  }
  const bits = place.bits + bucketBits
  const sums = new Map<number, Sum64>()
  for (const child of children) {
    const bucket = bucketOf(tree.name(child), bits)
    const sum = sums.get(bucket) ?? new Sum64()
    sums.set(bucket, sum)
    sum.add(subtreeSum(tree, child))
  }
  const digests = new Map<number, string>()
  for (const [bucket, sum] of sums) note(digests, bucket, sum)
  return { by: 'bucket', digests }
}

/** What holds nothing, such as a node of which only removal records are left, is as good as absent. */
function note<K>(digests: Map<K, string>, key: K, sum: Sum64): void {
  if (sum.hi !== 0 || sum.lo !== 0) digests.set(key, sum.toString())
}

/** Whether names can be listed. In the smallest buckets there are no more than somebody made meet there on purpose. */
function areFew(tree: Tree, children: readonly Row[], { bits }: DigestPlace): boolean {
  if (bits >= mostBucketBits) return true
  let characters = 0
  for (const child of children) characters += tree.name(child).length + nameOverhead
  return characters <= mostNameCharacters
}

function isInBucket(name: string, { bits, bucket }: DigestPlace): boolean {
  return bucketOf(name, bits) === bucket
}

/** The bucket of a name among those of `bits` bits. */
export function bucketOf(name: string, bits: number): number {
  return bits === 0 ? 0 : hashString(name).hi >>> (32 - bits)
}

function subtreeSum(tree: Tree, node: Row): Sum64 {
  const sum = new Sum64()
  for (const entry of entriesIn(tree, node)) sum.add(countedDigest(tree, entry) satisfies Hash64)
  return sum
}
