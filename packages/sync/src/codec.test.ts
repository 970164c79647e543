import { authorIdFrom, Version, versionName } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { commonVersion, decodeFrame, encodeFrame } from './codec.ts'
import type { Frame, Introduction } from './frame.ts'
import { frameLimits } from './frame-limits.ts'
import { seededRandom } from './world.test-helper.ts'

const alice = authorIdFrom('00000000000000a1')
const bob = authorIdFrom('00000000000000b2')
const version = Version.from([
  [alice, 3],
  [bob, 70_000],
])
const introduction: Introduction = {
  replica: '0123456789abcdef',
  role: 'client',
  name: 'alice',
  profiles: ['00000000000000ff'],
  wall: 1_767_225_600_000,
  frameBytes: 65_536,
}
const range = { min: 1, max: 1 }

const frames: Frame[] = [
  { kind: 'hello', protocol: range, format: range, introduction, token: 'secret' },
  { kind: 'hello', protocol: { min: 1, max: 4 }, format: range, introduction },
  { kind: 'welcome', protocol: 1, format: 1, introduction: { ...introduction, role: 'server' }, echo: 5 },
  { kind: 'reject', code: 'protocol-too-old', reason: 'Older.', protocol: { min: 2, max: 3 }, retry: false },
  { kind: 'open', handle: 1, document: 'raid-42/ü', version },
  {
    kind: 'open',
    handle: 2,
    document: 'raid',
    version: Version.empty,
    resume: { transfer: '00000000000000aa', bytes: 9 },
  },
  { kind: 'opened', handle: 1, permission: 'admin', version },
  {
    kind: 'open',
    handle: 1,
    document: 'raid',
    version: Version.empty,
    told: {
      base: versionName(version),
      entries: [[alice, 9]],
      names: [versionName(version), versionName(Version.empty)],
    },
  },
  {
    kind: 'opened',
    handle: 1,
    permission: 'read',
    version: Version.empty,
    told: { base: version, entries: [[alice, 0]], names: [] },
  },
  {
    kind: 'digest',
    handle: 1,
    version: Version.empty,
    told: { base: versionName(version), entries: [], names: [] },
    digest: 'fedcba9876543210',
  },
  {
    kind: 'need',
    handle: 1,
    version: Version.empty,
    told: { base: versionName(version), entries: [], names: [] },
    full: false,
  },
  { kind: 'recall', handle: 1, names: [versionName(version)] },
  { kind: 'changes', handle: 1, bytes: Uint8Array.of(1, 2, 3) },
  { kind: 'bundle', handle: 1, transfer: '00000000000000aa', totalBytes: 10, offset: 4, chunk: Uint8Array.of(9, 8) },
  { kind: 'ack', handle: 1, version },
  { kind: 'digest', handle: 1, version, digest: 'fedcba9876543210' },
  {
    kind: 'inspect',
    handle: 1,
    digest: 'fedcba9876543210',
    content: false,
    places: [
      { path: ['players', 'ö'], bits: 6, bucket: 63 },
      { path: ['phase'], bits: 0, bucket: 0 },
    ],
  },
  {
    kind: 'inspected',
    handle: 1,
    digest: 'fedcba9876543210',
    answers: [
      { own: '0000000000000000', children: { by: 'name', digests: new Map([['ada', '00000000000000a1']]) } },
      { own: '00000000000000b2', children: { by: 'bucket', digests: new Map([[63, '00000000000000a1']]) } },
    ],
    content: '{}',
  },
  { kind: 'need', handle: 3, version, full: true },
  { kind: 'below', handle: 3 },
  {
    kind: 'join',
    handle: 3,
    version,
    question: { salt: { hi: 1, lo: 0xffff_ffff }, items: 5, keys: 4, sample: Uint32Array.of(0, 7) },
  },
  { kind: 'more', handle: 3, from: 70, count: 200 },
  {
    kind: 'presence',
    handle: 1,
    entries: [
      { replica: '0123456789abcdef', clock: 3, value: { x: 1, y: [true, null] } },
      { replica: '0000000000000001', clock: 4 },
    ],
  },
  { kind: 'refused', handle: 1, code: 'forbidden', reason: 'No.' },
  { kind: 'own', handle: 1, authors: [alice, bob] },
  { kind: 'refusals', handle: 1, code: 'forbidden', reason: 'No.', entries: [[alice, 7]] },
  {
    kind: 'stamps',
    handle: 1,
    purpose: 'ask',
    stamps: [
      [alice, 3, 1_767_225_600_000],
      [bob, 70_000, 0],
    ],
  },
  { kind: 'stamps', handle: 1, purpose: 'forked', stamps: [[alice, 0, 0]] },
  { kind: 'aside', channel: 1, bytes: Uint8Array.of(1, 2, 3) },
  { kind: 'aside', channel: 255, bytes: new Uint8Array(0) },
  { kind: 'leave', handle: 1 },
  { kind: 'ping', id: 7, wall: 123 },
  { kind: 'pong', id: 7, echo: 123, wall: 456.5 },
  { kind: 'close', code: 'peer-closed', reason: 'Bye.' },
]

