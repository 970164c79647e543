import {
  counter,
  type DraftOf,
  type FencingToken,
  fenced,
  flag,
  greatest,
  isRejoinError,
  list,
  map,
  mvRegister,
  ranked,
  register,
  resolved,
  resolver,
  schema,
  set,
} from '@rejoin/state'
import fc from 'fast-check'

/** One document with every kind of leaf, alone and inside of map entries. */
export const Everything = schema({
  phase: register('lobby'),
  owner: ranked('nobody', { ranks: ['guest', 'member', 'admin'] }),
  bid: ranked(0),
  round: fenced(0, { lease: 'round' }),
  best: resolved(0, greatest()),
  merged: resolved(
    '',
    resolver('joined', (texts: readonly string[]) => texts.join('+')),
  ),
  banned: set<string>({ wins: 'remove' }),
  tags: mvRegister<string>(),
  score: counter(10),
  open: flag(false),
  sealed: flag(true, { wins: 'disable' }),
  items: set<string | number | readonly number[]>(),
  log: list<number>(),
  byName: map(register(0)),
  players: map({
    name: register(''),
    hp: counter(100),
    ready: flag(false),
    titles: mvRegister<string>(),
    bag: set<string>(),
    curses: set<string>({ wins: 'remove' }),
    rank: ranked(''),
    notes: list<string>(),
    pets: map({ age: counter(0), name: register('') }),
  }),
})

export type EverythingDraft = DraftOf<typeof Everything>

/** One write, as data, so that a failing case prints and shrinks. */
export type Action =
  | { readonly leaf: 'register' | 'mvRegister'; readonly value: string }
  | { readonly leaf: 'counter'; readonly delta: number }
  | { readonly leaf: 'counter reset' }
  | { readonly leaf: 'ranked'; readonly value: string; readonly rank: 'guest' | 'member' | 'admin' }
  | { readonly leaf: 'bid'; readonly value: number; readonly rank: number }
  | { readonly leaf: 'fenced'; readonly value: number; readonly epoch: number; readonly ballot: number }
  | { readonly leaf: 'resolved'; readonly value: number }
  | { readonly leaf: 'remove-wins set'; readonly add: boolean; readonly value: string }
  | { readonly leaf: 'flag' | 'disable-wins flag'; readonly on: boolean }
  | { readonly leaf: 'set'; readonly add: boolean; readonly value: string | number | readonly number[] }
  | { readonly leaf: 'list'; readonly at: number; readonly insert: readonly number[] }
  | { readonly leaf: 'list'; readonly at: number; readonly erase: number }
  | { readonly leaf: 'map of registers'; readonly key: string; readonly value: number | undefined }
  | { readonly leaf: 'map of structs'; readonly key: string; readonly write: StructWrite }

export type StructWrite =
  | { readonly field: 'add' | 'delete' }
  | { readonly field: 'name' | 'titles' | 'push'; readonly text: string }
  | { readonly field: 'hp'; readonly delta: number }
  | { readonly field: 'ready'; readonly on: boolean }
  | { readonly field: 'bag' | 'curses'; readonly add: boolean; readonly text: string }
  | { readonly field: 'rank'; readonly text: string; readonly rank: number }
  | { readonly field: 'erase'; readonly at: number }
  | { readonly field: 'pet' | 'delete pet'; readonly pet: string; readonly years: number }

const word = fc.constantFrom('red', 'green')
const key = fc.constantFrom('ada', '__proto__')
const fraction = fc.double({ min: 0, max: 1, noNaN: true })
const small = fc.integer({ min: -5, max: 5 })

const structWrite: fc.Arbitrary<StructWrite> = fc.oneof(
  fc.record({ field: fc.constantFrom('add' as const, 'delete' as const) }),
  fc.record({ field: fc.constantFrom('name' as const, 'titles' as const, 'push' as const), text: word }),
  fc.record({ field: fc.constant('hp' as const), delta: small }),
  fc.record({ field: fc.constant('ready' as const), on: fc.boolean() }),
  fc.record({ field: fc.constantFrom('bag' as const, 'curses' as const), add: fc.boolean(), text: word }),
  fc.record({ field: fc.constant('rank' as const), text: word, rank: fc.nat(2) }),
  fc.record({ field: fc.constant('erase' as const), at: fraction }),
  fc.record({ field: fc.constantFrom('pet' as const, 'delete pet' as const), pet: word, years: fc.nat(3) }),
)

