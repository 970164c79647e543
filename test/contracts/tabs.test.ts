import 'fake-indexeddb/auto'
import { counter, register, schema, set } from '@rejoin/state'
import {
  connect,
  createMemoryDisk,
  type DocumentHandle,
  type MemoryLink,
  memoryLink,
  type Net,
  type Replica,
} from '@rejoin/sync'
import { broadcastChannel, indexedDb, openReplica } from '@rejoin/web'
import { afterEach, describe, expect, it, vi } from 'vitest'

const Note = schema({ title: register(''), votes: counter(0), tags: set<string>() })
type Note = DocumentHandle<typeof Note>

let profiles = 0
const freshProfile = (): string => `profile-${process.pid}-${profiles++}`
const opened: { replica: Replica; net: Net | undefined }[] = []
afterEach(async () => {
  for (const { replica, net } of opened.splice(0)) {
    net?.close()
    await replica.close()
  }
})

/** A tab of a profile: its storage is shared, its replica its own. */
async function openTab(profile: string, reach: { tabs?: boolean; server?: MemoryLink } = {}) {
  const replica = await openReplica({ storage: indexedDb(profile) })
  const note: Note = await replica.open('note', Note)
  const transports = [
    ...(reach.tabs === true ? [broadcastChannel(profile, { announceMs: 50 })] : []),
    ...(reach.server === undefined ? [] : [reach.server.dial]),
  ]
  const net = transports.length === 0 ? undefined : connect(replica, { transports })
  const tab = { replica, net }
  opened.push(tab)
  return {
    note,
    reconnect: () => net?.reconnect(),
    close: async () => {
      opened.splice(opened.indexOf(tab), 1)
      net?.close()
      await replica.close()
    },
  }
}

/** A server in this process, and the cable to it. */
async function openServer() {
  const cable = memoryLink()
  const replica = await openReplica({ storage: createMemoryDisk().open(), role: 'server' })
  const net = connect(replica, { transports: [cable.listen] })
  opened.push({ replica, net })
  return { cable, note: await replica.open('note', Note) }
}

const equal = (...notes: Note[]) =>
  vi.waitFor(() => expect(new Set(notes.map((note) => note.digest())).size).toBe(1), { timeout: 15_000 })

