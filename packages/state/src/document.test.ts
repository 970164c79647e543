import { describe, expect, it } from 'vitest'
import { applyBundle } from './apply-bundle.ts'
import { freeRemovals } from './floor.ts'
import {
  type AuthorId,
  counter,
  createStore,
  type ErrorCode,
  greatest,
  isRejoinError,
  list,
  map,
  openDocument,
  register,
  resolved,
  schema,
  set,
} from './index.ts'
import { openMinted } from './replicas.test-helper.ts'
import { bundleSince } from './since.ts'
import { digestOf } from './store-digest.ts'
import { entriesIn } from './tree-walk.ts'

const World = schema({
  phase: register('lobby'),
  settings: { volume: register(1), theme: { dark: register(true) } },
  score: counter(0),
  tags: set<string>(),
  log: list<string>(),
  players: map({ hp: counter(100), note: register<{ text: string } | null>(null) }),
})

const open = () => openMinted(World)

function codeOf(act: () => unknown): ErrorCode | 'none' {
  try {
    act()
    return 'none'
  } catch (error) {
    if (!isRejoinError(error)) throw error
    expect(error.reason).not.toBe('')
    expect(error.remedy).not.toBe('')
    return error.code
  }
}

describe('a snapshot', () => {
  it('[SC5] reads initial values before anything is written, and writing nothing makes no change', () => {
    const doc = open()
    expect(doc.snapshot).toEqual({
      phase: 'lobby',
      settings: { volume: 1, theme: { dark: true } },
      score: 0,
      tags: [],
      log: [],
      players: {},
    })
    expect(doc.change(() => {})).toBeUndefined()
    expect(doc.store.author).toBeUndefined()
  })

  it('[SC6] is frozen through and through, and what did not change is the same reference', () => {
    const doc = open()
    doc.change((s) => {
      s.players.get('ada').note.set({ text: 'hi' })
      s.players.get('bo').hp.add(1)
      s.log.push('a')
    })
    const before = doc.snapshot
    expect(doc.snapshot).toBe(before)
    for (const part of [
      before,
      before.settings,
      before.settings.theme,
      before.players,
      before.players['ada'],
      before.log,
    ]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
    expect(Object.isFrozen(before.players['ada']?.note)).toBe(true)
    doc.change((s) => s.players.get('bo').hp.add(1))
    const after = doc.snapshot
    expect(after).not.toBe(before)
    expect(after.players['ada']).toBe(before.players['ada'])
    expect(after.log).toBe(before.log)
    expect(after.settings).toBe(before.settings)
    expect(before.players['bo']?.hp).toBe(101)
    expect(after.players['bo']?.hp).toBe(102)
  })
})

describe('a change', () => {
  it('[SC7] reads its own writes', () => {
    const doc = open()
    doc.change((s) => {
      s.phase.set('fight')
      s.score.add(2)
      s.score.add(3)
      s.tags.add('red')
      s.log.push('a', 'c')
      s.log.insert(1, 'b')
      s.log.delete(0)
      s.players.add('ada')
      expect(s.phase.get()).toBe('fight')
      expect(s.score.get()).toBe(5)
      expect(s.tags.has('red')).toBe(true)
      expect(s.log.values()).toEqual(['b', 'c'])
      expect(s.log.get(1)).toBe('c')
      expect(s.players.keys()).toEqual(['ada'])
      s.players.delete('ada')
      expect(s.players.has('ada')).toBe(false)
    })
    expect(doc.snapshot).toMatchObject({ phase: 'fight', score: 5, tags: ['red'], log: ['b', 'c'], players: {} })
  })

  it('[SC7] is one event and one step for those who listen, here and elsewhere', () => {
    const [alice, bob] = [open(), open()]
    const seen: string[] = []
    bob.subscribe(({ origin, changed }) => seen.push(`${origin} ${[...changed].map((path) => path.join('.')).sort()}`))
    const change = alice.change((s) => {
      s.phase.set('fight')
      s.log.push('a', 'b')
      s.players.get('ada').hp.add(1)
    })
    if (change === undefined) throw new Error('no change')
    bob.store.applyChange(change)
    bob.change((s) => s.score.add(1))
    expect(seen).toEqual(['remote log,phase,players.ada.hp', 'local score'])
  })

  it('[SC7] that throws leaves nothing behind, and the next one is as if it had never been', () => {
    const doc = open()
    doc.change((s) => {
      s.log.push('a', 'b')
      s.tags.add('red')
    })
    const before = { snapshot: doc.snapshot, version: doc.store.version.toJSON(), digest: digestOf(doc.store) }
    expect(() =>
      doc.change((s) => {
        s.log.insert(1, 'x', 'y')
        s.log.delete(0)
        s.tags.delete('red')
        s.players.get('ada').hp.add(5)
        throw new Error('no')
      }),
    ).toThrow('no')
    expect({ snapshot: doc.snapshot, version: doc.store.version.toJSON(), digest: digestOf(doc.store) }).toEqual(before)
    doc.change((s) => s.log.push('c'))
    const copy = open()
    applyBundle(copy.store, bundleSince(doc.store, copy.store.version))
    expect(copy.snapshot).toEqual(doc.snapshot)
    expect(copy.snapshot.log).toEqual(['a', 'b', 'c'])
  })

  it('[SC7] that throws leaves nothing behind, however much it wrote', () => {
    const doc = open()
    const before = digestOf(doc.store)
    expect(() =>
      doc.change((s) => {
        for (let i = 0; i < 200_000; i++) s.tags.add(`tag ${i}`)
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(digestOf(doc.store)).toBe(before)
    freeRemovals(doc.store, doc.store.version)
    expect([...entriesIn(doc.store.tree)].length).toBeLessThan(10)
  })

  it('[SC7] that throws leaves nothing behind at a replica that never wrote', () => {
    const [alice, bob] = [open(), open()]
    alice.change((s) => s.log.push('a', 'b'))
    applyBundle(bob.store, bundleSince(alice.store, bob.store.version))
    expect(() =>
      bob.change((s) => {
        s.log.delete(0)
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(bob.snapshot).toEqual(alice.snapshot)
    expect(digestOf(bob.store)).toBe(digestOf(alice.store))
  })

  it('[SC9] is refused with a code, a reason and a remedy where it is misused', () => {
    const doc = open()
    let kept: { set(value: string): void } | undefined
    expect(codeOf(() => doc.change(() => doc.change(() => {})))).toBe('change-nested')
    doc.change((s) => {
      kept = s.phase
      expect(codeOf(() => s.log.insert(1, 'x'))).toBe('out-of-range')
      expect(codeOf(() => s.log.delete(0))).toBe('out-of-range')
      expect(codeOf(() => s.log.insert(0.5, 'x'))).toBe('out-of-range')
      expect(codeOf(() => s.phase.set(undefined as never))).toBe('invalid-value')
      expect(codeOf(() => s.tags.add((() => 1) as never))).toBe('invalid-value')
      expect(codeOf(() => s.log.push(Symbol('s') as never))).toBe('invalid-value')
      expect(codeOf(() => s.score.add(Number.NaN))).toBe('invalid-value')
      expect(codeOf(() => s.score.add('1' as never))).toBe('invalid-value')
      expect(codeOf(() => s.players.get('x'.repeat(5000)).hp.add(1))).toBe('invalid-key')
      expect(codeOf(() => s.players.get(7 as never).hp.add(1))).toBe('invalid-key')
    })
    expect(codeOf(() => kept?.set('late'))).toBe('change-required')
    expect(codeOf(() => schema({ phase: 'lobby' as never }))).toBe('invalid-schema')
    expect(codeOf(() => counter(Number.POSITIVE_INFINITY))).toBe('invalid-schema')
    expect(codeOf(() => register((() => 1) as never))).toBe('invalid-value')
    expect(doc.snapshot).toEqual(open().snapshot)
  })
})

describe('a snapshot that is read while a change runs', () => {
  it('[SC7] shows nothing of the change, and is right afterwards, whether the change goes through or throws', () => {
    const doc = open()
    doc.change((s) => s.log.push('a', 'b'))
    const write = (fails: boolean): void => {
      doc.change((s) => {
        s.log.delete(0)
        s.log.push('c')
        s.phase.set('fight')
        expect(doc.snapshot).toMatchObject({ log: ['a', 'b'], phase: 'lobby' })
        if (fails) throw new Error('no')
      })
    }
    expect(() => write(true)).toThrow('no')
    expect(doc.snapshot).toMatchObject({ log: ['a', 'b'], phase: 'lobby' })
    write(false)
    expect(doc.snapshot).toMatchObject({ log: ['b', 'c'], phase: 'fight' })
  })
})

describe('a subscription', () => {
  it('[SC8] to a selection is called when what it picks became another reference, with the one before, until it is stopped', () => {
    const doc = open()
    const seen: unknown[] = []
    const stop = doc.subscribe(
      (snapshot) => snapshot.players['ada'],
      (value, before) => seen.push([value?.hp, before?.hp]),
    )
    doc.change((s) => s.phase.set('fight'))
    doc.change((s) => s.players.get('ada').hp.add(-1))
    doc.change((s) => s.players.get('bo').hp.add(-1))
    doc.change((s) => s.players.get('ada').hp.add(-1))
    stop()
    doc.change((s) => s.players.get('ada').hp.add(-1))
    expect(seen).toEqual([
      [99, undefined],
      [98, 99],
    ])
  })

  it('[SC8] may write a change of its own afterwards, and one that throws does not unmake the change', () => {
    const doc = open()
    const stop = doc.subscribe(() => {
      throw new Error('listener')
    })
    try {
      doc.change((s) => s.score.add(1))
    } catch (error) {
      expect(error).toMatchObject({ message: 'listener' })
    }
    stop()
    expect(doc.snapshot.score).toBe(1)
    doc.change((s) => s.score.add(1))
    expect(doc.snapshot.score).toBe(2)
  })
})

describe('two schemas over one store', () => {
  it('[SC10] read the same leaves, and a field that changed its kind keeps both', () => {
    const doc = open()
    doc.change((s) => s.phase.set('fight'))
    const Other = schema({ phase: counter(5), score: counter(0) })
    const other = openDocument(Other, doc.store)
    other.change((s) => s.phase.add(1))
    expect(other.snapshot.phase).toBe(6)
    expect(doc.snapshot.phase).toBe('fight')
    doc.change((s) => s.score.add(3))
    expect(other.snapshot.score).toBe(3)
  })
})

describe('a field at a path', () => {
  const Raid = schema({ phase: register('lobby'), players: map({ hp: counter(100), bag: set<string>() }) })
  const open = () => openDocument(Raid, createStore({ newAuthor: () => 'a'.repeat(16) as AuthorId, now: () => 1 }))

  it('[SC11] is written inside of changes, also after its entry was deleted and made again', () => {
    const raid = open()
    const hp = raid.field('players', 'ada', 'hp')
    expect(raid.snapshot.players['ada']).toBeUndefined()
    raid.change(() => hp.add(-5))
    raid.change((draft) => {
      hp.add(-5)
      expect(draft.players.get('ada').hp.get()).toBe(90)
    })
    raid.change((draft) => draft.players.delete('ada'))
    raid.change(() => hp.add(-1))
    expect(raid.snapshot.players['ada']?.hp).toBe(99)
    expect(() => hp.add(1)).toThrow(expect.objectContaining({ code: 'change-required' }))
  })

  it('[SC11] is good also after the store has forgotten what was deleted there', () => {
    const Scores = schema({ games: map({ best: resolved(0, greatest()), tags: set<string>(), points: counter(0) }) })
    const store = createStore({ newAuthor: () => 'a'.repeat(16) as AuthorId, now: () => 1 })
    const scores = openDocument(Scores, store)
    const game = scores.field('games', 'chess')
    const write = () =>
      scores.change(() => {
        game.best.set(7)
        game.tags.add('new')
        game.points.add(1)
      })
    write()
    scores.change((draft) => draft.games.delete('chess'))
    freeRemovals(store, store.version)
    write()
    expect(scores.snapshot.games).toEqual({ chess: { best: 7, tags: ['new'], points: 1 } })
  })

  it('[SC11] refuses a path that the schema does not have, and a key that is too long', () => {
    const raid = open()
    const field = raid.field as unknown as (...path: string[]) => unknown
    for (const path of [['mana'], ['phase', 'x'], ['players', 'ada', 'hp', 'x'], ['constructor']]) {
      expect(() => field.call(raid, ...path)).toThrow(expect.objectContaining({ code: 'invalid-key' }))
    }
    expect(() => raid.field('players', 'x'.repeat(2_000))).toThrow(expect.objectContaining({ code: 'invalid-key' }))
  })
})