/** The table of leaves: what can be written to each. Laws run over every row, and over all rows mixed. */
export const leafTable: Readonly<Record<Action['leaf'], fc.Arbitrary<Action>>> = {
  register: fc.record({ leaf: fc.constant('register' as const), value: word }),
  mvRegister: fc.record({ leaf: fc.constant('mvRegister' as const), value: word }),
  counter: fc.record({ leaf: fc.constant('counter' as const), delta: small }),
  'counter reset': fc.oneof(
    { weight: 1, arbitrary: fc.constant({ leaf: 'counter reset' as const }) },
    { weight: 2, arbitrary: fc.record({ leaf: fc.constant('counter' as const), delta: small }) },
  ),
  ranked: fc.record({
    leaf: fc.constant('ranked' as const),
    value: word,
    rank: fc.constantFrom('guest' as const, 'member' as const, 'admin' as const),
  }),
  bid: fc.record({ leaf: fc.constant('bid' as const), value: fc.nat(9), rank: fc.nat(2) }),
  fenced: fc.record({ leaf: fc.constant('fenced' as const), value: fc.nat(9), epoch: fc.nat(1), ballot: fc.nat(2) }),
  resolved: fc.record({ leaf: fc.constant('resolved' as const), value: fc.nat(9) }),
  'remove-wins set': fc.record({ leaf: fc.constant('remove-wins set' as const), add: fc.boolean(), value: word }),
  flag: fc.record({ leaf: fc.constant('flag' as const), on: fc.boolean() }),
  'disable-wins flag': fc.record({ leaf: fc.constant('disable-wins flag' as const), on: fc.boolean() }),
  set: fc.record({
    leaf: fc.constant('set' as const),
    add: fc.boolean(),
    value: fc.constantFrom('red', 1, [1, 2]),
  }),
  list: fc.oneof(
    fc.record({
      leaf: fc.constant('list' as const),
      at: fraction,
      insert: fc.array(fc.nat(99), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ leaf: fc.constant('list' as const), at: fraction, erase: fc.integer({ min: 1, max: 3 }) }),
  ),
  'map of registers': fc.record({
    leaf: fc.constant('map of registers' as const),
    key,
    value: fc.option(fc.nat(9), { nil: undefined }),
  }),
  'map of structs': fc.record({ leaf: fc.constant('map of structs' as const), key, write: structWrite }),
}

export const anyAction: fc.Arbitrary<Action> = fc.oneof(...Object.values(leafTable))

/** Actions on two or three leaves of a document: few enough that writes meet. */
export const mixedActions: fc.Arbitrary<fc.Arbitrary<Action>> = fc
  .uniqueArray(fc.constantFrom(...Object.values(leafTable)), { minLength: 2, maxLength: 3 })
  .map((rows) => fc.oneof(...rows))

/** Writes an action through a draft, like an app does. */
export function write(draft: EverythingDraft, action: Action): void {
  switch (action.leaf) {
    case 'register':
      draft.phase.set(action.value)
      break
    case 'mvRegister':
      draft.tags.set(action.value)
      break
    case 'counter':
      draft.score.add(action.delta)
      break
    case 'counter reset':
      draft.score.reset()
      break
    case 'ranked':
      draft.owner.set(action.value, action.rank)
      break
    case 'bid':
      draft.bid.set(action.value, action.rank)
      break
    case 'fenced':
      writeFenced(draft, action.value)
      break
    case 'resolved':
      draft.best.set(action.value)
      draft.merged.set(`${action.value}`)
      break
    case 'remove-wins set':
      if (action.add) draft.banned.add(action.value)
      else draft.banned.delete(action.value)
      break
    case 'flag':
      draft.open.set(action.on)
      break
    case 'disable-wins flag':
      draft.sealed.set(action.on)
      break
    case 'set':
      if (action.add) draft.items.add(action.value)
      else draft.items.delete(action.value)
      break
    case 'list': {
      const { length } = draft.log
      if ('insert' in action) draft.log.insert(Math.round(action.at * length), ...action.insert)
      else if (length > 0) eraseFrom(draft.log, Math.floor(action.at * (length - 1)), action.erase)
      break
    }
    case 'map of registers':
      if (action.value === undefined) draft.byName.delete(action.key)
      else draft.byName.get(action.key).set(action.value)
      break
    case 'map of structs':
      writeStruct(draft, action.key, action.write)
      break
  }
}

/** Whoever was replaced as holder of the lease is refused. */
function writeFenced(draft: EverythingDraft, value: number): void {
  try {
    draft.round.set(value)
  } catch (error) {
    if (!isRejoinError(error) || error.code !== 'fencing-token-stale') throw error
  }
}

/** The tokens of the leases that some actions write under: the last named of each. */
export function tokensOf(actions: readonly Action[]): FencingToken[] {
  const last = actions.findLast((action) => action.leaf === 'fenced')
  return last === undefined ? [] : [{ lease: 'round', epoch: last.epoch, ballot: last.ballot }]
}

function writeStruct(draft: EverythingDraft, name: string, action: StructWrite): void {
  if (action.field === 'delete') {
    draft.players.delete(name)
    return
  }
  if (action.field === 'add') {
    draft.players.add(name)
    return
  }
  const player = draft.players.get(name)
  switch (action.field) {
    case 'name':
      player.name.set(action.text)
      break
    case 'titles':
      player.titles.set(action.text)
      break
    case 'push':
      player.notes.push(action.text)
      break
    case 'hp':
      player.hp.add(action.delta)
      break
    case 'ready':
      player.ready.set(action.on)
      break
    case 'bag':
      if (action.add) player.bag.add(action.text)
      else player.bag.delete(action.text)
      break
    case 'curses':
      if (action.add) player.curses.add(action.text)
      else player.curses.delete(action.text)
      break
    case 'rank':
      player.rank.set(action.text, action.rank)
      break
    case 'erase':
      if (player.notes.length > 0) player.notes.delete(Math.floor(action.at * (player.notes.length - 1)))
      return
    case 'pet':
      player.pets.get(action.pet).age.add(action.years)
      break
    case 'delete pet':
      player.pets.delete(action.pet)
  }
}

function eraseFrom(log: EverythingDraft['log'], at: number, count: number): void {
  log.delete(at, Math.min(count, log.length - at))
}
