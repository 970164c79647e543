import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AuthorId, Dot } from './ids.ts'
import { Sequence, type StoredRun } from './sequence.ts'
import { SequenceOracle } from './sequence-oracle.test-helper.ts'
import type { Value } from './value.ts'

type Operation = { readonly run: StoredRun } | { readonly removed: Dot }

/** An operation with what its author knew: numbers of earlier operations in the log. */
interface Logged {
  readonly operation: Operation
  readonly needs: ReadonlySet<number>
}

class Editor {
  readonly sequence = new Sequence()
  readonly oracle = new SequenceOracle()
  readonly has = new Set<number>()
  readonly author: AuthorId
  private seq = 1
  private readonly log: Logged[]

  constructor(name: string, log: Logged[]) {
    this.author = name as AuthorId
    this.log = log
  }

  insert(index: number, values: readonly Value[]): void {
    const id = { author: this.author, seq: this.seq }
    this.seq += values.length
    const run = this.sequence.insertAt(index, id, values)
    expect(this.oracle.insert(index, id, values)).toEqual(run)
    this.record({ run })
  }

  erase(index: number): void {
    const removed = this.sequence.idAt(index)
    this.sequence.remove(removed)
    this.oracle.remove(removed)
    this.record({ removed })
  }

  receive(number: number): void {
    const { operation } = this.log[number] as Logged
    apply(this.sequence, operation)
    if ('run' in operation) this.oracle.apply(operation.run)
    else this.oracle.remove(operation.removed)
    this.has.add(number)
  }

  /** Takes over everything of another editor, in the order of the log. */
  pull(other: Editor): void {
    for (const number of [...other.has].sort((a, b) => a - b)) if (!this.has.has(number)) this.receive(number)
  }

  private record(operation: Operation): void {
    this.log.push({ operation, needs: new Set(this.has) })
    this.has.add(this.log.length - 1)
  }
}

function apply(sequence: Sequence, operation: Operation): void {
  if ('run' in operation) {
    expect(sequence.canApply(operation.run)).toBe(true)
    sequence.applyRun(operation.run)
  } else {
    sequence.remove(operation.removed)
  }
}

/** Hands the whole log to a fresh list in an order that `random` picks among the causal ones, some of it twice. */
function delivered(log: readonly Logged[], random: () => number): Sequence {
  const sequence = new Sequence()
  const done = new Set<number>()
  let open = log.map((_, number) => number)
  while (open.length > 0) {
    const ready = open.filter((number) => [...(log[number] as Logged).needs].every((need) => done.has(need)))
    const next = ready[Math.floor(random() * ready.length)] as number
    apply(sequence, (log[next] as Logged).operation)
    done.add(next)
    open = open.filter((number) => number !== next)
    const again = [...done][Math.floor(random() * done.size)] as number
    if (random() < 0.3) apply(sequence, (log[again] as Logged).operation)
  }
  return sequence
}

const action = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('insert' as const),
      who: fc.nat(2),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('erase' as const),
      who: fc.nat(2),
      at: fc.double({ min: 0, max: 0.999, noNaN: true }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pull' as const), who: fc.nat(2), from: fc.nat(2) }) },
)

const history = fc.array(action, { minLength: 1, maxLength: 40 })

function play(actions: readonly (typeof history extends fc.Arbitrary<infer T> ? T : never)[number][]): {
  editors: Editor[]
  log: Logged[]
} {
  const log: Logged[] = []
  const editors = ['alice', 'bob', 'carol'].map((name) => new Editor(name, log))
  let letter = 0
  for (const step of actions) {
    const editor = editors[step.who] as Editor
    const size = editor.sequence.length
    if (step.do === 'pull') editor.pull(editors[step.from] as Editor)
    else if (step.do === 'erase' && size > 0) editor.erase(Math.floor(step.at * size))
    else if (step.do === 'insert') {
      editor.insert(
        Math.round(step.at * size),
        Array.from({ length: step.count }, () => ++letter),
      )
    }
  }
  return { editors, log }
}

