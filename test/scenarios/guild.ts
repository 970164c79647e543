import {
  bounded,
  counter,
  earliest,
  fenced,
  flag,
  greatest,
  list,
  map,
  mvRegister,
  ranked,
  register,
  resolved,
  schema,
  set,
} from '@rejoin/state'

/** The document of all scenarios: one field of each kind, see README.md. */
export const Guild = schema({
  motto: register(''),
  tags: mvRegister<string>(),
  leader: ranked('nobody', { ranks: ['member', 'officer', 'founder'] }),
  record: resolved(0, greatest()),
  firstKill: resolved('', earliest()),
  round: fenced(0, { lease: 'round' }),
  gold: counter(0),
  potions: bounded({ initial: 10 }),
  atWar: flag(false, { wins: 'disable' }),
  trophies: set<string>(),
  banned: set<string>({ wins: 'remove' }),
  log: list<string>(),
  members: map({ rank: register('recruit'), points: counter(0), keys: set<string>() }),
})

/** What can be written to each field: the verbs of its draft, each with how many words follow. */
const verbs = {
  register: { set: 1 },
  ranked: { set: 2 },
  counter: { add: 1, reset: 0 },
  flag: { enable: 0, disable: 0 },
  set: { add: 1, delete: 1 },
  list: { push: 1, delete: 1 },
  map: { add: 1, delete: 1 },
  bounded: { ask: 1, give: 2, subtract: 1, add: 1 },
} as const

const kindByField: Readonly<Record<string, keyof typeof verbs>> = {
  motto: 'register',
  tags: 'register',
  leader: 'ranked',
  record: 'register',
  firstKill: 'register',
  round: 'register',
  gold: 'counter',
  potions: 'bounded',
  atWar: 'flag',
  trophies: 'set',
  banned: 'set',
  log: 'list',
  members: 'map',
  'members.*.rank': 'register',
  'members.*.points': 'counter',
  'members.*.keys': 'set',
}

/** A place as it is written in a scenario: `gold`, `members.eve.points`. */
export type Place = readonly string[]

/** What is wrong with a place, if anything. */
export function placeFault(place: Place): string | undefined {
  const [field = '', key, leaf] = place
  if (place.length === 2 && field === 'members') return undefined
  const name = place.length === 3 && key !== undefined ? `${field}.*.${leaf}` : field
  if ((place.length === 1 || place.length === 3) && name in kindByField) return undefined
  return `the guild has no field ${place.join('.')}`
}

/** What is wrong with a write, if anything. */
export function writeFault(place: Place, verb: string, words: number): string | undefined {
  const fault = placeFault(place)
  if (fault !== undefined) return fault
  const kind = kindByField[place.length === 3 ? `${place[0]}.*.${place[2]}` : place.join('.')]
  if (kind === undefined)
    return `${place.join('.')} is an entry; write to a field in it, or add or delete it in members`
  const known: Readonly<Record<string, number>> = verbs[kind]
  const count = known[verb]
  if (count === undefined) return `${place.join('.')} can ${Object.keys(known).join(', ')}, not ${verb}`
  return count === words ? undefined : `${place.join('.')} ${verb} takes ${count} words, not ${words}`
}

type DraftNode = Readonly<Record<string, unknown>> & { get?(key: string): DraftNode }
type DraftLeaf = Readonly<Record<string, (...words: readonly unknown[]) => unknown>>

/** Carries out a write on a draft of the guild. */
export function write(draft: object, place: Place, verb: string, words: readonly unknown[]): void {
  const [field = '', key, leaf = ''] = place
  let at = (draft as DraftNode)[field] as DraftNode
  if (key !== undefined) at = at.get?.(key)[leaf] as DraftNode
  ;(at as unknown as DraftLeaf)[verb]?.(...words)
}
