import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bounded,
  type ChangeOptions,
  counter,
  createStore,
  encodeSnapshot,
  exportJSON,
  fenced,
  flag,
  greatest,
  list,
  loadSnapshot,
  map,
  mvRegister,
  openDocument,
  ranked,
  register,
  resolved,
  rollBack,
  type Store,
  schema,
  set,
  type Value,
} from './index.ts'
import { mintAuthor, openMinted, pull, startMs } from './replicas.test-helper.ts'
import { verifyStore } from './verify.ts'

const World = schema({
  title: register('untitled'),
  tags: mvRegister<Value>(),
  owner: ranked(null as Value, { ranks: ['guest', 'admin'] }),
  round: fenced<Value>(0, { lease: 'round' }),
  best: resolved(0, greatest()),
  score: counter(10),
  potions: bounded({ initial: 5 }),
  open: flag(false),
  sealed: flag(true, { wins: 'disable' }),
  seen: set<Value>(),
  banned: set<Value>({ wins: 'remove' }),
  log: list<Value>(),
  settings: { theme: { dark: register(true) } },
  players: map({ name: register(''), hp: counter(100), bag: set<string>(), pets: map(register<Value>('')) }),
})

type Doc = ReturnType<typeof open>
const open = () => openMinted(World)
const token = (ballot: number): ChangeOptions => ({ token: { lease: 'round', epoch: 1, ballot } })

/** The state as it is, for later. */
function checkpoint({ store }: Doc): Store {
  const kept = createStore({ newAuthor: mintAuthor, now: () => startMs })
  expect(loadSnapshot(kept, encodeSnapshot(store)).ok).toBe(true)
  return kept
}

const text = (doc: Doc): string => JSON.stringify(exportJSON(doc))

/** Writes that come from numbers: what is written, where, and a value. */
type Step = readonly [number, number, number]
const steps = fc.array(fc.tuple(fc.nat(15), fc.nat(3), fc.nat(5)), { maxLength: 40 })

function write(doc: Doc, [what, where, value]: Step): void {
  const name = `p${where}`
  doc.change((s) => {
    const player = s.players.get(name)
    const writes: (() => unknown)[] = [
      () => s.title.set(`title ${value}`),
      () => s.tags.set(value),
      () => s.owner.set(value, value % 2 === 0 ? 'guest' : 'admin'),
      () => s.best.set(value),
      () => s.score.add(value - 2),
      () => s.open.set(value % 2 === 0),
      () => s.sealed.set(value % 2 === 0),
      () => s.seen.add(value),
      () => s.seen.delete(value),
      () => s.banned.add(value),
      () => s.banned.delete(value),
      () => s.log.insert(Math.min(where, s.log.length), value, value),
      () => (s.log.length > where ? s.log.delete(where) : undefined),
      () => s.settings.theme.dark.set(value % 2 === 0),
      () => {
        player.name.set(`name ${value}`)
        player.hp.add(-value)
        player.bag.add(`item ${value}`)
        player.pets.get(`pet ${value}`).set(value)
      },
      () => s.players.delete(name),
    ]
    writes[what]?.()
  })
}

const Nested = schema({
  players: map({
    hp: counter(100),
    open: flag(false),
    owner: ranked(null as Value, { ranks: ['guest', 'admin'] }),
    best: resolved(0, greatest()),
    log: list<Value>(),
    banned: set<Value>({ wins: 'remove' }),
    scores: map(counter(0)),
    pets: map({ age: counter(0), toys: map(set<Value>()), notes: map(list<Value>()) }),
  }),
})

