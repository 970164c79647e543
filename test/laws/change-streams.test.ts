import {
  type AuthorId,
  type Change,
  createChangeDecoder,
  createChangeEncoder,
  createStore,
  decodeChanges,
  encodeChanges,
  freeRemovals,
  list,
  map,
  openDocument,
  register,
  schema,
  set,
  storeToPlain,
} from '@rejoin/state'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const runs = process.env['SOAK'] === '1' ? 20_000 : 200

const World = schema({
  title: register(''),
  tags: set<string>(),
  log: list<number>(),
  at: map({ x: register(0), y: register(0) }),
})

type Document = ReturnType<typeof openDocument<typeof World>>
type Piece = {
  readonly kind: 'set' | 'delete' | 'push' | 'tag' | 'untag'
  readonly name: string
  readonly value: number
}
type Step =
  | { readonly kind: 'write' | 'hear'; readonly pieces: readonly Piece[] }
  | { readonly kind: 'free' }
  | { readonly kind: 'send'; readonly to: number; readonly most: number }

const piece: fc.Arbitrary<Piece> = fc.record({
  kind: fc.constantFrom('set', 'set', 'set', 'delete', 'push', 'tag', 'untag'),
  name: fc.constantFrom(...'abcdef'),
  value: fc.nat(9),
})
const pieces = fc.array(piece, { minLength: 1, maxLength: 5 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('write'), pieces }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('hear'), pieces }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('free') }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('send'), to: fc.nat(3), most: fc.integer({ min: 1, max: 4 }) }),
  },
)

let opened = 0

function open(): Document {
  opened += 1
  const author = opened.toString(16).padStart(16, '0') as AuthorId
  return openDocument(World, createStore({ newAuthor: () => author, now: () => 1_700_000_000_000 }))
}

function play(document: Document, some: readonly Piece[]): Change | undefined {
  return document.change((draft) => {
    for (const { kind, name, value } of some) {
      if (kind === 'set') draft.at.get(name).x.set(value)
      else if (kind === 'delete') draft.at.delete(name)
      else if (kind === 'push') draft.log.push(value)
      else if (kind === 'tag') draft.tags.add(name)
      else draft.tags.delete(name)
    }
  })
}

/** What matters of a change; the order of its keyed writes does not. */
function essence({ author, seq, span, context, hlc, cause, ops }: Change): unknown {
  const writes = ops.map(({ key, ...op }) => ({ key: key.id, ...op })).sort((a, b) => (a.key < b.key ? -1 : 1))
  return { author, seq, span, context: context.toJSON(), hlc, cause, writes }
}

/** A connection, with the changes that wait for it, and who reads at its other end. */
function streamTo(reader: Document) {
  const encoder = createChangeEncoder()
  const decoder = createChangeDecoder()
  const waiting: Change[] = []
  const send = (most: number): void => {
    const some = waiting.splice(0, most)
    if (some.length === 0) return
    const decoded = decoder.decode(encoder.encode(some))
    if (!decoded.ok) throw new Error(decoded.error.message)
    expect(decoded.value.map(essence)).toEqual(some.map(essence))
    for (const change of decoded.value) reader.store.applyChange(change)
  }
  return { reader, waiting, send }
}

describe('streams of changes', () => {
  it('[CO11] come out as they went in, whenever they are spelled, whose they are, and whatever rows the store gave back meanwhile', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 15, maxLength: 60 }), (steps) => {
        const [writer, other] = [open(), open()]
        const streams = Array.from({ length: 4 }, () => streamTo(open()))
        const tell = (change: Change): void => {
          for (const { waiting } of streams) waiting.push(change)
        }
        for (const one of steps) {
          if (one.kind === 'free') freeRemovals(writer.store, writer.store.version)
          else if (one.kind === 'send') streams[one.to]?.send(one.most)
          else {
            const made = play(one.kind === 'write' ? writer : other, one.pieces)
            if (made === undefined) continue
            // Of another, as it comes from a connection: its keys are no rows of this store.
            const told = one.kind === 'write' ? made : fromBytes(made)
            if (one.kind === 'hear') writer.store.applyChange(told)
            tell(told)
          }
        }
        for (const { send, waiting, reader } of streams) {
          send(waiting.length)
          expect(storeToPlain(reader.store)).toEqual(storeToPlain(writer.store))
        }
      }),
      { numRuns: runs },
    )
  }, 600_000)
})

function fromBytes(change: Change): Change {
  const decoded = decodeChanges(encodeChanges([change]))
  const [told] = decoded.ok ? decoded.value : []
  if (told === undefined) throw new Error('a change was not read')
  return told
}
