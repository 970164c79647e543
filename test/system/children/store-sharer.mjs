// Opens a client replica on a store that other processes may have open, writes entries and says how far each has come.
// Usage: node store-sharer.mjs DIRECTORY SYNC_URL NAME COUNT; ends when its input does.
import { writeSync } from 'node:fs'
import { lmdb, openReplica, webSocket } from '@rejoin/node'
import { counter, schema, set } from '@rejoin/state'
import { connect } from '@rejoin/sync'

const [directory, syncUrl, name, count] = process.argv.slice(2)
const Shelf = schema({ entries: set(), count: counter() })
const replica = await openReplica({ storage: lmdb(directory) })
const net = connect(replica, { transports: [webSocket(syncUrl)] })
const shelf = await replica.open('shelf', Shelf)
const say = (text) => writeSync(1, `${text}\n`)
net.onLink(({ state }) => say(`LINK ${state} ${shelf.unsaved.changes}`))

for (let i = 0; i < Number(count); i++) {
  const entry = `${name}-${i}`
  const receipt = shelf.change((draft) => {
    draft.entries.add(entry)
    draft.count.add(1)
  })
  receipt.reached('disk').then(
    () => say(`DISK ${entry}`),
    () => {},
  )
  await new Promise((resolve) => setTimeout(resolve, 4))
}
process.stdin.on('end', () => void replica.close()).resume()
