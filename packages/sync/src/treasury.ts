/**
 * Answers what others ask of the bounded counters of a document (C20): the anchor's side. Asking and answering are
 * ordinary changes, so they arrive, wait and survive like any other work; what is asked while nothing is left is answered as
 * soon as somebody gives rights back.
 */
import {
  type AuthorId,
  type BoundedState,
  type BoundedTerms,
  boundedAt,
  boundedPaths,
  boundedState,
  type Path,
  type Rights,
  type Store,
} from '@rejoin/state'

/** What is to be done at one counter. */
interface Answer {
  readonly terms: BoundedTerms
  readonly isGranted: boolean
  readonly takeOvers: readonly AuthorId[]
  readonly asks: readonly (readonly [AuthorId, Rights])[]
}

/** Grants, takes over and hands out at the bounded counters among `paths`, or at all of them, in one change. */
export function answerAsks(store: Store, hasEnded: (author: AuthorId) => boolean, paths?: readonly Path[]): void {
  // Two leaves at one path are named by one and the same path.
  const answers = [...new Set(paths ?? boundedPaths(store))].flatMap((path): [Path, Answer][] => {
    const state = boundedState(store, path)
    const answer = state === undefined ? undefined : answerTo(state, store.author, hasEnded)
    return answer === undefined ? [] : [[path, answer]]
  })
  if (answers.length === 0) return
  store.transact(() => {
    for (const [path, { terms, isGranted, takeOvers, asks }] of answers) {
      const counter = boundedAt(store, path, terms)
      if (!isGranted) counter.grant()
      for (const author of takeOvers) counter.takeOver(author)
      for (const [author, wanted] of asks) {
        const spend = Math.min(wanted.spend, counter.spendable())
        const room = Math.min(wanted.room, counter.room())
        if (spend + room > 0) counter.give(author, { spend, room })
      }
    }
  })
}

/** What has ended is taken over when somebody asks: nothing is written where nobody wants anything, or nothing is left. */
function answerTo(
  state: BoundedState,
  own: AuthorId | undefined,
  hasEnded: (author: AuthorId) => boolean,
): Answer | undefined {
  const asks = [...state.rows.keys()]
    .filter((author) => author !== own)
    .sort()
    .map((author) => [author, state.unmetOf(author)] as const)
    .filter(([, { spend, room }]) => spend + room > 0)
  const terms = state.terms ?? termsOfAsker(state, asks)
  if (terms === undefined || asks.length === 0) return undefined
  const takeOvers = [...state.holders].sort().filter((author) => {
    if (author === own || state.takenOver.has(author)) return false
    return (state.rows.get(author)?.ended === true || hasEnded(author)) && holds(state.rightsOf(author))
  })
  const isGranted = state.terms !== undefined
  const held = own === undefined ? undefined : state.rightsOf(own)
  const isPayable = asks.some(
    ([, { spend, room }]) => held !== undefined && (Math.min(spend, held.spend) > 0 || Math.min(room, held.room) > 0),
  )
  return !isGranted || isPayable || takeOvers.length > 0 ? { terms, isGranted, takeOvers, asks } : undefined
}

/** Whether there is anything to hand over. Without an upper bound room is nobody's. */
function holds({ spend, room }: Rights): boolean {
  return spend > 0 || (Number.isFinite(room) && room > 0)
}

function termsOfAsker(state: BoundedState, asks: readonly (readonly [AuthorId, Rights])[]): BoundedTerms | undefined {
  for (const [author] of asks) {
    const terms = state.rows.get(author)?.terms
    if (terms !== undefined) return terms
  }
  return undefined
}

/** The last word of this incarnation at every bounded counter where it holds something; the next write is under another. */
export function endRights(store: Store): void {
  const { author } = store
  if (author === undefined) return
  const held = boundedPaths(store).filter((path) => {
    const state = boundedState(store, path)
    return state !== undefined && state.rows.get(author)?.ended !== true && holds(state.rightsOf(author))
  })
  if (held.length === 0) return
  store.transact(() => {
    for (const path of held) boundedAt(store, path, { initial: 0, min: 0, max: undefined }).end()
  })
  store.renewAuthor()
}
