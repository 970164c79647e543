import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, counter, lmdb, map, memoryLink, openReplica, register, schema, set } from 'rejoin'

const Raid = schema({
  phase: register('lobby'),
  players: map({ hp: counter(100), items: set() }),
})

const folder = mkdtempSync(join(tmpdir(), 'two-replicas-'))
const cable = memoryLink() // between machines: webSocket('wss://...')

const ada = await openReplica({ storage: lmdb(join(folder, 'ada')), name: 'ada' })
const bob = await openReplica({ storage: lmdb(join(folder, 'bob')), name: 'bob', role: 'peer' })
const adasRaid = await ada.open('raid-42', Raid)
const bobsRaid = await bob.open('raid-42', Raid)
connect(bob, { transports: [cable.listen] })
const net = connect(ada, { transports: [cable.dial] })

adasRaid.change((raid) => {
  raid.phase.set('plan')
  raid.players.get('ada').items.add('lantern')
})
await linkIs('synced')
console.log('together ', show(bobsRaid.snapshot))

cable.cut()
await linkIs('offline')
adasRaid.change((raid) => {
  raid.phase.set('fight')
  raid.players.get('ada').hp.add(-30)
})
bobsRaid.change((raid) => {
  raid.phase.set('flee')
  raid.players.get('ada').hp.add(-5)
  raid.players.get('ada').items.add('rope')
})
console.log('apart, ada', show(adasRaid.snapshot))
console.log('apart, bob', show(bobsRaid.snapshot))

const healed = new Promise((resolve) => net.onHealed(resolve))
cable.restore()
net.reconnect()
const report = await healed
console.log(`healed after ${report.offlineMs} ms: ${report.ours.changes} change here, ${report.theirs.changes} there`)
for (const { path, ours, theirs, winner, rule, ancestor } of report.conflicts) {
  const before = ancestor.known ? `was ${show(ancestor.value)}` : 'what it was before is unknown'
  console.log(`  ${path.join('.')}: ${ours.value} here, ${theirs.value} there, ${before}; ${winner} won by "${rule}"`)
}
console.log('ada      ', show(adasRaid.snapshot))
console.log('bob      ', show(bobsRaid.snapshot))
console.log('same state:', adasRaid.digest() === bobsRaid.digest())

for (const conflict of report.conflicts) adasRaid.reapply(conflict)
await sameState()
console.log('written back', show(bobsRaid.snapshot))

await Promise.all([ada.close(), bob.close()])
rmSync(folder, { recursive: true })

/** Settles when the link is in this state. */
function linkIs(state) {
  if (net.link.state === state) return Promise.resolve()
  return new Promise((resolve) => {
    const stop = net.onLink((link) => {
      if (link.state !== state) return
      stop()
      resolve(undefined)
    })
  })
}

/** Settles when bob has what ada has. */
function sameState() {
  return new Promise((resolve) => {
    const stop = bobsRaid.subscribe(() => {
      if (bobsRaid.digest() !== adasRaid.digest()) return
      stop()
      resolve(undefined)
    })
  })
}

function show(value) {
  return JSON.stringify(value)
}
