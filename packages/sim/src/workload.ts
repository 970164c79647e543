/** The document that simulated runs write: every kind of leaf, at the root and inside removable map entries. */
import {
  type BoundedField,
  bounded,
  type ChangeOptions,
  type CounterField,
  counter,
  type DraftOf,
  type FencedField,
  type FlagField,
  fenced,
  flag,
  greatest,
  type ListDraft,
  type ListField,
  list,
  type MapField,
  type MvRegisterField,
  map,
  mvRegister,
  type RankedField,
  type RegisterField,
  type ResolvedField,
  ranked,
  register,
  resolved,
  type Schema,
  type SetField,
  schema,
  set,
} from '@rejoin/state'
import type { Write } from './scenario.ts'

/** Fields of {@link Workload}. */
export type WorkloadFields = {
  readonly title: RegisterField<string>
  readonly tags: MvRegisterField<string>
  readonly score: CounterField
  readonly open: FlagField
  readonly latch: FlagField
  readonly chest: SetField<string>
  readonly players: MapField<{
    readonly name: RegisterField<string>
    readonly hp: CounterField
    readonly items: SetField<string>
    readonly log: ListField<string>
  }>
  readonly log: ListField<string>
  readonly owner: RankedField<string, number>
  readonly best: ResolvedField<number>
  readonly banned: SetField<string>
  readonly round: FencedField<number>
  readonly potions: BoundedField
}

/** Schema of the workload. */
export const Workload: Schema<WorkloadFields> = schema<WorkloadFields>({
  title: register('untitled'),
  tags: mvRegister<string>(),
  score: counter(100),
  open: flag(false),
  latch: flag(true, { wins: 'disable' }),
  chest: set<string>(),
  players: map({ name: register(''), hp: counter(10), items: set<string>(), log: list<string>() }),
  log: list<string>(),
  owner: ranked('nobody'),
  best: resolved(0, greatest()),
  banned: set<string>({ wins: 'remove' }),
  round: fenced(0, { lease: 'round' }),
  potions: bounded({ initial: 60, max: 80 }),
})

/** Two who think that they hold the lease, over and over: nobody here grants it. */
export function workloadOptions({ verb, number }: Write): ChangeOptions {
  return verb === 'round' ? { token: { lease: 'round', epoch: number % 2, ballot: number % 7 } } : {}
}

/** Carries out a write of the workload. What a list index means depends on the list as the writer sees it. */
export function writeWorkload(draft: DraftOf<Schema<WorkloadFields>>, { verb, number, text }: Write): void {
  const word = `${text}-${number % 1000}`
  const player = draft.players.get(text)
  switch (verb) {
    case 'register':
      draft.title.set(word)
      break
    case 'multi':
      draft.tags.set(word)
      break
    case 'counter':
      draft.score.add((number % 19) - 9)
      break
    case 'flag-on':
      draft.open.enable()
      break
    case 'flag-off':
      draft.open.disable()
      break
    case 'latch-on':
      draft.latch.enable()
      break
    case 'latch-off':
      draft.latch.disable()
      break
    case 'set-add':
      draft.chest.add(text)
      break
    case 'set-delete':
      draft.chest.delete(text)
      break
    case 'entry-add':
      draft.players.add(text)
      break
    case 'entry-delete':
      draft.players.delete(text)
      break
    case 'entry-name':
      player.name.set(word)
      break
    case 'entry-hp':
      player.hp.add((number % 19) - 9)
      break
    case 'entry-item-add':
      player.items.add(`item-${number % 5}`)
      break
    case 'entry-item-delete':
      player.items.delete(`item-${number % 5}`)
      break
    case 'entry-log':
      writeList(player.log, number, word)
      break
    case 'list-insert':
      writeList(draft.log, number, word)
      break
    case 'list-delete':
      if (draft.log.length > 0) draft.log.delete(number % draft.log.length)
      break
    case 'several':
      player.hp.add(1)
      player.items.add(word)
      draft.chest.delete(text)
      draft.title.set(word)
      draft.log.push(word, `${word}!`)
      break
    default:
      writeGuarded(draft, verb, number, text)
  }
}

function writeGuarded(draft: DraftOf<Schema<WorkloadFields>>, verb: Write['verb'], number: number, text: string): void {
  switch (verb) {
    case 'rank':
      draft.owner.set(text, number % 4)
      break
    case 'best':
      draft.best.set(number % 100)
      break
    case 'ban':
      draft.banned.add(text)
      break
    case 'unban':
      draft.banned.delete(text)
      break
    case 'round':
      draft.round.set(number % 100)
      break
    case 'potion-ask':
      draft.potions.ask({ spend: number % 6, room: number % 3 })
      break
    case 'potion-take':
      draft.potions.subtract(number % 3 === 0 ? draft.potions.spendable() : number % 4)
      break
    case 'potion-add':
      draft.potions.add(number % 3)
      break
    case 'score-reset':
      draft.score.reset()
      break
    default:
      break
  }
}

function writeList(target: ListDraft<string>, number: number, word: string): void {
  const values = Array.from({ length: 1 + (number % 3) }, (_, i) => `${word}.${i}`)
  target.insert(number % (target.length + 1), ...values)
}
