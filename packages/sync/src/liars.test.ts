import {
  type AuthorId,
  bundleSince,
  createStore,
  encodeBundle,
  openDocument,
  storeToPlain,
  Version,
} from '@rejoin/state'
import { describe, expect, it, vi } from 'vitest'
import type { Frame } from './frame.ts'
import { frameLimits } from './frame-limits.ts'
import { defaultLimits, deferred, type Permission } from './index.ts'
import { insideOf } from './replica.ts'
import { hello, introduction, Stranger, withStranger } from './stranger.test-helper.ts'
import { createStaging } from './transfers.ts'
import { Raid, type Star, star } from './world.test-helper.ts'

const open: Frame = { kind: 'open', handle: 1, document: 'raid', version: Version.empty }

function authorsFrom(start: number, count: number): AuthorId[] {
  return Array.from({ length: count }, (_, i) => (start + i).toString(16).padStart(16, '0') as AuthorId)
}

/** A state that nobody but the liar has, in one piece. */
function forged(handle: number): Frame {
  const store = createStore({ newAuthor: () => 'bad0000000000bad' as AuthorId, now: () => 0 })
  openDocument(Raid, store).change((draft) => draft.phase.set('forged'))
  const chunk = encodeBundle(bundleSince(store, Version.empty))
  return { kind: 'bundle', handle, transfer: '00000000000000aa', totalBytes: chunk.length, offset: 0, chunk }
}

/** A stranger that takes part in the document. */
function guest(says: Frame = hello): { readonly made: Star; readonly stranger: Stranger } {
  const { star: made, stranger } = withStranger()
  stranger.send(says)
  stranger.send(open)
  made.world.advance(50)
  return { made, stranger }
}

function storeAt(made: Star) {
  return insideOf(made.server.replica).shelf.cores()[0]!.store
}

describe('who says to be somebody else', () => {
  it('[SY41] is no tab of a server: what it calls refused is not, and its state takes the place of nothing', () => {
    const { star: made, stranger } = withStranger()
    made.handles[0]?.change((draft) => draft.phase.set('safe'))
    made.world.advance(500)
    stranger.send(hello)
    made.world.advance(50)
    // All that a server told of itself is at hand.
    const { profiles } = stranger.heard('welcome')[0]!.introduction
    const tab = new Stranger(made, strangersWire(made))
    const server = insideOf(made.server.replica)
    const known = profiles.length > 0 ? profiles : profileOf(made)
    tab.send({ ...hello, introduction: { ...introduction, replica: '00000000000000dd', profiles: known } })
    tab.send(open)
    made.world.advance(50)
    const entries = [...storeAt(made).version.entries()].map(([author]) => [author, 1] as const)
    tab.send({ kind: 'refusals', handle: 1, code: 'forbidden', reason: 'Says who?', entries })
    tab.send(forged(1))
    made.world.advance(500)
    expect(storeToPlain(storeAt(made))).toMatchObject({ phase: 'safe' })
    expect(server.shelf.cores()[0]?.refused.size).toBe(0)
    made.handles[0]?.change((draft) => draft.phase.set('on'))
    made.world.advance(500)
    expect(made.handles[0]?.unsaved.changes).toBe(0)
    expect(profiles).toEqual([])
  })

  it('[SY41] is no server to a server: not its clock, nor its rights, nor its word of what is durable', () => {
    const { star: made, stranger } = withStranger()
    const own = made.world.open(made.server)
    const before = insideOf(made.server.replica).now()
    stranger.send({ ...hello, introduction: { ...introduction, role: 'server', wall: before + 9e8 } })
    stranger.send(open)
    made.world.advance(50)
    stranger.send({ kind: 'pong', id: 1, echo: before, wall: before + 9e8 })
    stranger.send({ kind: 'opened', handle: 1, permission: 'read', version: Version.empty })
    stranger.send({ kind: 'ack', handle: 1, version: Version.from([['00000000000000aa' as AuthorId, 7]]) })
    made.world.advance(50)
    expect(insideOf(made.server.replica).now() - before).toBeLessThan(1000)
    expect(own.permission).toBeUndefined()
    expect(
      insideOf(made.server.replica)
        .shelf.cores()[0]
        ?.acked.get('00000000000000aa' as AuthorId),
    ).toBe(0)
    own.change((draft) => draft.phase.set('still mine'))
    made.world.advance(500)
    expect(made.handles[0]?.snapshot.phase).toBe('still mine')
  })

  it('[SY41] does not take the place of a connection that has another credential', () => {
    const made = star(1, { token: () => 'of the client', server: { authorize: () => 'write' } })
    const stranger = new Stranger(made, strangersWire(made, 'wire-0'))
    stranger.send({
      ...hello,
      introduction: { ...introduction, replica: made.clients[0]!.replica.id },
      token: 'another',
    })
    made.world.advance(200)
    expect(made.clients[0]?.links).not.toContain('offline')
    expect(stranger.heard('welcome')).toHaveLength(1)
  })
})

