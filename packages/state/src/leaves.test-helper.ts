import { expect } from 'vitest'
import {
  type AuthorId,
  counter,
  createStore,
  earliest,
  fenced,
  flag,
  greatest,
  least,
  list,
  map,
  mvRegister,
  openDocument,
  ranked,
  register,
  resolved,
  resolver,
  schema,
  set,
  type Value,
} from './index.ts'
import { pull } from './replicas.test-helper.ts'

/** One document with every keyed leaf. */
export const World = schema({
  phase: register('lobby'),
  tags: mvRegister<string>(),
  score: counter(10),
  open: flag(false),
  sealed: flag(true, { wins: 'disable' }),
  items: set<Value>(),
  log: list<string>(),
  owner: ranked('nobody', { ranks: ['guest', 'member', 'admin'] }),
  bid: ranked('nobody'),
  round: fenced(0, { lease: 'round' }),
  best: resolved(0, greatest()),
  worst: resolved(0, least()),
  first: resolved('', earliest()),
  joined: resolved(
    '',
    resolver('joined', (texts: readonly string[]) => texts.join('+')),
  ),
  allowed: set<string>({ wins: 'remove' }),
  players: map({ name: register(''), hp: counter(100), bag: set<string>(), keys: set<string>({ wins: 'remove' }) }),
})

export type Replica = ReturnType<typeof replica>

/** A replica with a clock that stands still unless it is set. */
function replica(author: string, clock = { now: 1_700_000_000_000 }) {
  const store = createStore({ newAuthor: () => author.repeat(16) as AuthorId, now: () => clock.now })
  return Object.assign(openDocument(World, store), { clock })
}

/** Three replicas that have lost each other after they had the same. */
export function split(prepare?: (alice: Replica) => void): [Replica, Replica, Replica] {
  const replicas: [Replica, Replica, Replica] = [replica('a'), replica('b'), replica('c')]
  prepare?.(replicas[0])
  heal(...replicas)
  return replicas
}

/** Brings all to the same version, first one way round and then the other. */
export function heal(...replicas: Replica[]): void {
  for (const to of replicas) for (const from of replicas) pull(to, from)
  for (const to of replicas) for (const from of replicas) pull(to, from)
  for (const one of replicas) expect(one.snapshot).toEqual(replicas[0]?.snapshot)
}