describe('a list under concurrent edits', () => {
  it('[LI1] [LI2] has the order of the oracle at every replica, in any causal order of delivery, with duplicates', () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.double({ min: 0, max: 0.9999, noNaN: true })), (actions, numbers) => {
        const { editors, log } = play(actions)
        for (const editor of editors) {
          expect(editor.sequence.toArray()).toEqual(editor.oracle.toArray())
        }
        for (const editor of editors) for (const other of editors) editor.pull(other)
        const [first] = editors as [Editor]
        const values = first.oracle.toArray()
        for (const editor of editors) expect(editor.sequence.toArray()).toEqual(values)
        const draw = (): number => numbers.next().value as number
        for (let i = 0; i < 3; i++) expect(delivered(log, draw).toArray()).toEqual(values)
      }),
      { numRuns: 250 },
    )
  })

  it('[LI3] agrees with itself about indexes and ids', () => {
    fc.assert(
      fc.property(history, (actions) => {
        const { editors } = play(actions)
        for (const { sequence, oracle } of editors) {
          const ids = oracle.ids()
          expect([...sequence.ids()]).toEqual(ids)
          expect([...sequence.values()]).toEqual(sequence.toArray())
          ids.forEach((id, index) => {
            expect(sequence.indexOf(id)).toBe(index)
            expect(sequence.idAt(index)).toEqual(id)
          })
          for (const { id, removed } of sequence.places()) {
            if (!removed) continue
            expect(sequence.indexOf(id)).toBe(-1)
          }
        }
      }),
      { numRuns: 100 },
    )
  })

  it('[LI4] comes back from its stored runs and places, also in part', () => {
    fc.assert(
      fc.property(history, fc.nat(30), (actions, seen) => {
        const { editors } = play(actions)
        for (const editor of editors) for (const other of editors) editor.pull(other)
        const { sequence } = editors[0] as Editor
        const whole = new Sequence()
        for (const run of sequence.runs()) whole.applyRun(run)
        const onePlaceEach = new Sequence()
        for (const { id, place, value } of sequence.places()) onePlaceEach.applyRun({ id, place, values: [value] })
        const partial = new Sequence()
        // What alice had first is known already; runs cut out of the middle must still fit.
        for (const run of sequence.runs((author, seq) => author === 'alice' && seq <= seen)) {
          if (partial.canApply(run)) partial.applyRun(run)
        }
        for (const run of sequence.runs((author, seq) => !partial.knows({ author, seq }))) partial.applyRun(run)
        for (const copy of [whole, onePlaceEach, partial]) {
          expect(copy.toArray()).toEqual(sequence.toArray())
          expect(copy.size).toBe(sequence.size)
          expect([...copy.ids()]).toEqual([...sequence.ids()])
        }
      }),
      { numRuns: 150 },
    )
  })
})

describe('runs typed at the same place', () => {
  const typist = fc.record({
    direction: fc.constantFrom('forward', 'backward', 'at once'),
    length: fc.integer({ min: 1, max: 6 }),
  })

  it('[LI5] never interleave, forward or backward, with text around or removed around', () => {
    const property = fc.property(
      fc.nat(4),
      fc.nat(4),
      fc.array(fc.nat(3), { maxLength: 3 }),
      fc.array(typist, { minLength: 2, maxLength: 3 }),
      (textLength, gap, erased, typists) => {
        const log: Logged[] = []
        const base = new Editor('base', log)
        if (textLength > 0)
          base.insert(
            0,
            Array.from({ length: textLength }, (_, i) => `base${i}`),
          )
        for (const index of erased) if (index < base.sequence.length) base.erase(index)
        const editors = typists.map((_, i) => new Editor(`typist${i}`, log))
        typists.forEach((how, i) => {
          const editor = editors[i] as Editor
          editor.pull(base)
          const at = Math.min(gap, editor.sequence.length)
          const letters = Array.from({ length: how.length }, (_, n) => `${i}`.repeat(n + 1))
          if (how.direction === 'at once') editor.insert(at, letters)
          else
            for (const [n, letter] of letters.entries())
              editor.insert(how.direction === 'forward' ? at + n : at, [letter])
        })
        for (const editor of editors) for (const other of editors) editor.pull(other)
        const owners = (editors[0] as Editor).sequence.toArray().map((value) => String(value)[0])
        const changes = owners.filter((owner, i) => i > 0 && owner !== owners[i - 1]).length
        const around = owners.filter((owner) => owner === 'b').length
        const baseParts = around === 0 ? 0 : owners.join('').split(/[^b]+/).filter(Boolean).length
        expect(changes).toBe(typists.length + baseParts - 1)
      },
    )
    fc.assert(property, { numRuns: 500 })
  })
})