describe('[C12] several tabs on one stored document', () => {
  it('a reload whose old tab is still closing has every offline edit', async () => {
    const profile = freshProfile()
    const old = await openTab(profile)
    await old.note.change((draft) => draft.title.set('written offline')).reached('disk')
    await old.note.change((draft) => draft.votes.add(3)).reached('disk')
    // The new tab opens while the old one holds the database, its incarnation and, where there are some, its locks.
    const fresh = await openTab(profile)
    expect(fresh.note.snapshot).toEqual({ title: 'written offline', votes: 3, tags: [] })
    expect(fresh.note.unsaved.changes).toBe(2)
    await fresh.note.change((draft) => draft.votes.add(4)).reached('disk')
    await old.close()
    await fresh.close()
    const last = await openTab(profile)
    expect(last.note.snapshot.votes).toBe(7)
    expect(last.note.unsaved.changes).toBe(3)
  })

  it('two open tabs see each other, and both sides of what they wrote at once', async () => {
    const profile = freshProfile()
    const [left, right] = [await openTab(profile, { tabs: true }), await openTab(profile, { tabs: true })]
    left.note.change((draft) => draft.votes.add(1))
    right.note.change((draft) => draft.votes.add(2))
    left.note.change((draft) => draft.tags.add('left'))
    right.note.change((draft) => draft.tags.add('right'))
    await equal(left.note, right.note)
    expect(left.note.snapshot).toEqual({ title: '', votes: 3, tags: ['left', 'right'] })
    await left.close()
    await right.close()
    const later = await openTab(profile)
    expect(later.note.snapshot).toEqual({ title: '', votes: 3, tags: ['left', 'right'] })
  })

  it('whichever tab is open sends what closed ones left, and nothing is unsaved afterwards', async () => {
    const profile = freshProfile()
    for (const tag of ['first', 'second', 'third']) {
      const tab = await openTab(profile)
      await tab.note.change((draft) => draft.tags.add(tag)).reached('disk')
      await tab.close()
    }
    const server = await openServer()
    const tab = await openTab(profile, { server: server.cable })
    expect(tab.note.snapshot.tags).toEqual(['first', 'second', 'third'])
    await vi.waitFor(() => expect(tab.note.unsaved.changes).toBe(0), { timeout: 15_000 })
    expect(server.note.snapshot.tags).toEqual(['first', 'second', 'third'])
    await tab.close()
    const again = await openTab(profile)
    expect(again.note.unsaved.changes).toBe(0)
  })

  it('a tab with a server brings the edits of a tab without one there, also when that tab is gone', async () => {
    const profile = freshProfile()
    const server = await openServer()
    server.cable.cut()
    const online = await openTab(profile, { tabs: true, server: server.cable })
    const offline = await openTab(profile, { tabs: true })
    await offline.note.change((draft) => draft.title.set('from the other tab')).reached('disk')
    await equal(online.note, offline.note)
    await offline.close()
    server.cable.restore()
    online.reconnect()
    await equal(online.note, server.note)
    expect(server.note.snapshot.title).toBe('from the other tab')
    await vi.waitFor(() => expect(online.note.unsaved.changes).toBe(0), { timeout: 15_000 })
  })

  it('twenty reloads in a row, each with the tab before still open, lose and double nothing', async () => {
    const profile = freshProfile()
    let before = await openTab(profile)
    for (let round = 1; round <= 20; round++) {
      await before.note.change((draft) => draft.votes.add(1)).reached('disk')
      const next = await openTab(profile)
      expect(next.note.snapshot.votes).toBe(round)
      await before.close()
      before = next
    }
    const server = await openServer()
    const last = await openTab(profile, { server: server.cable })
    await equal(last.note, server.note)
    expect(server.note.snapshot.votes).toBe(20)
  })

  it('what was open when the browser removed the data is stored again, with its unsent work', async () => {
    const profile = freshProfile()
    const tab = await openTab(profile)
    await tab.note.change((draft) => draft.title.set('kept in memory')).reached('disk')
    await tab.note.change((draft) => draft.votes.add(2)).reached('disk')
    await new Promise((resolve) => {
      indexedDB.deleteDatabase(`rejoin/${profile}`).onsuccess = resolve
    })
    await tab.note.change((draft) => draft.votes.add(3)).reached('disk')
    await tab.close()
    const again = await openTab(profile)
    expect(again.note.snapshot).toEqual({ title: 'kept in memory', votes: 5, tags: [] })
    expect(again.note.unsaved.changes).toBe(3)
  })

  it('what was removed while no tab was open is told as evicted, and the page goes on', async () => {
    const notes = new Map<string, string>()
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => notes.get(key) ?? null,
      setItem: (key: string, value: string) => notes.set(key, value),
    })
    const profile = freshProfile()
    const before = await openTab(profile)
    await before.note.change((draft) => draft.votes.add(1)).reached('disk')
    await before.close()
    await new Promise((resolve) => {
      indexedDB.deleteDatabase(`rejoin/${profile}`).onsuccess = resolve
    })
    const heard: string[] = []
    const replica = await openReplica({
      storage: indexedDb(profile),
      onLog: ({ event, details }) => event === 'storage-status' && heard.push(String(details?.['code'] ?? 'ok')),
    })
    opened.push({ replica, net: undefined })
    const note = await replica.open('note', Note)
    await note.change((draft) => draft.votes.add(2)).reached('disk')
    expect(heard).toEqual(['storage-evicted', 'ok'])
    expect(note.snapshot.votes).toBe(2)
    const after = await openTab(profile)
    expect(after.note.snapshot.votes).toBe(2)
    vi.unstubAllGlobals()
  })
})
