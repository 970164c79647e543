// What the compiler must infer and refuse. Checked by `tsc -p tsconfig.test.json`; nothing here runs. Rules SC1 to SC4.
import {
  type AuthorId,
  bounded,
  type Change,
  counter,
  type DraftOf,
  fenced,
  flag,
  greatest,
  list,
  map,
  mvRegister,
  openDocument,
  ranked,
  register,
  resolved,
  resolver,
  type SnapshotOf,
  type Store,
  schema,
  set,
  type Value,
} from './index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Fails to compile unless both types are the same. */
function expectSame<A, B>(same: Equal<A, B>): void {
  void same
}

const Raid = schema({
  phase: register<'lobby' | 'fight' | 'over'>('lobby'),
  round: register(0),
  tags: mvRegister<string>(),
  score: counter(10),
  open: flag(false),
  sealed: flag(true, { wins: 'disable' }),
  loot: set<string>(),
  log: list<{ readonly who: string; readonly at: Date }>(),
  flags: map(flag()),
  leader: ranked('', { ranks: ['guest', 'admin'] }),
  bid: ranked({ by: '', gold: 0 }),
  potions: bounded({ initial: 3, max: 9 }),
  turn: fenced(0, { lease: 'turn' }),
  best: resolved(0, greatest()),
  banned: set<string>({ wins: 'remove' }),
  settings: { volume: register(0.5), theme: { dark: flag(true) } },
  players: map({
    name: register(''),
    at: register({ x: 0, y: 0 }),
    items: set<'key' | 'rope'>(),
    pets: map({ age: counter() }),
  }),
})

declare const store: Store
const raid = openDocument(Raid, store)

// [SC1] A snapshot reads as what was declared, without any annotation.
expectSame<typeof raid.snapshot, SnapshotOf<typeof Raid>>(true)
expectSame<typeof raid.snapshot.phase, 'lobby' | 'fight' | 'over'>(true)
expectSame<typeof raid.snapshot.round, number>(true)
expectSame<typeof raid.snapshot.tags, readonly string[]>(true)
expectSame<typeof raid.snapshot.score, number>(true)
expectSame<typeof raid.snapshot.open, boolean>(true)
expectSame<typeof raid.snapshot.loot, readonly string[]>(true)
expectSame<(typeof raid.snapshot.log)[number], { readonly who: string; readonly at: Date }>(true)
expectSame<typeof raid.snapshot.settings.theme.dark, boolean>(true)
expectSame<typeof raid.snapshot.leader, string>(true)
expectSame<typeof raid.snapshot.bid, { by: string; gold: number }>(true)
expectSame<typeof raid.snapshot.turn, number>(true)
expectSame<typeof raid.snapshot.best, number>(true)
expectSame<typeof raid.snapshot.banned, readonly string[]>(true)
raid.snapshot.players['ada']?.at.x satisfies number | undefined
raid.snapshot.players['ada']?.pets['rex']?.age satisfies number | undefined
raid.snapshot.flags['a'] satisfies boolean | undefined

// [SC1] A map may lack a key, and the compiler says so.
// @ts-expect-error the entry may be absent
raid.snapshot.players['ada'].name

// [SC2] A snapshot cannot be written.
// @ts-expect-error read-only
raid.snapshot.phase = 'fight'
// @ts-expect-error read-only
raid.snapshot.loot.push('key')
// @ts-expect-error read-only
raid.snapshot.settings.theme.dark = false

raid.change((draft) => {
  expectSame<typeof draft, DraftOf<typeof Raid>>(true)
  // [SC3] Each leaf takes its own writes and values.
  draft.phase.set('fight')
  draft.round.set(draft.round.get() + 1)
  draft.tags.set('red')
  draft.tags.concurrent() satisfies readonly string[]
  draft.score.add(-5)
  draft.open.enable()
  draft.sealed.set(false)
  draft.loot.add('key')
  draft.log.push({ who: 'ada', at: new Date(0) })
  draft.log.insert(0, { who: 'ada', at: new Date(0) }, { who: 'bob', at: new Date(0) })
  draft.settings.volume.set(1)
  draft.flags.get('a').disable()
  draft.players.add('ada')
  draft.players.get('ada').items.add('rope')
  draft.players.get('ada').pets.get('rex').age.add(1)
  draft.players.keys() satisfies readonly string[]

  draft.leader.set('ada', 'admin')
  draft.bid.set({ by: 'ada', gold: 5 }, 5)
  draft.potions.subtract(draft.potions.spendable())
  draft.turn.set(draft.turn.get() + 1)
  draft.best.concurrent() satisfies readonly number[]
  draft.score.reset()

  // @ts-expect-error not a rank of this field
  draft.leader.set('ada', 'king')
  // @ts-expect-error a rank is wanted
  draft.bid.set({ by: 'ada', gold: 5 })
  // @ts-expect-error not a phase
  draft.phase.set('dance')
  // @ts-expect-error a number is wanted
  draft.round.set('1')
  // @ts-expect-error counters are added to, not set
  draft.score.set(5)
  // @ts-expect-error a number is wanted
  draft.score.add('5')
  // @ts-expect-error a boolean is wanted
  draft.open.set(1)
  // @ts-expect-error a string is wanted
  draft.loot.add(5)
  // @ts-expect-error no such item
  draft.players.get('ada').items.add('lamp')
  // @ts-expect-error the date is missing
  draft.log.push({ who: 'ada' })
  // @ts-expect-error lists are written by push, insert and delete
  draft.log[0] = { who: 'ada', at: new Date(0) }
  // @ts-expect-error no such field
  draft.mana.set(1)
  // @ts-expect-error no such field in an entry
  draft.players.get('ada').mana
  // @ts-expect-error entries are written field by field
  draft.players.get('ada').set({ name: 'ada' })
  // @ts-expect-error leaves are written by their methods
  draft.phase = 'fight'
  // @ts-expect-error a register is no list
  draft.phase.push('fight')
}) satisfies Change | undefined