describe('who floods', () => {
  it('[SY42] with authors of work that it may yet bring is ended', () => {
    const { made, stranger } = guest()
    const most = frameLimits.ownAuthors
    for (let i = 0; i * most <= frameLimits.versionAuthors; i++) {
      stranger.send({ kind: 'own', handle: 1, authors: authorsFrom(1 + i * most, most) })
      made.world.advance(10)
    }
    made.world.advance(100)
    expect(stranger.closed?.code).toBe('protocol-error')
  })

  it('[SY42] with versions of more and more authors is ended', () => {
    const { made, stranger } = guest()
    for (let i = 0; i < 4 && stranger.closed === undefined; i++) {
      const version = Version.from(authorsFrom(1 + i * 60_000, 60_000).map((author) => [author, 1]))
      stranger.send({ kind: 'ack', handle: 1, version })
      made.world.advance(100)
    }
    expect(stranger.closed?.code).toBe('protocol-error')
  })

  it('[SY42] with recalls of versions that were told whole is ended', () => {
    const { made, stranger } = guest()
    stranger.send({ kind: 'recall', handle: 1, names: [] })
    made.world.advance(50)
    expect(stranger.closed?.code).toBe('protocol-error')
  })

  it('[JO4] with invitations to ask for a join is ended after eight: each costs a pass over the state', () => {
    const { made, stranger } = guest({ ...hello, protocol: { min: 1, max: 2 } })
    stranger.send({ kind: 'opened', handle: 1, permission: 'write', version: Version.empty })
    for (let i = 0; i < 20; i++) {
      stranger.send({ kind: 'below', handle: 1 })
      made.world.advance(10)
    }
    expect(stranger.heard('join').length).toBeLessThanOrEqual(8)
    expect(stranger.closed?.code).toBe('protocol-error')
  })

  it('[JO4] with questions is answered once for each invitation, and keeps no sketch where it needs none', () => {
    const limits = { floorLagMs: 336_000, floorShare: 0, keptChanges: 0, joinItems: 1 }
    const { star: made, stranger } = withStranger({ limits })
    const [alice] = made.handles
    for (let i = 0; i < 300; i++) alice?.change((draft) => draft.items.add(`item ${i}`))
    made.world.advance(500)
    const before = storeAt(made).version
    for (let i = 0; i < 50; i++) alice?.change((draft) => draft.items.delete(`item ${i}`))
    for (let minutes = 0; minutes < 10; minutes++) {
      made.world.advance(60_000)
      alice?.change((draft) => draft.potions.add(1))
    }
    made.world.advance(1000)
    const server = insideOf(made.server.replica)
    expect(server.metrics.prunings).toBeGreaterThan(0)
    const question = { salt: { hi: 1, lo: 2 }, items: 300, keys: 300, sample: new Uint32Array(0) }
    // The first wire was given up in the meantime.
    const returned = new Stranger(made, strangersWire(made))
    expect(stranger.closed).toBeDefined()
    returned.send({ ...hello, protocol: { min: 1, max: 2 } })
    returned.send({ ...open, version: before })
    made.world.advance(50)
    returned.send({ kind: 'opened', handle: 1, permission: 'write', version: before })
    made.world.advance(50)
    expect(returned.heard('below')).toHaveLength(1)
    for (let i = 0; i < 5; i++) {
      returned.send({ kind: 'join', handle: 1, version: before, question })
      made.world.advance(100)
    }
    expect(server.metrics.joinsBySketch).toBe(1)
    expect(server.sketchItems).toBeGreaterThan(0)
    // Invited anew, it turns out to have heard all of it from somebody else.
    returned.send({ kind: 'need', handle: 1, version: before, full: false })
    made.world.advance(50)
    expect(returned.heard('below')).toHaveLength(2)
    returned.send({ kind: 'join', handle: 1, version: storeAt(made).version, question })
    made.world.advance(50)
    expect(server.sketchItems).toBe(0)
    const sent = returned.received.length
    alice?.change((draft) => draft.phase.set('on'))
    made.world.advance(50)
    expect(returned.received.length).toBeGreaterThan(sent)
  })

  it('[HE1] with beginnings of transfers crowds out its own, and none of anybody else', () => {
    const staging = createStaging(defaultLimits)
    const piece = Uint8Array.of(1, 2, 3)
    staging.add('of alice', 'alice', 9, 0, piece)
    for (let i = 0; i < 50; i++) staging.add(`of mallory ${i}`, 'mallory', 9, 0, piece)
    expect(staging.resume('alice')).toEqual({ transfer: 'of alice', bytes: 3 })
    expect(staging.add('of alice', 'alice', 9, 3, piece).kind).toBe('staged')
    expect(staging.ids()).toHaveLength(5)
    for (let i = 0; i < 100; i++) staging.add(`of ${i}`, `peer ${i}`, 9, 0, piece)
    expect(staging.ids()).toHaveLength(64)
  })

  it('[SY42] with requests while the memory of the other side is made anew has the last of them remembered', () => {
    const { made, stranger } = guest()
    const { health } = insideOf(made.server.replica).shelf.cores()[0]!
    health.isRebuilding = true
    const waits = vi.spyOn(health, 'whenRebuilt')
    for (let i = 0; i < 100; i++) stranger.send({ kind: 'need', handle: 1, version: Version.empty, full: i === 50 })
    made.world.advance(50)
    expect(waits).toHaveBeenCalledTimes(1)
    const sent = stranger.heard('bundle').length
    health.isRebuilding = false
    waits.mock.calls[0]?.[0]()
    made.handles[0]?.change((draft) => draft.phase.set('on'))
    made.world.advance(50)
    expect(stranger.heard('bundle').length).toBeGreaterThan(sent)
  })

  it('[SY35] with many documents at once while the hook takes its time gets no more of them than may be open', () => {
    const made = star(0)
    const answers: (() => void)[] = []
    const server = made.world.replica({
      role: 'server',
      limits: { documents: 3 },
      authorize: () => {
        const given = deferred<Permission>()
        answers.push(() => given.resolve('write'))
        return given.later
      },
    })
    const wire = made.world.wire('many')
    server.join({ transports: [wire.listen] })
    const stranger = new Stranger(made, wire.dial)
    stranger.send(hello)
    for (let i = 1; i <= 10; i++) stranger.send({ kind: 'open', handle: i, document: `d${i}`, version: Version.empty })
    made.world.advance(50)
    for (const answer of answers) answer()
    made.world.advance(50)
    expect(server.replica.metrics().openDocuments).toBe(3)
    expect(stranger.heard('refused').map(({ code }) => code)).toEqual(Array(7).fill('document-limit'))
  })
})

function strangersWire(made: Star, name = 'another stranger') {
  const wire = made.world.wire(name)
  made.server.join({ transports: [wire.listen] })
  return wire.dial
}

/** The ids of the profile of a server, from its disk. */
function profileOf(made: Star): string[] {
  return [...made.server.disk.rows.keys()].filter((key) => key.startsWith('r/profile/')).map((key) => key.slice(10))
}
