import type { Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { decodeFrame, encodeFrame } from '../codec.ts'
import type { Frame } from '../frame.ts'
import type { DialTransport, Limits, MemoryLink } from '../index.ts'
import { type Participant, type RaidHandle, World } from '../world.test-helper.ts'
import { transferKind } from './join-codec.ts'

/** Sees each frame on a wire, and says what goes on instead. */
type Tap = (frame: Frame) => Frame

/** The dialling end of a wire with somebody on it. */
function tapped(dial: DialTransport, tap: Tap): DialTransport {
  const through = (bytes: Uint8Array): Uint8Array => {
    const decoded = bytes[0] === 0 ? decodeFrame(bytes.subarray(1)) : undefined
    return decoded?.ok === true ? Uint8Array.of(0, ...encodeFrame(tap(decoded.value))) : bytes
  }
  return {
    ...dial,
    dial: (events) => {
      const link = dial.dial({ ...events, frame: (bytes) => events.frame(through(bytes)) })
      return {
        get bufferedBytes(): number {
          return link.bufferedBytes
        },
        send: (bytes) => link.send(through(bytes)),
        close: (code, reason) => link.close(code, reason),
      }
    },
  }
}

interface Scene {
  readonly world: World
  readonly server: Participant
  readonly wire: MemoryLink
  readonly bob: Participant
  readonly ada: RaidHandle
  readonly bobs: RaidHandle
  /** Frames on Bob's wire since he came back, but for heartbeats. */
  readonly kinds: string[]
}

interface SceneOptions {
  readonly limits?: Partial<Limits>
  readonly bobLimits?: Partial<Limits>
  readonly removed?: number
  readonly added?: number
  readonly items?: number
  readonly tap?: Tap
}

/** Ada and Bob share some items; Bob is cut off, both go on, and what Ada removed is forgotten at the server. */
function below({
  limits,
  bobLimits,
  removed = 40,
  added = 0,
  items = 600,
  tap = (frame) => frame,
}: SceneOptions = {}): Scene {
  const world = new World()
  const wires = [world.wire('ada'), world.wire('bob')] as const
  const prunes = { floorLagMs: 336_000, floorShare: 0, keptChanges: 0, joinItems: 1 }
  const server = world.replica({ role: 'server', name: 'server', limits: { ...prunes, ...limits } })
  server.join({ transports: wires.map((wire) => wire.listen) })
  const alice = world.replica({ name: 'ada' })
  alice.join({ transports: [wires[0].dial] })
  const kinds: string[] = []
  const bob = world.replica({ name: 'bob', ...(bobLimits === undefined ? {} : { limits: bobLimits }) })
  const note = (frame: Frame): Frame => {
    if (frame.kind !== 'ping' && frame.kind !== 'pong') kinds.push(frame.kind)
    return tap(frame)
  }
  bob.join({ transports: [tapped(wires[1].dial, note)] })
  const [ada, bobs] = [world.open(alice), world.open(bob)]
  world.advance(500)
  ada.change((draft) => {
    for (let i = 0; i < items; i++) draft.items.add(`item ${i}`)
    draft.players.get('eve').name.set('Eve')
    draft.log.push('one', 'two', 'three')
    draft.potions.add(3)
  })
  world.advance(1_000)
  wires[1].cut()
  ada.change((draft) => {
    for (let i = 0; i < removed; i++) draft.items.delete(`item ${i}`)
    for (let i = 0; i < added; i++) draft.items.add(`another ${i}`)
    draft.players.delete('eve')
    draft.log.delete(1)
    draft.phase.set('hers')
    draft.tags.set('ada')
  })
  bobs.change((draft) => {
    draft.items.add('mine')
    draft.items.add('item 1')
    draft.items.delete('item 599')
    draft.tags.set('bob')
    draft.log.push('four')
    draft.potions.add(2)
  })
  for (let minutes = 0; minutes < 10; minutes++) {
    world.advance(60_000)
    ada.change((draft) => draft.potions.add(1))
  }
  world.advance(1_000)
  expect(server.replica.metrics().prunings).toBeGreaterThan(0)
  kinds.length = 0
  return { world, server, wire: wires[1], bob, ada, bobs, kinds }
}

function comesBack({ world, wire, ada, bobs, bob, server }: Scene): void {
  wire.restore()
  world.advance(60_000)
  expect(bobs.version.equals(ada.version)).toBe(true)
  expect(bobs.digest()).toBe(ada.digest())
  expect(bobs.snapshot).toEqual(ada.snapshot)
  expect(bobs.snapshot).toMatchObject({ phase: 'hers', players: {}, log: ['one', 'three', 'four'], potions: 25 })
  expect([...bobs.snapshot.tags].sort()).toEqual(['ada', 'bob'])
  expect(bobs.snapshot.items).toEqual(expect.arrayContaining(['mine', 'item 1']))
  for (const gone of ['item 2', 'item 39', 'item 599']) expect(bobs.snapshot.items).not.toContain(gone)
  expect(bobs.unsaved.changes).toBe(0)
  expect(bobs.store.floor.size).toBeGreaterThan(0)
  expect(bob.healed.length).toBeGreaterThan(0)
  for (const { replica } of [bob, server]) {
    expect(replica.metrics()).toMatchObject({ divergences: 0, malformedFrames: 0, internalErrors: 0 })
  }
}

const answers = ({ server }: Scene): readonly number[] => {
  const { joinsBySketch, joinsWhole } = server.replica.metrics()
  return [joinsBySketch, joinsWhole]
}

const isJoin = (frame: Frame): boolean => frame.kind === 'bundle' && transferKind(frame.chunk) === 'join'

/** Flips a bit in a join. */
function damaged(frame: Frame, at: (chunk: Uint8Array) => number): Frame {
  if (frame.kind !== 'bundle' || !isJoin(frame)) return frame
  const chunk = frame.chunk.slice()
  const index = at(chunk)
  chunk[index] = (chunk[index] as number) ^ 1
  return { ...frame, chunk }
}

describe('the return from below the floor', () => {
  it('[JO1] [JO2] is answered by sketch where most is the same: exact, in one round trip, with what was written meanwhile', () => {
    const scene = below()
    comesBack(scene)
    expect(answers(scene)).toEqual([1, 0])
    expect(scene.bob.replica.metrics()).toMatchObject({ joinsFailed: 0, joinsContinued: 0, needs: 0 })
    const talk = scene.kinds.filter((kind) => ['below', 'changes', 'join', 'bundle', 'more'].includes(kind))
    expect(talk.slice(0, 5)).toEqual(['changes', 'below', 'join', 'bundle', 'more'])
  })

  it('[JO1] outlives a reload, and goes on from there', () => {
    const scene = below()
    comesBack(scene)
    const again = scene.world.replica({ name: 'bob again', disk: scene.bob.disk })
    const reloaded = scene.world.open(again)
    scene.world.advance(10)
    expect(reloaded.digest()).toBe(scene.ada.digest())
    expect(reloaded.store.floor.equals(scene.bobs.store.floor)).toBe(true)
    expect(reloaded.version.equals(scene.ada.version)).toBe(true)
  })

  it('[JO1] [SY50] tells its versions by what differs where they are told so', () => {
    const named = { namedVersionAuthors: 1 }
    const scene = below({ limits: named, bobLimits: named })
    comesBack(scene)
    expect(answers(scene)).toEqual([1, 0])
    expect(scene.bob.replica.metrics()).toMatchObject({ joinsFailed: 0, needs: 0 })
  })

  it('[JO2] goes on with more symbols where the first are not enough', () => {
    let isCut = false
    const tap: Tap = (frame) => {
      if (frame.kind !== 'join' || isCut) return frame
      isCut = true
      // As if nothing of the sample were gone.
      return { ...frame, question: { ...frame.question, items: frame.question.items - 30 } }
    }
    const scene = below({ tap })
    comesBack(scene)
    expect(answers(scene)).toEqual([1, 0])
    expect(scene.bob.replica.metrics()).toMatchObject({ joinsFailed: 0, joinsContinued: 1 })
  })

  it('[JO3] is answered with the whole state where much differs, little is there, or no room is left for sketches', () => {
    for (const options of [{ removed: 500 }, { limits: { joinItems: 10_000 } }, { limits: { sketchItems: 100 } }]) {
      const scene = below(options)
      comesBack(scene)
      expect(answers(scene)).toEqual([0, 1])
    }
  })

  it('[JO4] asks for the whole state where symbols or the sum were damaged, and counts it', () => {
    // The sum follows tag, format and salt; the last bytes are of symbols.
    for (const at of [
      () => 10,
      () => 17,
      (chunk: Uint8Array) => chunk.length - 3,
      (chunk: Uint8Array) => chunk.length - 700,
    ]) {
      let left = 1
      const scene = below({ tap: (frame) => (isJoin(frame) && left-- > 0 ? damaged(frame, at) : frame) })
      comesBack(scene)
      expect(answers(scene)).toEqual([1, 1])
      expect(scene.bob.replica.metrics().joinsFailed).toBe(1)
    }
  })

  it('[JO4] ends the connection where a join does not decode, counts it, and joins with the next one', () => {
    let left = 1
    const tap: Tap = (frame) => (isJoin(frame) && left-- > 0 ? damaged(frame, () => 1) : frame)
    const scene = below({ tap })
    scene.wire.restore()
    scene.world.advance(120_000)
    expect(scene.bob.replica.metrics().malformedFrames).toBe(1)
    expect(scene.bobs.digest()).toBe(scene.ada.digest())
  })

  it('[JO4] gives up on sketches after three that came to nothing', () => {
    let version: Version | undefined
    const tap: Tap = (frame) => {
      if (frame.kind === 'join') version = frame.version
      // As if the difference were asked for again, and not the whole state.
      if (frame.kind === 'need' && frame.full && version !== undefined) return { ...frame, full: false, version }
      return damaged(frame, () => 10)
    }
    const scene = below({ tap })
    comesBack(scene)
    expect(answers(scene)).toEqual([3, 1])
    expect(scene.bob.replica.metrics().joinsFailed).toBe(3)
  })

  it('[JO4] words out of turn change nothing', () => {
    const scene = below()
    comesBack(scene)
    const before = scene.server.replica.metrics()
    let left = 3
    const odd: Tap = (frame) => {
      if (frame.kind !== 'digest' || left-- <= 0) return frame
      const { handle } = frame
      if (left === 2) return { kind: 'more', handle, from: 5, count: 5 }
      if (left === 1) return { kind: 'below', handle }
      const salt = { hi: 1, lo: 2 }
      return {
        kind: 'join',
        handle,
        version: frame.version,
        question: { salt, items: 0, keys: 0, sample: new Uint32Array(0) },
      }
    }
    const wire = scene.world.wire('odd')
    scene.server.join({ transports: [wire.listen] })
    const carol = scene.world.replica({ name: 'carol' })
    carol.join({ transports: [tapped(wire.dial, odd)] })
    const handle = scene.world.open(carol)
    scene.world.advance(120_000)
    expect(left).toBeLessThanOrEqual(0)
    expect(handle.digest()).toBe(scene.ada.digest())
    const after = scene.server.replica.metrics()
    expect([after.malformedFrames, after.joinsBySketch]).toEqual([before.malformedFrames, before.joinsBySketch])
  })

  it('[JO6] a peer of the protocol before gets the whole state, and sends it', () => {
    const old = { min: 1, max: 1 }
    const scene = below({ tap: (frame) => (frame.kind === 'hello' ? { ...frame, protocol: old } : frame) })
    comesBack(scene)
    expect(answers(scene)).toEqual([0, 1])
    expect(scene.kinds).not.toContain('below')
  })

  it('[JO7] goes on where its transfer broke off, also when the question is forgotten', () => {
    let wire: MemoryLink | undefined
    let isSeen = false
    const tap: Tap = (frame) => {
      if (isSeen && frame.kind === 'bundle' && frame.offset > 0) {
        wire?.cut()
        wire = undefined
      }
      isSeen ||= isJoin(frame)
      return frame
    }
    const scene = below({ items: 3_000, added: 2_400, bobLimits: { messageBytes: 4_096 }, tap })
    wire = scene.wire
    wire.restore()
    scene.world.advance(60_000)
    expect(wire).toBeUndefined()
    comesBack(scene)
    expect(scene.server.replica.metrics()).toMatchObject({ transfersResumed: 1, joinsWhole: 0, joinsBySketch: 1 })
    expect(scene.bob.replica.metrics().joinsFailed).toBe(0)
  })
})
