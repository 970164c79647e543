/** The document that simulated runs write: every kind of leaf, at the root and inside removable map entries. */
import {
  type CounterField,
  counter,
  type DraftOf,
  type FlagField,
  flag,
  type ListDraft,
  type ListField,
  list,
  type MapField,
  type MvRegisterField,
  map,
  mvRegister,
  type RegisterField,
  register,
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
})

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
      break
  }
}

function writeList(target: ListDraft<string>, number: number, word: string): void {
  const values = Array.from({ length: 1 + (number % 3) }, (_, i) => `${word}.${i}`)
  target.insert(number % (target.length + 1), ...values)
}
