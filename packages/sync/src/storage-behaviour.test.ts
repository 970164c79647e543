import { describe, expect, it } from 'vitest'
import { createMemoryDisk, type MemoryDisk } from './index.ts'
import { insideOf } from './replica.ts'
import { outcome, type Participant, type RaidHandle, star, World } from './world.test-helper.ts'

describe('a replica and its disk', () => {
  it('[LA1] reaches disk only after the flush, and server only after the flush of the server', () => {
    const disk = createMemoryDisk({ autoFlush: false })
    const serverDisk = createMemoryDisk({ autoFlush: false })
    const { world, handles } = star(1, { disks: [disk], serverDisk })
    const settle = (held: MemoryDisk): void => {
      while (held.pending > 0) held.flush()
    }
    settle(disk)
    settle(serverDisk)
    world.advance(500)
    settle(disk)
    const receipt = handles[0]!.change((draft) => draft.phase.set('x'))
    const [onDisk, onServer] = [outcome(receipt.reached('disk')), outcome(receipt.reached('server'))]
    world.advance(500)
    expect([receipt.level, onDisk.code, onServer.code]).toEqual(['memory', 'pending', 'pending'])
    settle(disk)
    expect([receipt.level, onDisk.code, onServer.code]).toEqual(['disk', 'resolved', 'pending'])
    world.advance(500)
    expect(onServer.code).toBe('pending')
    expect(handles[0]!.unsaved.changes).toBe(1)
    settle(serverDisk)
    world.advance(100)
    expect([receipt.level, onServer.code]).toEqual(['server', 'resolved'])
    expect(handles[0]!.unsaved.changes).toBe(0)
  })

  it('[LA11] tells those that know what it has once that is on the disk, though they never brought it', () => {
    for (const isCongested of [false, true]) {
      const world = new World()
      const disk = createMemoryDisk()
      const [writer, between, holder] = [
        world.replica({ role: 'peer', limits: { sendAheadBytes: 0 } }),
        world.replica({ role: 'peer' }),
        world.replica({ role: 'peer', disk }),
      ]
      const join = (dialling: Participant, listening: Participant, name: string, latencyMs = 5): void => {
        const wire = world.wire(name, { latencyMs })
        listening.join({ transports: [wire.listen] })
        dialling.join({ transports: [wire.dial] })
      }
      const [handle] = [writer, between, holder].map((one) => world.open(one)) as [RaidHandle]
      join(writer, between, 'near')
      join(between, holder, 'next')
      if (isCongested) join(writer, holder, 'far', 2000)
      world.advance(10_000)
      disk.autoFlush = false
      const { connections } = insideOf(writer.replica)
      const probe = (): void => [...connections][1]?.probe()
      // The long way is full of something else: the holder hears of the change, and says so, before the writer can tell it.
      probe()
      const { change } = handle.change((draft) => draft.phase.set('x'))
      world.advance(50)
      probe()
      if (!isCongested) join(writer, holder, 'far')
      world.advance(4500)
      const stored = (): number[] =>
        [...connections].map(({ session }) => session.streams.get('raid')?.durableThere.get(change!.author) ?? -1)
      expect(stored()).toEqual([1, 0])
      while (disk.pending > 0) disk.flush()
      world.advance(4500)
      expect(stored()).toEqual([1, 1])
    }
  })

  it('[LA1] a server that acknowledges before its flush is caught by a crash: the rule is needed', () => {
    const lost = (acknowledgeAfterFlush: boolean): boolean => {
      const serverDisk = createMemoryDisk({ autoFlush: false })
      const { world, handles } = star(1, { serverDisk, rules: { acknowledgeAfterFlush } })
      serverDisk.flush()
      world.advance(500)
      const receipt = handles[0]!.change((draft) => draft.phase.set('x'))
      world.advance(500)
      const isAcknowledged = receipt.level === 'server'
      serverDisk.crash()
      const reader = world.open(world.replica({ disk: serverDisk }))
      return isAcknowledged && reader.snapshot.phase !== 'x'
    }
    expect(lost(false)).toBe(true)
    expect(lost(true)).toBe(false)
  })

  it('[LA2] counts unsaved work across reloads, and sends what closed openings left', () => {
    const disk = createMemoryDisk()
    const { world, clients, handles, wires } = star(2, { disks: [disk] })
    wires[0]?.cut()
    world.advance(100)
    handles[0]?.change((draft) => draft.items.add('one'))
    handles[0]?.change((draft) => draft.items.add('two'))
    const bytes = handles[0]?.unsaved.bytes
    clients[0]?.replica.close()
    const second = world.replica({ disk })
    const reopened = world.open(second)
    expect(reopened.unsaved).toEqual({ changes: 2, bytes })
    reopened.change((draft) => draft.items.add('three'))
    expect(reopened.unsaved.changes).toBe(3)
    wires[0]?.restore()
    second.join({ transports: [wires[0]!.dial] })
    world.advance(1000)
    expect(handles[1]?.snapshot.items).toEqual(['one', 'three', 'two'])
    expect(reopened.unsaved).toEqual({ changes: 0, bytes: 0 })
    second.replica.close()
    expect(world.open(world.replica({ disk })).unsaved.changes).toBe(0)
  })

  it('[LA2] sends unsaved work of a document that nobody opened again', () => {
    const disk = createMemoryDisk()
    const { world, clients, handles, wires } = star(2, { disks: [disk] })
    wires[0]?.cut()
    handles[0]?.change((draft) => draft.items.add('forgotten'))
    clients[0]?.replica.close()
    wires[0]?.restore()
    const second = world.replica({ disk })
    second.join({ transports: [wires[0]!.dial] })
    world.advance(1000)
    expect(handles[1]?.snapshot.items).toEqual(['forgotten'])
    world.advance(1000)
    expect(second.replica.metrics().openDocuments).toBe(0)
  })

  it('[LA2] sends what one opening left although another one of the same disk had nothing left to send', () => {
    const disk = createMemoryDisk()
    const { world, handles, wires } = star(2, { disks: [disk] })
    const linked = handles[0] as RaidHandle
    const alone = world.open(world.replica({ disk }))
    alone.change((draft) => draft.items.add('left'))
    linked.change((draft) => draft.items.add('sent'))
    world.advance(500)
    expect([linked.unsaved.changes, alone.unsaved.changes]).toEqual([0, 1])
    expect([...disk.rows.keys()].filter((key) => key.startsWith('u/'))).toHaveLength(1)
    // Both are gone without a word; who comes next opens nothing.
    wires[0]?.cut()
    disk.crash()
    wires[0]?.restore()
    const next = world.replica({ disk })
    next.join({ transports: [wires[0]!.dial] })
    world.advance(2_000)
    expect(handles[1]?.snapshot.items).toEqual(['left', 'sent'])
    next.replica.close()
    world.advance(100)
    const last = world.replica({ disk })
    last.join({ transports: [wires[0]!.dial] })
    world.advance(2_000)
    expect([...disk.rows.keys()].filter((key) => key.startsWith('u/'))).toEqual([])
  })

  it('[LA2] sends unsaved work of a document that was closed while offline, when contact is back', () => {
    const { world, clients, handles, wires } = star(2)
    wires[0]?.cut()
    world.advance(100)
    handles[0]?.change((draft) => draft.items.add('left behind'))
    handles[0]?.close()
    world.advance(1000)
    wires[0]?.restore()
    clients[0]?.net?.reconnect()
    world.advance(1000)
    expect(handles[1]?.snapshot.items).toEqual(['left behind'])
    expect(clients[0]?.replica.metrics().openDocuments).toBe(0)
  })

  it('[LA3] goes on writing while its disk fails, says so, and catches up by itself', () => {
    const disk = createMemoryDisk()
    const { world, clients, handles } = star(1, { disks: [disk] })
    const statuses: string[] = []
    clients[0]?.replica.onStorageStatus((status) => statuses.push(status.state === 'ok' ? 'ok' : status.code))
    disk.fail('storage-full')
    const receipt = handles[0]!.change((draft) => draft.phase.set('x'))
    world.advance(2000)
    expect(receipt.level).toBe('server')
    expect(outcome(receipt.reached('disk')).code).toBe('pending')
    expect(clients[0]?.replica.storageStatus).toEqual({ state: 'failing', code: 'storage-full' })
    disk.fail(undefined)
    world.advance(20_000)
    expect(outcome(receipt.reached('disk')).code).toBe('resolved')
    expect(statuses).toEqual(['storage-full', 'ok'])
    clients[0]?.replica.close()
    expect(world.open(world.replica({ disk })).snapshot.phase).toBe('x')
  })

  it('[LA3] a server whose disk fails acknowledges nothing, is not ready, and lets its clients go with a code', () => {
    const serverDisk = createMemoryDisk()
    const { world, clients, handles, server } = star(2, { serverDisk })
    serverDisk.fail('storage-full')
    const receipt = handles[0]!.change((draft) => draft.phase.set('x'))
    world.advance(1000)
    expect(handles[1]?.snapshot.phase).toBe('x')
    expect(receipt.level).toBe('disk')
    expect(handles[0]?.unsaved.changes).toBe(1)
    expect(server.replica.isReady).toBe(false)
    world.advance(10_000)
    expect(clients[0]?.net?.link).toMatchObject({ state: 'offline', reason: { code: 'server-storage-failing' } })
    serverDisk.fail(undefined)
    world.advance(60_000)
    expect(server.replica.isReady).toBe(true)
    expect(receipt.level).toBe('server')
  })

  it('[LA4] sets damaged rows aside, counts them, and loads the rest', () => {
    const disk = createMemoryDisk()
    const world = new World()
    const first = world.replica({ disk })
    const handle = world.open(first)
    for (const item of ['a', 'b', 'c']) handle.change((draft) => draft.items.add(item))
    first.replica.close()
    const keys = [...disk.rows.keys()].filter((key) => key.includes('/c/'))
    disk.rows.get(keys[2]!)![5]! ^= 0xff
    const second = world.replica({ disk })
    expect(world.open(second).snapshot.items).toEqual(['a', 'b'])
    expect(second.replica.metrics().corruptRows).toBe(1)
    expect([...disk.rows.keys()].filter((key) => key.startsWith('x/')).length).toBe(1)
    expect([...disk.rows.keys()].filter((key) => key.startsWith('d/raid/c/')).length).toBe(2)
  })

  it('[LA4] loads past any mutation of any row', () => {
    const disk = createMemoryDisk()
    const { world, clients, handles } = star(1, { disks: [disk] })
    for (let i = 0; i < 20; i++) handles[0]?.change((draft) => draft.log.push(`line ${i}`))
    world.advance(1000)
    clients[0]?.replica.close()
    for (const [key, bytes] of [...disk.rows]) {
      const damaged = createMemoryDisk()
      for (const [other, row] of disk.rows) damaged.rows.set(other, row.slice())
      damaged.rows.set(key, bytes.slice(0, Math.floor(bytes.length / 2)))
      const handle = world.open(world.replica({ disk: damaged }))
      expect(handle.snapshot.log.length).toBeLessThanOrEqual(20)
    }
  })

  it('[LA5] folds rows into a snapshot once everything is acknowledged, and never before', () => {
    const disk = createMemoryDisk()
    const { world, clients, handles, wires } = star(1, {
      disks: [disk],
      client: { limits: { rowsBeforeCompaction: 20 } },
    })
    wires[0]?.cut()
    for (let i = 0; i < 50; i++) handles[0]?.change((draft) => draft.items.add(`item-${i}`))
    world.advance(1000)
    const rows = (kind: string): number => [...disk.rows.keys()].filter((key) => key.includes(`/${kind}/`)).length
    expect([rows('c'), rows('s')]).toEqual([50, 0])
    wires[0]?.restore()
    clients[0]?.net?.reconnect()
    world.advance(1000)
    handles[0]?.change((draft) => draft.phase.set('x'))
    world.advance(1000)
    expect(rows('s')).toBe(1)
    expect(rows('c')).toBeLessThan(20)
    clients[0]?.replica.close()
    const reopened = world.open(world.replica({ disk }))
    expect(reopened.snapshot.items.length).toBe(50)
    expect(reopened.digest()).toBe(handles[0]?.digest())
  })

  it('[LA5] folding deletes nothing that another tab wrote meanwhile', () => {
    const disk = createMemoryDisk()
    const world = new World()
    const [left, right] = [
      world.replica({ disk, role: 'peer', limits: { rowsBeforeCompaction: 10 } }),
      world.replica({ disk, role: 'peer' }),
    ]
    const [a, b] = [world.open(left), world.open(right)]
    for (let i = 0; i < 30; i++) {
      a.change((draft) => draft.items.add(`a-${i}`))
      b.change((draft) => draft.items.add(`b-${i}`))
    }
    world.advance(1000)
    expect(left.replica.metrics().compactions).toBeGreaterThan(0)
    expect(world.open(world.replica({ disk })).snapshot.items.length).toBe(60)
  })

  it('[SY20] lists documents, forgets one, and wipes all', () => {
    const disk = createMemoryDisk()
    const world = new World()
    const { replica } = world.replica({ disk })
    for (const name of ['raid', 'a/b ü', 'other'])
      world.open({ replica } as never, name).change((draft) => draft.phase.set(name))
    const listed: string[][] = []
    const list = (): void => {
      replica.documents().then((names) => listed.push(names))
    }
    list()
    replica.forget('other')
    list()
    expect([...disk.rows.keys()].some((key) => key.includes('other'))).toBe(false)
    // What the partition layer keeps.
    disk.rows.set('p/roster', new Uint8Array(5))
    replica.wipe()
    list()
    expect(listed).toEqual([['a/b ü', 'other', 'raid'], ['a/b ü', 'raid'], []])
    expect([...disk.rows.keys()].every((key) => key.startsWith('r/profile/'))).toBe(true)
    expect(outcome(replica.open('', {} as never)).code).toBe('invalid-document-name')
    expect(outcome(replica.open('x'.repeat(300), {} as never)).code).toBe('invalid-document-name')
    expect(outcome(replica.open('\ud800', {} as never)).code).toBe('invalid-document-name')
  })

  it.each(['server', 'client', 'peer'] as const)(
    '[SY62] keeps a document that was forgotten and opened again, whoever closes what was opened before: a %s',
    (role) => {
      const world = new World()
      const participant = world.replica({ role })
      const before = world.open(participant)
      before.change((draft) => draft.phase.set('x'))
      participant.replica.forget('raid')
      const { version } = world.open(participant)
      before.close()
      world.advance(100_000)
      expect([version.size, insideOf(participant.replica).shelf.names()]).toEqual([0, ['raid']])
    },
  )

  it('[SY21] closes once, settles what waits, and refuses calls afterwards', () => {
    const { world, clients, handles, wires } = star(1)
    wires[0]?.cut()
    const receipt = handles[0]!.change((draft) => draft.phase.set('x'))
    const waiting = outcome(receipt.reached('server'))
    const { replica } = clients[0]!
    expect(outcome(replica.close()).code).toBe('resolved')
    expect(outcome(replica.close()).code).toBe('resolved')
    expect(waiting.code).toBe('closed')
    expect(outcome(replica.open('raid', handles[0]!.schema)).code).toBe('closed')
    const pending = world.time.pending
    world.advance(120_000)
    expect(clients[0]?.replica.metrics().dials).toBeLessThanOrEqual(2)
    expect(pending).toBeLessThan(10)
  })
})
