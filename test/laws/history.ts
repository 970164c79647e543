import {
  type AuthorId,
  applyBundle,
  authorIdFrom,
  bundleSince,
  type Change,
  createStore,
  decodeBundle,
  decodeChanges,
  digestOf,
  encodeBundle,
  encodeChanges,
  freeRemovals,
  openDocument,
  type Store,
  storeToPlain,
} from '@rejoin/state'
import fc from 'fast-check'
import { expect } from 'vitest'
import { type Action, Everything, tokensOf, write } from './leaf-table.ts'

/** One replica of `Everything`. */
export interface Site {
  readonly store: Store
  readonly doc: ReturnType<typeof openEverything>
}

/** A change as it travels, with what it takes to choose an order of delivery. */
export interface Sent {
  readonly change: Change
  readonly bytes: Uint8Array
}

/** How one takes over what another has: all its changes, those of one author, or a bundle. */
export type Way = 'changes' | 'author' | 'bundle'

/** One step of a history: somebody writes, or takes over what another one has. */
export type Step =
  | { readonly do: 'change'; readonly who: number; readonly actions: readonly Action[] }
  | { readonly do: 'pull'; readonly who: number; readonly from: number; readonly by: Way }
  | { readonly do: 'reopen'; readonly who: number }
  | { readonly do: 'free'; readonly who: number }

/** What became of a history: the replicas as they are, each perhaps partly informed, and all changes in causal order. */
export interface Played {
  readonly sites: readonly Site[]
  readonly sent: readonly Sent[]
}

/** Three replicas and up to 30 steps over some actions. */
export function history(actions: fc.Arbitrary<Action>): fc.Arbitrary<readonly Step[]> {
  const who = fc.nat(2)
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('change' as const),
        who,
        actions: fc.array(actions, { minLength: 1, maxLength: 3 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('pull' as const),
        who,
        from: who,
        by: fc.constantFrom<Way>('changes', 'author', 'bundle'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('reopen' as const, 'free' as const), who }) },
  )
  return fc.array(step, { minLength: 4, maxLength: 30, size: 'max' })
}

/** A fresh, empty replica. `name` makes its authors; its clock is off by `skewMs`. */
export function openSite(name = 'f', skewMs = 0): Site {
  let openings = 0
  let ticks = 0
  const store = createStore({
    newAuthor: () => authorIdFrom(name.repeat(8).slice(0, 8) + (++openings).toString(16).padStart(8, '0')),
    now: () => 1_700_000_000_000 + skewMs + ticks++ * 10,
  })
  return { store, doc: openEverything(store) }
}

/** Plays a history. Replicas disagree about the time by up to half a minute. */
export function play(steps: readonly Step[]): Played {
  const sites = [openSite('a', 0), openSite('b', 30_000), openSite('c', -30_000)]
  const sent: Sent[] = []
  for (const step of steps) {
    const site = sites[step.who] as Site
    switch (step.do) {
      case 'change': {
        const change = site.doc.change(
          (draft) => {
            for (const action of step.actions) write(draft, action)
          },
          { token: tokensOf(step.actions) },
        )
        if (change !== undefined) sent.push({ change, bytes: encodeChanges([change]) })
        break
      }
      case 'pull':
        if (step.from !== step.who) pull(site, sites[step.from] as Site, step.by, sent)
        break
      case 'reopen':
        site.store.renewAuthor()
        break
      case 'free':
        freeRemovals(site.store, site.store.version)
    }
  }
  return { sites, sent }
}

/** Brings one site nearer to another, through bytes. What comes too early is not given: the waiting room has its own law. */
export function pull(site: Site, from: Site, by: Way, sent: readonly Sent[]): void {
  if (by === 'bundle') {
    giveBundle(site, from)
    return
  }
  const isNews = ({ change }: Sent): boolean => from.store.version.has(change) && !site.store.version.has(change)
  const author = sent.find(isNews)?.change.author
  for (const one of sent) {
    const isWanted = isNews(one) && (by === 'changes' || one.change.author === author)
    if (isWanted && site.store.version.covers(one.change.context)) expect(give(site, one.bytes)).toEqual(['applied'])
  }
}

/** Hands over changes as bytes. Returns what became of each. */
export function give(site: Site, bytes: Uint8Array): string[] {
  const decoded = decodeChanges(bytes)
  if (!decoded.ok) throw new Error(`refused own changes: ${JSON.stringify(decoded.error)}`)
  return decoded.value.map((change) => site.store.applyChange(change))
}

/** Hands over what `to` lacks of `from`, as the bytes of a bundle in chunks. */
export function giveBundle(to: Site, from: Site): void {
  const bytes = encodeBundle(bundleSince(from.store, to.store.version))
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += 64) chunks.push(bytes.slice(at, at + 64))
  const decoded = decodeBundle(Uint8Array.from(chunks.flatMap((chunk) => [...chunk])))
  if (!decoded.ok) throw new Error(`refused own bundle: ${JSON.stringify(decoded.error)}`)
  expect(['applied', 'duplicate']).toContain(applyBundle(to.store, decoded.value))
  expect(to.store.version.covers(from.store.version)).toBe(true)
}

/** Everything that equal versions must have equal, readable when they differ. */
export function stateOf({ store, doc }: Site): unknown {
  return { digest: digestOf(store), plain: storeToPlain(store), snapshot: doc.snapshot }
}

/** Holds sites to the same version and the same state. */
export function expectSame(sites: readonly Site[]): void {
  const [first, ...others] = sites as readonly [Site, ...Site[]]
  for (const other of others) {
    expect(other.store.version.toJSON()).toEqual(first.store.version.toJSON())
    expect(stateOf(other)).toEqual(stateOf(first))
  }
}

/** Notices two replicas of one version in different states. */
export class VersionLedger {
  readonly #states = new Map<string, unknown>()

  check(site: Site): void {
    const version = JSON.stringify(site.store.version.toJSON())
    const state = stateOf(site)
    if (this.#states.has(version)) expect(state).toEqual(this.#states.get(version))
    else this.#states.set(version, state)
  }
}

/** Numbers from 0 up to, without, 1; the same for the same seed. */
export function numbersFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}

/** The items in an order that `draw` picks. */
export function shuffled<T>(items: readonly T[], draw: () => number): T[] {
  return items
    .map((item) => ({ item, rank: draw() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}

/** Changes in an order that `draw` picks among those that deliver nothing before what it depends on. */
export function causalOrder(sent: readonly Sent[], draw: () => number): Sent[] {
  const order: Sent[] = []
  const seqs = new Map<AuthorId, number>()
  const isReady = ({ change }: Sent): boolean => {
    if ((seqs.get(change.author) ?? 0) !== change.seq - 1) return false
    for (const [author, seq] of change.context.entries()) if ((seqs.get(author) ?? 0) < seq) return false
    return true
  }
  let open = [...sent]
  while (open.length > 0) {
    const ready = open.filter(isReady)
    const next = ready[Math.floor(draw() * ready.length)] as Sent
    order.push(next)
    seqs.set(next.change.author, next.change.seq + next.change.span - 1)
    open = open.filter((other) => other !== next)
  }
  return order
}

function openEverything(store: Store) {
  return openDocument(Everything, store)
}