describe('a list by itself', () => {
  it('[LI6] refuses places that cannot be, without any effect', () => {
    const sequence = new Sequence()
    const [author, other] = ['alice' as AuthorId, 'bob' as AuthorId]
    sequence.insertAt(0, { author, seq: 1 }, ['x'])
    const unknown = { author: other, seq: 9 }
    const known = { author, seq: 1 }
    const places = [
      { parent: unknown, side: 'right', rightOrigin: undefined },
      { parent: known, side: 'right', rightOrigin: unknown },
      { parent: undefined, side: 'left', rightOrigin: undefined },
      { parent: known, side: 'left', rightOrigin: known },
    ] as const
    for (const place of places) {
      const run = { id: { author: other, seq: 1 }, place, values: ['y'] }
      expect(sequence.canApply(run)).toBe(false)
      expect(() => sequence.applyRun(run)).toThrow()
    }
    expect(() => sequence.insertAt(2, { author, seq: 2 }, ['y'])).toThrow(RangeError)
    expect(() => sequence.insertAt(0.5, { author, seq: 2 }, ['y'])).toThrow(RangeError)
    expect(() => sequence.insertAt(0, { author, seq: 2 }, [])).toThrow(RangeError)
    expect(() => sequence.idAt(1)).toThrow(RangeError)
    expect(sequence.get(1)).toBeUndefined()
    expect(sequence.toArray()).toEqual(['x'])
    expect(sequence.remove(unknown)).toBe(false)
    expect(sequence.remove(known)).toBe(true)
    expect(sequence.remove(known)).toBe(false)
  })

  it('[LI8] keeps the place of a removed element and drops its content, for good', () => {
    const [alice, bob] = [new Sequence(), new Sequence()]
    const run = alice.insertAt(0, { author: 'alice' as AuthorId, seq: 1 }, ['a', 'b', 'c'])
    bob.applyRun(run)
    const middle = alice.idAt(1)
    expect([alice.remove(middle), alice.remove(middle)]).toEqual([true, false])
    expect([...alice.places()].map(({ removed, value }) => [removed, value])).toEqual([
      [false, 'a'],
      [true, undefined],
      [false, 'c'],
    ])
    alice.applyRun(run)
    expect(alice.toArray()).toEqual(['a', 'c'])
    // Bob, who has not heard of the removal, writes beside the element: it finds its place at alice.
    alice.applyRun(bob.insertAt(2, { author: 'bob' as AuthorId, seq: 1 }, ['x']))
    expect(alice.toArray()).toEqual(['a', 'x', 'c'])
    for (const stored of alice.runs()) bob.applyRun(stored)
    expect(bob.toArray()).toEqual(['a', 'x', 'c'])
  })

  it('[LI7] holds chains of 100,000 elements, typed forward, backward and at random, without deep recursion', () => {
    const size = 100_000
    const [forward, backward, random] = [new Sequence(), new Sequence(), new Sequence()]
    const author = 'alice' as AuthorId
    const expected: number[] = []
    let state = 1
    for (let i = 0; i < size; i++) {
      forward.insertAt(i, { author, seq: i + 1 }, [i])
      backward.insertAt(0, { author, seq: i + 1 }, [i])
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      const at = state % (i + 1)
      if (i >= 20_000) continue
      random.insertAt(at, { author, seq: i + 1 }, [i])
      expected.splice(at, 0, i)
    }
    expect(random.toArray()).toEqual(expected)
    expect(forward.get(77_777)).toBe(77_777)
    expect(backward.get(77_777)).toBe(size - 1 - 77_777)
    for (const sequence of [forward, backward, random]) {
      const copy = new Sequence()
      for (const run of sequence.runs()) copy.applyRun(run)
      expect(copy.toArray()).toEqual(sequence.toArray())
    }
    expect([...forward.runs()].length).toBe(1)
    // A concurrent insertion must find the end of the whole chain.
    const place = { parent: undefined, side: 'right', rightOrigin: undefined } as const
    forward.applyRun({ id: { author: 'zoe' as AuthorId, seq: 1 }, place, values: ['last'] })
    expect(forward.get(size)).toBe('last')
  })
})