/** Versions compare by content. */
const plain = (frame: Frame): unknown =>
  JSON.parse(
    JSON.stringify(frame, (_, value) => (value instanceof Uint8Array || value instanceof Map ? [...value] : value)),
  )

describe('the frame codec', () => {
  it('[FR1] brings every kind of frame back', () => {
    for (const frame of frames) {
      const decoded = decodeFrame(encodeFrame(frame))
      expect(decoded.ok ? plain(decoded.value) : decoded.error).toEqual(plain(frame))
    }
  })

  it('[FR2] refuses every truncation, and bytes after the end, of all frames but those that may grow', () => {
    for (const frame of frames) {
      const bytes = encodeFrame(frame)
      const isOpen = ['changes', 'bundle', 'aside'].includes(frame.kind)
      for (let size = 0; size < bytes.length && !isOpen; size++) {
        expect(decodeFrame(bytes.subarray(0, size)).ok).toBe(false)
      }
      const longer = new Uint8Array(bytes.length + 1)
      longer.set(bytes)
      const mayGrow = frame.kind === 'hello' || frame.kind === 'reject' || isOpen
      expect(decodeFrame(longer).ok).toBe(mayGrow)
    }
  })

  it('[FR3] answers mutated frames with a frame or a plain error, 20,000 times', () => {
    const random = seededRandom(5)
    let refused = 0
    for (let round = 0; round < 20_000; round++) {
      const bytes = encodeFrame(frames[round % frames.length] as Frame).slice()
      for (let flips = 1 + Math.floor(random.float() * 3); flips > 0; flips--) {
        bytes[Math.floor(random.float() * bytes.length)] = Math.floor(random.float() * 256)
      }
      const decoded = decodeFrame(bytes)
      if (decoded.ok) encodeFrame(decoded.value)
      else refused += 1
    }
    expect(refused).toBeGreaterThan(1000)
  })

  it('[FR4] refuses what is too large before allocating for it', () => {
    expect(decodeFrame(new Uint8Array(frameLimits.frameBytes + 1))).toMatchObject({
      ok: false,
      error: { kind: 'too-large' },
    })
    const many = Uint8Array.of(13, 1, 0xff, 0xff, 0xff, 0x7f)
    expect(decodeFrame(many).ok).toBe(false)
    const stamps = Array.from({ length: frameLimits.stamps + 1 }, (_, seq) => [alice, seq, 0] as const)
    expect(decodeFrame(encodeFrame({ kind: 'stamps', handle: 1, purpose: 'ask', stamps })).ok).toBe(false)
    expect(decodeFrame(encodeFrame({ kind: 'stamps', handle: 1, purpose: 'ask', stamps: [[alice, 1, 0.5]] })).ok).toBe(
      false,
    )
    const chunk = {
      kind: 'bundle',
      handle: 1,
      transfer: '00000000000000aa',
      offset: 0,
      chunk: new Uint8Array(10),
    } as const
    expect(decodeFrame(encodeFrame({ ...chunk, totalBytes: 5 })).ok).toBe(false)
    expect(decodeFrame(encodeFrame({ ...chunk, totalBytes: frameLimits.bundleBytes + 1 })).ok).toBe(false)
  })

  it('[FR5] reads of a stranger only the ranges of versions', () => {
    const hello = encodeFrame({ kind: 'hello', protocol: { min: 8, max: 9 }, format: range, introduction })
    expect(decodeFrame(hello)).toEqual({
      ok: true,
      value: { kind: 'hello', protocol: { min: 8, max: 9 }, format: range },
    })
  })

  it('[FR6] chooses the greatest common version', () => {
    expect(commonVersion({ min: 1, max: 3 }, { min: 2, max: 9 })).toBe(3)
    expect(commonVersion({ min: 4, max: 5 }, { min: 1, max: 3 })).toBeUndefined()
  })
})
