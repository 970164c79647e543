import { describe, expect, it } from 'vitest'
import { noStorage } from './no-storage.ts'
import { type Participant, type RaidHandle, World } from './world.test-helper.ts'

describe('a document that is closed and opened again on one connection', () => {
  it('[SY56] goes on with peers that kept it open: nothing is told by what only the stream before was told', () => {
    for (const namedVersionAuthors of [1, 100]) {
      for (const hasDisk of [true, false]) {
        const world = new World()
        const wire = world.wire('w')
        const replica = (): Participant =>
          world.replica({
            role: 'peer',
            limits: { namedVersionAuthors, keptChanges: 5 },
            ...(hasDisk ? {} : { storage: noStorage() }),
          })
        const [kept, other] = [replica(), replica()]
        kept.join({ transports: [wire.listen] })
        other.join({ transports: [wire.dial] })
        const stays = world.open(kept)
        // Many have written, so that versions are told by what differs from one that both hold.
        for (let author = 0; author < 12; author++) {
          const wire = world.wire(`of ${author}`)
          const passing = replica()
          kept.join({ transports: [wire.listen] })
          passing.join({ transports: [wire.dial] })
          const handle = world.open(passing)
          handle.change((draft) => draft.log.insert(0, `${author}`))
          world.advance(100)
          passing.replica.close()
        }
        let comes: RaidHandle = world.open(other)
        world.advance(1000)
        for (let turn = 0; turn < 2; turn++) {
          stays.change((draft) => draft.items.add(`stays ${turn}`))
          comes.change((draft) => draft.phase.set(`comes ${turn}`))
          world.advance(500)
          comes.close()
          world.advance(2000 * turn)
          // More than is kept as changes: it goes as a bundle.
          for (let i = 0; i < 10; i++) stays.change((draft) => draft.phase.set(`apart ${turn} ${i}`))
          comes = world.open(other)
          comes.change((draft) => draft.items.add(`back ${turn}`))
          world.advance(1000)
        }
        expect(stays.snapshot.items).toHaveLength(4)
        expect(comes.digest()).toBe(stays.digest())
        const counts = [kept, other].map(({ replica }) => replica.metrics())
        expect(counts.map(({ malformedFrames }) => malformedFrames)).toEqual([0, 0])
        expect(counts[1]?.connectionsClosed).toBe(0)
      }
    }
  })
})
