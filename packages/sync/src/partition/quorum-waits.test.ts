import { describe, it } from 'vitest'
import type { DocumentHandle, MemoryDisk, Storage } from '../index.ts'
import { deferred } from '../later.ts'
import { atOnce, outcome } from '../world.test-helper.ts'
import { type Client, clientOf, Match, voters } from './leases.test-helper.ts'

const opened = ({ participant }: Client): DocumentHandle<typeof Match> =>
  atOnce(participant.replica.open('match', Match))

/** Writes, and waits until a quorum has it. */
function wait({ watch }: Client, handle: DocumentHandle<typeof Match>): ReturnType<typeof outcome> {
  const receipt = handle.change((draft) => draft.title.set('x'))
  return outcome(watch.reached({ name: 'match' }, receipt))
}

describe('who waits until a quorum has a change', () => {
  it.each([1, 8000])(
    '[LX28] is told by a server that began again meanwhile, and read its rows %i ms late',
    (lateMs) => {
      const cluster = voters()
      const ada = clientOf(cluster, 'of ada', { names: ['a'] })
      const handle = opened(ada)
      cluster.world.advance(5000)
      cluster.between('a', 'bc', true)
      cluster.world.advance(30_000)
      const waits = wait(ada, handle)
      cluster.world.advance(2000)
      cluster.node('a').participant.replica.close()
      cluster.world.advance(1000)
      cluster.between('a', 'bc', false)
      const disk = cluster.disks.get('a') as MemoryDisk
      const open = (): Storage => {
        const storage = disk.open()
        const read: Storage['read'] = (prefix) => {
          if (prefix !== 'p/roster') return storage.read(prefix)
          const rows = deferred<Awaited<ReturnType<Storage['read']>>>()
          cluster.world.time.timers.set(lateMs, () => storage.read(prefix).then(rows.resolve))
          return rows.later
        }
        return Object.assign(Object.create(storage), { read })
      }
      cluster.disks.set('a', { ...disk, open })
      cluster.start('a').participant.join({ transports: ada.links.map(({ listen }) => listen) })
      cluster.until('it is told', () => waits.code === 'resolved', 60)
    },
  )

  it('[LX28] is told though it closed the document meanwhile', () => {
    const cluster = voters()
    const ada = clientOf(cluster, 'of ada')
    const handle = opened(ada)
    cluster.world.advance(5000)
    cluster.between('a', 'bc', true)
    for (const link of ada.links.slice(1)) link.cut()
    cluster.world.advance(30_000)
    const waits = wait(ada, handle)
    cluster.world.advance(2000)
    handle.close()
    cluster.between('a', 'bc', false)
    for (const link of ada.links.slice(1)) link.restore()
    cluster.until('it is told', () => waits.code === 'resolved', 60)
  })
})