function writeNested(doc: ReturnType<typeof openMinted<typeof Nested>>, [what, where, value]: Step): void {
  doc.change((s) => {
    const player = s.players.get(`p${where % 2}`)
    const pet = player.pets.get(`pet ${value % 2}`)
    const writes: (() => unknown)[] = [
      () => player.hp.add(value - 2),
      () => player.open.set(value % 2 === 0),
      () => player.owner.set(value, value % 2 === 0 ? 'guest' : 'admin'),
      () => player.best.set(value),
      () => player.log.insert(0, value),
      () => (player.log.length > 0 ? player.log.delete(0) : undefined),
      () => player.banned.add(value),
      () => player.banned.delete(value),
      () => player.scores.get(`score ${value % 2}`).add(value - 2),
      () => player.scores.delete(`score ${value % 2}`),
      () => pet.age.add(value - 2),
      () => pet.toys.get('box').add(value),
      () => pet.toys.delete('box'),
      () => pet.notes.get('card').insert(0, value),
      () => player.pets.delete(`pet ${value % 2}`),
      () => s.players.delete(`p${where % 2}`),
    ]
    writes[what]?.()
  })
}

describe('rolling back', () => {
  it('[RB1] reads what the checkpoint reads, whatever was written before and after, of two who write', () => {
    fc.assert(
      fc.property(steps, steps, steps, (before, after, beside) => {
        const doc = open()
        const other = open()
        for (const step of before) write(doc, step)
        pull(other, doc)
        const then = checkpoint(doc)
        const wanted = text(doc)
        for (const step of after) write(doc, step)
        for (const step of beside) write(other, step)
        pull(doc, other)
        const { kept } = rollBack(doc.store, then)
        expect(kept).toEqual([])
        expect(text(doc)).toBe(wanted)
        expect(verifyStore(doc.store)).toEqual([])
        // It is a change as any other, and the second time there is nothing to do.
        pull(other, doc)
        expect(text(other)).toBe(wanted)
        expect(rollBack(doc.store, then).change).toBeUndefined()
      }),
      { numRuns: 300 },
    )
  })

  it('[RB2] merges with what others write meanwhile', () => {
    const doc = open()
    doc.change((s) => {
      s.title.set('before')
      s.score.add(5)
    })
    const then = checkpoint(doc)
    const other = open()
    pull(other, doc)
    doc.change((s) => {
      s.title.set('after')
      s.score.add(100)
    })
    other.change((s) => {
      s.score.add(1)
      s.seen.add('theirs')
    })
    rollBack(doc.store, then)
    pull(doc, other)
    pull(other, doc)
    expect(doc.snapshot).toMatchObject({ title: 'before', score: 16, seen: ['theirs'] })
    expect(text(other)).toBe(text(doc))
  })

  it('[RB3] leaves rights, and what is fenced without its token, and says so', () => {
    const doc = open()
    doc.change((s) => s.round.set(1), token(1))
    const then = checkpoint(doc)
    doc.change((s) => s.round.set(2), token(3))
    doc.change((s) => s.title.set('after'))
    expect(rollBack(doc.store, then).kept).toEqual([{ path: ['round'], kind: 'fenced', reason: 'token' }])
    expect(doc.snapshot).toMatchObject({ title: 'untitled', round: 2 })
    expect(rollBack(doc.store, then, token(2)).kept).toHaveLength(1)
    expect(rollBack(doc.store, then, token(4)).kept).toEqual([])
    expect(doc.snapshot.round).toBe(1)
  })

  it('[RB3] leaves what is fenced and was first written later, says so, and has nothing to do the second time', () => {
    const move = fenced('', { lease: 'turn' })
    const Duel = schema({ turn: fenced('', { lease: 'turn' }), game: { move, note: register('') } })
    const doc = openMinted(Duel)
    const then = createStore({ newAuthor: mintAuthor, now: () => startMs })
    const held = (ballot: number): ChangeOptions => ({ token: { lease: 'turn', epoch: 1, ballot } })
    doc.change((s) => {
      s.turn.set('white')
      s.game.move.set('e4')
      s.game.note.set('an opening')
    }, held(1))
    const kept = [
      { path: ['game', 'move'], kind: 'fenced', reason: 'token' },
      { path: ['turn'], kind: 'fenced', reason: 'token' },
    ]
    expect(rollBack(doc.store, then)).toMatchObject({ kept })
    expect(doc.snapshot).toEqual({ turn: 'white', game: { move: 'e4', note: '' } })
    for (const options of [{}, held(2)]) expect(rollBack(doc.store, then, options)).toEqual({ change: undefined, kept })
  })

  it('[RB1] leaves one value where there was one, also of two that are the same', () => {
    const doc = open()
    const other = open()
    doc.change((s) => s.tags.set(0))
    pull(other, doc)
    const then = checkpoint(doc)
    doc.change((s) => s.tags.set(0))
    other.change((s) => s.tags.set(0))
    pull(doc, other)
    expect(doc.snapshot.tags).toEqual([0, 0])
    rollBack(doc.store, then)
    expect(doc.snapshot.tags).toEqual([0])
  })

  it('[RB3] leaves a register for which there were several values', () => {
    const doc = open()
    const other = open()
    doc.change((s) => s.tags.set('ours'))
    other.change((s) => s.tags.set('theirs'))
    pull(doc, other)
    const then = checkpoint(doc)
    doc.change((s) => s.tags.set('one'))
    expect(rollBack(doc.store, then).kept).toEqual([{ path: ['tags'], kind: 'mvRegister', reason: 'concurrent' }])
    expect(doc.snapshot.tags).toEqual(['one'])
  })

  it('[RB10] brings back entries that were there by a counter alone, also by one that stands at nothing', () => {
    const Raid = schema({ points: map(counter(0)), players: map({ hp: counter(100), name: register('') }) })
    const raid = openMinted(Raid)
    raid.change((s) => {
      s.points.get('ada').add(0)
      s.points.get('bob').add(5)
      s.players.get('eve').hp.add(0)
    })
    raid.change((s) => s.points.get('bob').add(-5))
    const then = createStore({ newAuthor: mintAuthor, now: () => startMs })
    loadSnapshot(then, encodeSnapshot(raid.store))
    const wanted = { points: { ada: 0, bob: 0 }, players: { eve: { hp: 100, name: '' } } }
    expect(raid.snapshot).toEqual(wanted)
    raid.change((s) => {
      s.points.delete('ada')
      s.points.delete('bob')
      s.players.delete('eve')
    })
    rollBack(raid.store, then)
    expect(raid.snapshot).toEqual(wanted)
    expect(rollBack(raid.store, then).change).toBeUndefined()
  })

  it('[RB11] brings back entries of maps in maps with whatever they held, of two who write', () => {
    fc.assert(
      fc.property(steps, steps, steps, (before, after, beside) => {
        const [doc, other] = [openMinted(Nested), openMinted(Nested)]
        for (const step of before) writeNested(doc, step)
        pull(other, doc)
        const then = createStore({ newAuthor: mintAuthor, now: () => startMs })
        loadSnapshot(then, encodeSnapshot(doc.store))
        const wanted = JSON.stringify(exportJSON(doc))
        for (const step of after) writeNested(doc, step)
        for (const step of beside) writeNested(other, step)
        pull(doc, other)
        expect(rollBack(doc.store, then).kept).toEqual([])
        expect(JSON.stringify(exportJSON(doc))).toBe(wanted)
        expect(verifyStore(doc.store)).toEqual([])
        expect(rollBack(doc.store, then).change).toBeUndefined()
        pull(other, doc)
        expect(JSON.stringify(exportJSON(other))).toBe(wanted)
      }),
      { seed: 11, numRuns: 100 },
    )
  })

  it('[RB4] brings back a document of which everything was deleted, and empties one that was empty', () => {
    const doc = open()
    const empty = checkpoint(doc)
    for (let what = 0; what < 15; what++) write(doc, [what, 0, 3])
    const wanted = text(doc)
    const full = checkpoint(doc)
    rollBack(doc.store, empty)
    expect(text(doc)).toBe(text(open()))
    rollBack(doc.store, full)
    expect(text(doc)).toBe(wanted)
    expect(openDocument(World, doc.store).snapshot).toEqual(doc.snapshot)
  })
})
