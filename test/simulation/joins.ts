/** Joins from below the floor by sketch, between two stores without a network, beside the full join. */
import { canonicalText, type RandomStream } from '@rejoin/sim'
import {
  applyBundle,
  authorIdFromBytes,
  type Bundle,
  bundleSince,
  createStore,
  digestOf,
  type Hash64,
  type Store,
  storeToPlain,
  Version,
} from '@rejoin/state'
import { decodeJoin, decodeJoinSymbols, type Joined, JoinReceiver, JoinSender } from '@rejoin/sync/testing'

/** A salt from a seeded source. */
export function drawSalt(random: RandomStream): Hash64 {
  const word = (): number => random.int(2 ** 31) * 2 + random.int(2)
  return { hi: word(), lo: word() }
}

/** What a join came to, with the bytes and answers that it took. */
export interface JoinRun {
  readonly joined: Joined
  readonly bytes: number
  readonly answers: number
}

/** Plays a join, through bytes. Undefined where the sender would send the whole state. */
export function playJoin(sender: Store, receiver: Store, salt: Hash64): JoinRun | undefined {
  const asking = new JoinReceiver()
  const answering = JoinSender.answer(sender, asking.ask(receiver, salt), Number.POSITIVE_INFINITY)
  if (answering === undefined) return undefined
  const join = decodeJoin(answering.bytes)
  if (!join.ok) throw new Error(join.error.message)
  let bytes = answering.bytes.length
  let answers = 1
  let joined = asking.take(join.value, receiver)
  while (joined.kind === 'more') {
    const more = answering.more(joined.from, joined.count)
    if (more === undefined) return undefined
    bytes += more.length
    answers++
    const symbols = decodeJoinSymbols(more)
    if (!symbols.ok) throw new Error(symbols.error.message)
    joined = asking.more(symbols.value)
  }
  return { joined, bytes, answers }
}

/** In which way two bundles leave a copy of a store, in words; undefined where it is the same state. */
export function differsFrom(receiver: Store, one: Bundle, other: Bundle): string | undefined {
  const [left, right] = [one, other].map((bundle) => {
    const copy = copyOf(receiver)
    const outcome = applyBundle(copy, bundle)
    const { digest, version, floor } = { digest: digestOf(copy), version: copy.version, floor: copy.floor }
    const records = recordsOf(copy)
    return {
      outcome,
      digest,
      version: version.describe(),
      floor: floor.describe(),
      text: canonicalText(storeToPlain(copy)),
      records,
    }
  })
  return JSON.stringify(left) === JSON.stringify(right)
    ? undefined
    : `${JSON.stringify(left)}\n  is not\n  ${JSON.stringify(right)}`
}

/** A store of the same state. */
export function copyOf(store: Store): Store {
  let authors = 0
  const copy = createStore({
    newAuthor: () => authorIdFromBytes(Uint8Array.of(9, 9, 9, 9, 9, 9, 9, ++authors)),
    now: () => 0,
  })
  applyBundle(copy, bundleSince(store, Version.empty), { origin: 'load' })
  return copy
}

/** The removal records that are kept, in order. */
function recordsOf(store: Store): string[] {
  return bundleSince(store, Version.empty)
    .rows.flatMap(({ key, removals }) => removals.map(({ author, seq }) => `${key.id} ${author}:${seq}`))
    .sort()
}
