import { register, schema, set } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import type { DocumentHandle } from '../index.ts'
import { atOnce, type Participant } from '../world.test-helper.ts'
import { clientOf, voters } from './leases.test-helper.ts'

const Note = schema({ title: register(''), tags: set<string>() })

const openAt = ({ replica }: Participant, name: string): DocumentHandle<typeof Note> => atOnce(replica.open(name, Note))

type Kind = 'split' | 'healing' | 'healed'

/** Three voters, one of which goes, and a client on each side with one document open, that says what it is told and what it had by then. */
class Sides {
  readonly cluster = voters()
  readonly sides = (['a', 'c'] as const).map((name) => {
    const client = clientOf(this.cluster, `of ${name}`, { names: [name] })
    const note = openAt(client.participant, 'note')
    const told: { kind: Kind; event: unknown; tags: number }[] = []
    for (const kind of ['split', 'healing', 'healed'] as const)
      client.watch.on(kind, (event) => told.push({ kind, event, tags: note.snapshot.tags.length }))
    const last = (kind: Kind): unknown => told.findLast((one) => one.kind === kind)
    return { ...client, name, note, told, last }
  })

  constructor() {
    this.sides[0]?.note.change((draft) => draft.title.set('before'))
    this.all('whole')
    this.cluster.world.advance(5000)
  }

  all(state: 'whole' | 'split'): void {
    this.cluster.until(state, () => this.sides.every(({ watch }) => watch.status.state === state), 90)
  }

  write(from: number, count: number): void {
    for (const { name, note } of this.sides)
      for (let at = from; at < from + count; at++) note.change((draft) => draft.tags.add(`${name} ${at}`))
    this.cluster.world.advance(3000)
  }

  get ours(): unknown[] {
    return this.sides.map(({ watch }) => watch.status.state === 'split' && watch.status.ours.changes)
  }
}

describe('the status of clients of one server each', () => {
  it('[PC5] is healing until what the other side wrote is here, and of a healed split counts what this side wrote', () => {
    const both = new Sides()
    both.cluster.between('c', 'ab', true)
    both.all('split')
    both.write(0, 1000)
    expect(both.ours).toEqual([1000, 1000])
    both.cluster.between('c', 'ab', false)
    both.all('whole')
    for (const { told, last } of both.sides) {
      expect(last('healed')).toMatchObject({ event: { ours: { documents: 1, changes: 1000 } }, tags: 2000 })
      expect(told.filter(({ kind }) => kind === 'healed')).toHaveLength(1)
      // It cannot be done while it goes on, and is told at its end.
      const progress = told.flatMap(({ kind, event }) => (kind === 'healing' ? (event as { done: number }).done : []))
      expect(progress.pop()).toBe(1)
      expect(Math.max(...progress)).toBeLessThan(1)
    }
  })

  it('[PC6] begins to count anew where those who met are lost again at once', () => {
    const both = new Sides()
    both.cluster.between('c', 'ab', true)
    both.all('split')
    both.write(0, 10)
    both.cluster.between('c', 'ab', false)
    const { watch } = both.cluster.node('c')
    while (!watch.status.connected.includes('a')) both.cluster.world.advance(1)
    both.cluster.world.advance(12)
    both.cluster.between('c', 'ab', true)
    both.cluster.world.advance(40_000)
    both.write(10, 7)
    expect(both.ours).toEqual([7, 7])
    both.cluster.between('c', 'ab', false)
    both.all('whole')
    for (const { last } of both.sides)
      expect(last('healed')).toMatchObject({ event: { ours: { changes: 7 } }, tags: 34 })
  })
})
