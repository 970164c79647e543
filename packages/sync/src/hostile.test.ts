import { type AuthorId, encodeBundle, Version, versionName } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { encodeFrame } from './codec.ts'
import type { Frame } from './frame.ts'
import { frameLimits } from './frame-limits.ts'
import { hello, introduction, range, Stranger, withStranger } from './stranger.test-helper.ts'
import { seededRandom, star } from './world.test-helper.ts'

describe('a hostile or broken peer', () => {
  const open: Frame = { kind: 'open', handle: 1, document: 'raid', version: Version.empty }
  const cases: readonly [string, readonly (Frame | Uint8Array)[]][] = [
    ['noise instead of hello', [Uint8Array.of(200, 1, 2, 3)]],
    ['an empty frame', [new Uint8Array(0)]],
    ['a document before hello', [open]],
    ['hello twice', [hello, hello]],
    ['a handle that was never given', [hello, { kind: 'ack', handle: 9, version: Version.empty }]],
    ['changes that do not decode', [hello, open, { kind: 'changes', handle: 1, bytes: Uint8Array.of(255, 255, 3) }]],
    [
      'a bundle that does not decode',
      [
        hello,
        open,
        {
          kind: 'bundle',
          handle: 1,
          transfer: '00000000000000aa',
          totalBytes: 3,
          offset: 0,
          chunk: Uint8Array.of(9, 9, 9),
        },
      ],
    ],
    [
      'a version by what differs from one that was never told',
      [
        hello,
        open,
        {
          kind: 'need',
          handle: 1,
          version: Version.empty,
          told: { base: versionName(Version.empty.with('00000000000000aa' as AuthorId, 1)), entries: [], names: [] },
          full: false,
        },
      ],
    ],
    [
      'a bundle larger than allowed',
      [
        hello,
        open,
        {
          kind: 'bundle',
          handle: 1,
          transfer: '00000000000000aa',
          totalBytes: 300 * 1024 * 1024,
          offset: 0,
          chunk: Uint8Array.of(9),
        },
      ],
    ],
    ['welcome from the side that was greeted', [{ kind: 'welcome', protocol: 1, format: 1, introduction, echo: 0 }]],
  ]
  for (const [title, frames] of cases) {
    it(`[SY10] ends with a code and harms nothing: ${title}`, () => {
      const { star: made, stranger } = withStranger()
      made.handles[0]?.change((draft) => draft.phase.set('safe'))
      made.world.advance(100)
      const before = made.handles[0]?.digest()
      for (const frame of frames) {
        stranger.send(frame)
        made.world.advance(100)
      }
      expect(stranger.closed?.code).toBe('protocol-error')
      expect(made.server.replica.metrics().malformedFrames).toBe(1)
      expect(made.handles[0]?.digest()).toBe(before)
      made.handles[0]?.change((draft) => draft.items.add('still works'))
      made.world.advance(100)
      expect(made.handles[0]?.unsaved.changes).toBe(0)
    })
  }

  /** As many authors as one version may name. */
  const many = (): Version =>
    Version.from(
      Array.from({ length: frameLimits.versionAuthors }, (_, at) => [
        (at + 1).toString(16).padStart(16, '0') as AuthorId,
        1,
      ]),
    )

  it('[SY68] that names authors without end in what it opens does not fill the memory', () => {
    const { star: made, stranger } = withStranger()
    const version = many()
    stranger.send(hello)
    let opened = 0
    for (; opened < 100 && stranger.closed === undefined; opened++) {
      stranger.send({ kind: 'open', handle: opened + 1, document: `made-up-${opened}`, version })
      made.world.advance(100)
    }
    expect(stranger.closed).toMatchObject({ code: 'protocol-error', reason: 'too many authors' })
    expect(opened).toBeLessThanOrEqual(17)
  })

  it('[SY68] that says that it has what nobody wrote does neither, and nor do a few authors of many documents end it', () => {
    const { star: made, stranger } = withStranger()
    const version = many()
    const few = Version.from([...version.entries()].slice(0, 1024))
    stranger.send(hello)
    for (let at = 0; at < 40; at++)
      stranger.send({ kind: 'open', handle: at + 1, document: `made-up-${at}`, version: few })
    made.world.advance(100)
    for (let at = 0; at < 40; at++) stranger.send({ kind: 'ack', handle: at + 1, version: few })
    made.world.advance(100)
    expect(stranger.closed).toBeUndefined()
    let told = 0
    for (; told < 40 && stranger.closed === undefined; told++) {
      stranger.send({ kind: 'ack', handle: told + 1, version })
      made.world.advance(100)
    }
    expect(stranger.closed).toMatchObject({ code: 'protocol-error', reason: 'too many authors' })
    expect(told).toBeLessThanOrEqual(17)
  })

  it('[SY68] that names authors that are all known here is let go by none of them', () => {
    const { star: made, stranger } = withStranger()
    const version = many()
    const none = Version.empty
    const whole = encodeBundle({ base: none, version, floor: none, full: true, rows: [], lists: [] })
    stranger.send(hello)
    for (let at = 0; at < 18; at++) {
      stranger.send({ kind: 'open', handle: at + 1, document: `large-${at}`, version })
      made.world.advance(100)
      const transfer = `00000000000000${at + 10}`
      for (let offset = 0; offset < whole.length; offset += 60_000)
        stranger.send({
          kind: 'bundle',
          handle: at + 1,
          transfer,
          totalBytes: whole.length,
          offset,
          chunk: whole.subarray(offset, offset + 60_000),
        })
      made.world.advance(100)
    }
    expect(stranger.closed).toBeUndefined()
  })

  it('[SY11] is answered in words when it speaks older or newer versions', () => {
    for (const [protocol, code] of [
      [{ min: 7, max: 9 }, 'protocol-too-new'],
      [{ min: 0, max: 0 }, 'protocol-too-old'],
    ] as const) {
      const { star: made, stranger } = withStranger()
      stranger.send({ kind: 'hello', protocol, format: range, introduction })
      made.world.advance(100)
      expect(new TextDecoder().decode(stranger.received[0])).toContain(code)
      expect(stranger.closed?.code).toBe(code)
      expect(made.server.replica.metrics().rejectedHandshakes).toBe(1)
    }
  })

  it('[SY11] a client that is told so says refused, and dials again later', () => {
    const made = star(0)
    const wire = made.world.wire('future')
    let dials = 0
    wire.listen.listen({
      accept: (link) => {
        dials += 1
        return {
          opened: () => {},
          frame: () => {
            const reject = encodeFrame({
              kind: 'reject',
              code: 'protocol-too-old',
              reason: 'Too old.',
              protocol: { min: 5, max: 6 },
              retry: false,
            })
            const bytes = new Uint8Array(reject.length + 1)
            bytes.set(reject, 1)
            link.send(bytes)
          },
          closed: () => {},
        }
      },
    })
    const client = made.world.replica()
    client.join({ transports: [wire.dial] })
    made.world.advance(200)
    expect(client.net?.link).toMatchObject({ state: 'refused', code: 'protocol-too-old', reason: 'Too old.' })
    made.world.advance(60_000)
    expect(dials).toBeGreaterThan(1)
    expect(dials).toBeLessThan(6)
  })

  it('[SY12] a silent link is given up and dialled again', () => {
    const { world, clients, wires, handles } = star(1)
    wires[0]!.silent = true
    handles[0]?.change((draft) => draft.phase.set('x'))
    world.advance(20_000)
    expect(clients[0]?.net?.link.state).toBe('syncing')
    world.advance(20_000)
    expect(clients[0]?.links).toContain('offline')
    wires[0]!.silent = false
    world.advance(60_000)
    expect(clients[0]?.net?.link.state).toBe('synced')
    expect(handles[0]?.unsaved.changes).toBe(0)
  })

  it('[SY10] 2,000 mutated frames after a proper hello: the server lives and its state does not change', () => {
    const random = seededRandom(11)
    const made = star(1, { server: { limits: { refusedWrites: 1e9 } } })
    made.handles[0]?.change((draft) => draft.phase.set('safe'))
    made.world.advance(100)
    const frames = [
      open,
      { kind: 'ack', handle: 1, version: Version.empty },
      { kind: 'need', handle: 1, version: Version.empty, full: true },
      { kind: 'changes', handle: 1, bytes: random.bytes(40) },
      { kind: 'bundle', handle: 1, transfer: '00000000000000aa', totalBytes: 20, offset: 0, chunk: random.bytes(20) },
      { kind: 'presence', handle: 1, entries: [{ replica: '00000000000000ee', clock: 1, value: 'x' }] },
    ] satisfies Frame[]
    const before = made.handles[0]?.digest()
    const wire = made.world.wire('noise')
    made.server.join({ transports: [wire.listen] })
    for (let round = 0; round < 100; round++) {
      const stranger = new Stranger(made, wire.dial)
      stranger.send(hello)
      stranger.send(open)
      for (let i = 0; i < 20; i++) {
        const bytes = encodeFrame(frames[i % frames.length] as Frame).slice()
        bytes[Math.floor(random.float() * bytes.length)] = Math.floor(random.float() * 256)
        stranger.send(bytes)
      }
      made.world.advance(50)
    }
    made.world.advance(1000)
    expect(made.handles[0]?.digest()).toBe(before)
    expect(made.server.replica.isReady).toBe(true)
  })
})
