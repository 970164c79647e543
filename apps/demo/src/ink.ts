/**
 * Digest to ink, so that colour never lies.
 *
 * 1. Two islands drawn in the same ink at full tone hold equal digests.
 * 2. A state that descends from all others on the sea keeps the ink; an island still behind it keeps its own, paler.
 * 3. Two concurrent states both leave the old ink, for neither side is the original. Their merge takes a third.
 *
 * The choice depends on what was chosen before, so it is made once per recorded frame and stored in the frame.
 */
import { type Ink, type InkFrame, inkNames } from './frame.ts'

/** The part of an island that its colour depends on. */
export interface InkInput {
  readonly digest: string
  readonly version: readonly { readonly author: string; readonly count: number }[]
}

/** Inks of the states that nothing on the sea descends from, and the colour of every island. */
export interface InkState {
  readonly frontier: readonly { readonly digest: string; readonly version: Counts; readonly ink: Ink }[]
  readonly islands: readonly InkFrame[]
}

type Counts = ReadonlyMap<string, number>

/** Assigns the inks of the next frame from those of the last one. */
export function nextInks(previous: InkState | undefined, islands: readonly InkInput[]): InkState {
  const states = islands.map((island) => ({ digest: island.digest, version: countsOf(island) }))
  const maximal = states.filter(
    (state, at) =>
      !states.some((other) => other.digest !== state.digest && dominates(other.version, state.version)) &&
      states.findIndex((other) => other.digest === state.digest) === at,
  )
  const before = previous?.frontier ?? []
  const parents = maximal.map((state) => before.filter((old) => dominates(state.version, old.version)))
  const held = new Set<Ink>(previous?.islands.map((island) => island.ink) ?? [])
  const taken = new Set<Ink>()
  const left = inksLeft(previous, states, maximal, parents)
  const inks: (Ink | undefined)[] = maximal.map((state, at) => {
    const same = before.find((old) => old.digest === state.digest)
    const heir = same ?? onlyParent(parents, at)
    if (heir === undefined || taken.has(heir.ink) || left.has(heir.ink)) return undefined
    taken.add(heir.ink)
    return heir.ink
  })
  const frontier = maximal.map((state, at) => {
    const ink = inks[at] ?? freeInk(state.digest, new Set([...held, ...taken]), taken)
    taken.add(ink)
    return { digest: state.digest, version: state.version, ink }
  })
  return {
    frontier,
    islands: states.map((state, at): InkFrame => {
      const holder = frontier.find((top) => top.digest === state.digest)
      if (holder !== undefined) return { ink: holder.ink, tone: 'full' }
      const own = previous?.islands[at]?.ink ?? frontier[0]?.ink ?? inkNames[0]
      return { ink: own, tone: 'pale' }
    }),
  }
}

/** The slot that a digest asks for first. */
export function preferredSlot(digest: string): number {
  return Number(BigInt(`0x${digest}`) % BigInt(inkNames.length))
}

/**
 * Inks that no state may keep: somebody who wore one, pale or full, now stands beside the state that holds it, and
 * neither is the original.
 */
function inksLeft(
  previous: InkState | undefined,
  states: readonly { readonly digest: string }[],
  maximal: readonly { readonly digest: string }[],
  parents: readonly (readonly { readonly ink: Ink; readonly digest: string }[])[],
): ReadonlySet<Ink> {
  const left = new Set<Ink>()
  if (previous === undefined || maximal.length < 2) return left
  maximal.forEach((state, at) => {
    if (previous.frontier.some((old) => old.digest === state.digest)) return
    const worn = states.flatMap((other, seat) => (other.digest === state.digest ? [previous.islands[seat]?.ink] : []))
    for (const ink of worn) {
      // Whoever descends from the state that holds the ink carries its line on.
      if (ink !== undefined && !(parents[at] ?? []).some((parent) => parent.ink === ink)) left.add(ink)
    }
  })
  // One state that has become several: all of them leave.
  for (const old of previous.frontier) {
    if (parents.filter((own) => own.includes(old as never)).length > 1) left.add(old.ink)
  }
  return left
}

/** A line is carried on by its only heir: one parent, and no sibling that descends from the same parent. */
function onlyParent<T>(parents: readonly (readonly T[])[], at: number): T | undefined {
  const own = parents[at] ?? []
  const parent = own[0]
  if (own.length !== 1 || parent === undefined) return undefined
  return parents.some((others, index) => index !== at && others.includes(parent)) ? undefined : parent
}

function freeInk(digest: string, held: ReadonlySet<Ink>, taken: ReadonlySet<Ink>): Ink {
  const wanted = preferredSlot(digest)
  const distanceTo = (slot: number, inks: ReadonlySet<Ink>): number =>
    Math.min(inkNames.length, ...[...inks].map((ink) => ringDistance(slot, inkNames.indexOf(ink))))
  const clear = distanceTo(wanted, held)
  if (clear > 1) return inkNames[wanted] ?? inkNames[0]
  // Farthest from every live ink; when all six are live, farthest from those at full tone; then nearest to the wish.
  const slots = inkNames.map((_, slot) => slot)
  const ranked = slots.sort(
    (a, b) =>
      distanceTo(b, held) - distanceTo(a, held) ||
      distanceTo(b, taken) - distanceTo(a, taken) ||
      ringDistance(a, wanted) - ringDistance(b, wanted) ||
      a - b,
  )
  return inkNames[ranked[0] ?? wanted] ?? inkNames[0]
}

function ringDistance(a: number, b: number): number {
  const apart = Math.abs(a - b)
  return Math.min(apart, inkNames.length - apart)
}

function countsOf(island: InkInput): Counts {
  return new Map(island.version.map((entry) => [entry.author, entry.count]))
}

function dominates(a: Counts, b: Counts): boolean {
  for (const [author, count] of b) if ((a.get(author) ?? 0) < count) return false
  return true
}