// [SC4] Only what can be stored can be declared.
register<string | null>(null)
register<{ readonly at: Date; readonly bytes: Uint8Array; readonly big: bigint }>({
  at: new Date(0),
  bytes: new Uint8Array(),
  big: 1n,
})
interface Point {
  readonly x: number
  readonly y: number
}
register<Point>({ x: 0, y: 0 })
// @ts-expect-error a function cannot be stored
register(() => 1)
// @ts-expect-error undefined cannot be stored
register<string | undefined>(undefined)
// @ts-expect-error a symbol cannot be stored
register(Symbol('s'))
// @ts-expect-error a counter starts at a number
counter('0')
// @ts-expect-error a flag is won by enable or disable
flag(false, { wins: 'newest' })
// @ts-expect-error a schema is made of fields
schema({ phase: 'lobby' })
// @ts-expect-error a map is made of a field or a struct
map('lobby')

// [SC4] What must stand at a fixed path cannot be declared inside of a map.
// @ts-expect-error a fenced field inside a map
map({ deep: { turn: fenced(0, { lease: 'turn' }) } })
// @ts-expect-error a bounded field inside a map
map({ potions: bounded() })
// @ts-expect-error a fenced field as map entry
map(fenced(0, { lease: 'turn' }))
const firstNumber = resolver('first number', (values: readonly number[]) => values[0] ?? 0)
// @ts-expect-error a resolver of other values
resolved('', firstNumber)
// @ts-expect-error neither add nor remove
set({ wins: 'enable' })
map({ leader: ranked(''), best: resolved(0, greatest()), nested: map({ age: counter() }) })

// [SC4] Recursive types of JSON can be declared, read and written.
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
const Open = schema({
  json: register<Json>({ x: [1] }),
  any: register<Value>(null),
  set: set<Value>(),
  list: list<Json>(),
})
const open = openDocument(Open, store)
open.snapshot.json satisfies Json
open.snapshot.set satisfies readonly Value[]
declare const someJson: Json
declare const someValue: Value
open.change((draft) => {
  draft.json.set({ x: { y: [1, null] } })
  draft.json.set(someJson)
  draft.any.set(someValue)
  draft.set.add([1, 'x', { at: new Date(0) }])
  draft.list.push({ a: 1 }, null, someJson)
  // @ts-expect-error undefined cannot be stored
  draft.any.set({ x: undefined })
})

// [SC11] A field at a path has the draft of what is declared there.
raid.field('phase').set('fight')
raid.field('players', 'ada', 'items').add('key')
raid.field('players', 'ada', 'pets', 'rex').age.add(1)
raid.field('settings', 'theme', 'dark').enable()
declare const anyName: string
raid.field('flags', anyName).enable()
// @ts-expect-error no such field
raid.field('mana')
// @ts-expect-error no such field in an entry
raid.field('players', 'ada', 'mana')
// @ts-expect-error nothing stands inside of a register
raid.field('phase', 'x')
// @ts-expect-error which field is not known
raid.field(anyName)
// @ts-expect-error not a phase
raid.field('phase').set('dance')

// Listeners get what they select.
raid.subscribe(
  (snapshot) => snapshot.players['ada']?.name,
  (name, before) => {
    expectSame<typeof name, string | undefined>(true)
    expectSame<typeof before, string | undefined>(true)
  },
)
raid.subscribe((event) => [...event.changed] satisfies readonly (readonly string[])[])

// Ids are made by their constructors only.
// @ts-expect-error a string is no author
const author: AuthorId = '00000000000000a1'
void author