describe('the digest of a list', () => {
  it('[LI10] is the same wherever the visible elements are, and costs what changed', () => {
    const author = 'alice' as AuthorId
    const [typed, loaded] = [new Sequence(), new Sequence()]
    let seq = 1
    const type = (at: number, value: Value): void => {
      typed.insertAt(at, { author, seq: seq++ }, [value])
    }
    for (let i = 0; i < 3000; i++) type((i * 7) % (i + 1), i)
    for (let i = 0; i < 1000; i++) typed.remove(typed.idAt((i * 5) % typed.length))
    for (const run of typed.runs()) loaded.applyRun(run)
    expect(loaded.digest()).toEqual(typed.digest())

    const before = { ...typed.digest() }
    type(1234, 'x')
    expect(typed.digest()).not.toEqual(before)
    typed.remove(typed.idAt(1234))
    expect(typed.digest()).toEqual(before)
    // Across the seams of chunks: everything before a place removed.
    for (let i = 0; i < 600; i++) for (const list of [typed, loaded]) list.remove(list.idAt(100))
    const fresh = new Sequence()
    for (const run of loaded.runs()) fresh.applyRun(run)
    expect([typed.digest(), loaded.digest()]).toEqual([fresh.digest(), fresh.digest()])
  })

  it('[LI10] tells order and values', () => {
    const digestOf = (values: readonly Value[], author = 'alice'): unknown => {
      const sequence = new Sequence()
      sequence.insertAt(0, { author: author as AuthorId, seq: 1 }, values)
      return { ...sequence.digest() }
    }
    const distinct = [[1, 2], [2, 1], [1], [1, 2, 3], ['1', 2]]
    const all = [...distinct.map((values) => digestOf(values)), digestOf([1, 2], 'bob')]
    expect(new Set(all.map((one) => JSON.stringify(one))).size).toBe(all.length)
  })
})

describe('a list under attack', () => {
  it('[LI9] takes 20,000 siblings beside a deep chain in time that follows their number', () => {
    const sequence = new Sequence()
    const [author, other] = ['mallory' as AuthorId, 'zoe' as AuthorId]
    const root = { parent: undefined, side: 'right', rightOrigin: undefined } as const
    sequence.applyRun({ id: { author, seq: 1 }, place: root, values: Array.from({ length: 20_000 }, () => null) })
    // Downward, so that each comes right behind the chain; then some before their own elements.
    for (let seq = 20_000; seq > 0; seq--) sequence.applyRun({ id: { author: other, seq }, place: root, values: [seq] })
    for (let seq = 1; seq < 20_000; seq++) {
      const place = { parent: { author: other, seq: 1 }, side: 'left', rightOrigin: undefined } as const
      sequence.applyRun({ id: { author: other, seq: 20_000 + seq }, place, values: [0] })
    }
    expect(sequence.length).toBe(59_999)
    expect(sequence.get(20_000 + 19_999)).toBe(1)
  })
})
