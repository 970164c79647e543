import {
  type AuthorId,
  attempt,
  ByteReader,
  ByteWriter,
  type DecodeError,
  type Result,
  readValue,
  type Value,
  Version,
  writeValue,
} from '@rejoin/state'
import {
  type Frame,
  formatVersions,
  type HelloFrame,
  type Introduction,
  type Permission,
  type PresenceEntry,
  protocolVersions,
  type Role,
  type VersionRange,
} from './frame.ts'
import { frameLimits } from './frame-limits.ts'
import { readJoinQuestion, readMore, writeJoinQuestion, writeMore } from './join/join-frames.ts'
import { readInspect, readInspected, writeInspect, writeInspected } from './self-check/inspection-codec.ts'
import {
  readAuthor,
  readHex,
  readNames,
  readVersion,
  readVersionOf,
  writeHex,
  writeNames,
  writeVersion,
  writeVersionOf,
} from './version-codec.ts'

const tags = {
  hello: 1,
  welcome: 2,
  reject: 3,
  open: 4,
  opened: 5,
  changes: 6,
  bundle: 7,
  ack: 8,
  digest: 9,
  need: 10,
  presence: 11,
  refused: 12,
  own: 13,
  refusals: 14,
  leave: 15,
  ping: 16,
  pong: 17,
  close: 18,
  inspect: 19,
  inspected: 20,
  below: 24,
  join: 25,
  more: 26,
  recall: 40,
} as const

/** With it a frame tells its version by what differs from another. */
const toldFlag = 0x40

const magic = 0x4a52
/** Shared: encoding never calls back. */
const writer = new ByteWriter(1024)
const roles: readonly Role[] = ['client', 'peer', 'server']
const permissions: readonly Permission[] = ['no', 'read', 'write', 'admin']

/** The bytes of a frame. Its first byte is the kind; hello and reject keep their layout in all versions. */
export function encodeFrame(frame: Frame): Uint8Array {
  writer.reset()
  writer.u8(tags[frame.kind] | ('told' in frame ? toldFlag : 0))
  writeBody(frame)
  return writer.finish()
}

/** The frame that `bytes` spell, or why they spell none. Never throws, whatever the bytes. */
export function decodeFrame(bytes: Uint8Array): Result<Frame, DecodeError> {
  return attempt(() => {
    const reader = new ByteReader(bytes)
    if (bytes.length > frameLimits.frameBytes) {
      reader.fail('too-large', `a frame of ${bytes.length} bytes where ${frameLimits.frameBytes} are allowed`)
    }
    const tag = reader.u8()
    const isTold = (tag & toldFlag) !== 0
    const frame = readBody(reader, tag & ~toldFlag, isTold)
    if (isTold && !('told' in frame)) reader.fail('malformed', `a frame of unknown kind ${tag}`)
    // Later versions may append to these two.
    if (frame.kind !== 'hello' && frame.kind !== 'reject') reader.end()
    return frame
  })
}

/** Whether the intervals meet, and at which greatest number. */
export function commonVersion(ours: VersionRange, theirs: VersionRange): number | undefined {
  const best = Math.min(ours.max, theirs.max)
  return best >= Math.max(ours.min, theirs.min) ? best : undefined
}

function writeBody(frame: Frame): void {
  switch (frame.kind) {
    case 'hello':
      writer.varUint(magic)
      writeRange(writer, frame.protocol)
      writeRange(writer, frame.format)
      if (frame.introduction !== undefined) writeIntroduction(writer, frame.introduction)
      writer.u8(frame.token === undefined ? 0 : 1)
      if (frame.token !== undefined) writer.string(frame.token)
      return
    case 'welcome':
      writer.varUint(frame.protocol)
      writer.varUint(frame.format)
      writeIntroduction(writer, frame.introduction)
      writer.f64(frame.echo)
      return
    case 'reject':
      writer.string(frame.code)
      writer.string(frame.reason)
      writeRange(writer, frame.protocol)
      writer.u8(frame.retry ? 1 : 0)
      return
    case 'open':
      writer.varUint(frame.handle)
      writer.string(frame.document)
      writeVersionOf(writer, frame)
      writer.u8(frame.resume === undefined ? 0 : 1)
      if (frame.resume !== undefined) {
        writeHex(writer, frame.resume.transfer)
        writer.varUint(frame.resume.bytes)
      }
      return
    case 'opened':
      writer.varUint(frame.handle)
      writer.u8(permissions.indexOf(frame.permission))
      writeVersionOf(writer, frame)
      return
    case 'recall':
      writer.varUint(frame.handle)
      writeNames(writer, frame.names)
      return
    case 'changes':
      writer.varUint(frame.handle)
      writer.raw(frame.bytes)
      return
    case 'bundle':
      writer.varUint(frame.handle)
      writeHex(writer, frame.transfer)
      writer.varUint(frame.totalBytes)
      writer.varUint(frame.offset)
      writer.raw(frame.chunk)
      return
    case 'ack':
      writer.varUint(frame.handle)
      writeVersion(writer, frame.version)
      return
    case 'digest':
      writer.varUint(frame.handle)
      writeVersionOf(writer, frame)
      writeHex(writer, frame.digest)
      return
    case 'inspect':
      writer.varUint(frame.handle)
      writeInspect(writer, frame)
      return
    case 'inspected':
      writer.varUint(frame.handle)
      writeInspected(writer, frame)
      return
    case 'need':
      writer.varUint(frame.handle)
      writeVersionOf(writer, frame)
      writer.u8(frame.full ? 1 : 0)
      return
    case 'below':
      writer.varUint(frame.handle)
      return
    case 'join':
      writer.varUint(frame.handle)
      writeVersionOf(writer, frame)
      writeJoinQuestion(writer, frame.question)
      return
    case 'more':
      writer.varUint(frame.handle)
      writeMore(writer, frame.from, frame.count)
      return
    case 'presence':
      writer.varUint(frame.handle)
      writer.varUint(frame.entries.length)
      for (const entry of frame.entries) writePresence(writer, entry)
      return
    case 'refused':
      writer.varUint(frame.handle)
      writer.string(frame.code)
      writer.string(frame.reason)
      return
    case 'own':
      writer.varUint(frame.handle)
      writer.varUint(frame.authors.length)
      for (const author of frame.authors) writeHex(writer, author)
      return
    case 'refusals':
      writer.varUint(frame.handle)
      writer.string(frame.code)
      writer.string(frame.reason)
      writeVersion(writer, Version.from(frame.entries))
      return
    case 'leave':
      writer.varUint(frame.handle)
      return
    case 'ping':
      writer.varUint(frame.id)
      writer.f64(frame.wall)
      return
    case 'pong':
      writer.varUint(frame.id)
      writer.f64(frame.echo)
      writer.f64(frame.wall)
      return
    case 'close':
      writer.string(frame.code)
      writer.string(frame.reason)
  }
}

function readBody(reader: ByteReader, tag: number, isTold: boolean): Frame {
  switch (tag) {
    case tags.hello:
      return readHello(reader)
    case tags.welcome: {
      const protocol = reader.varUint()
      const format = reader.varUint()
      const introduction = readIntroduction(reader)
      return { kind: 'welcome', protocol, format, introduction, echo: readWall(reader) }
    }
    case tags.reject: {
      const code = reader.string(frameLimits.codeBytes)
      const reason = reader.string(frameLimits.reasonBytes)
      const protocol = readRange(reader)
      return { kind: 'reject', code, reason, protocol, retry: readFlag(reader) }
    }
    case tags.open: {
      const handle = readHandle(reader)
      const document = reader.string(frameLimits.documentNameBytes)
      const version = readVersionOf(reader, isTold)
      if (!readFlag(reader)) return { kind: 'open', handle, document, ...version }
      const resume = { transfer: readHex(reader), bytes: readSize(reader) }
      return { kind: 'open', handle, document, ...version, resume }
    }
    case tags.opened: {
      const handle = readHandle(reader)
      const permission = pick(reader, permissions)
      return { kind: 'opened', handle, permission, ...readVersionOf(reader, isTold) }
    }
    case tags.recall:
      return { kind: 'recall', handle: readHandle(reader), names: readNames(reader) }
    case tags.changes:
      return { kind: 'changes', handle: readHandle(reader), bytes: reader.raw(reader.remaining) }
    case tags.bundle: {
      const handle = readHandle(reader)
      const transfer = readHex(reader)
      const totalBytes = readSize(reader)
      const offset = readSize(reader)
      const chunk = reader.raw(reader.remaining)
      if (chunk.length === 0 || chunk.length > frameLimits.chunkBytes || offset + chunk.length > totalBytes) {
        reader.fail('malformed', `a chunk of ${chunk.length} bytes at ${offset} of ${totalBytes}`)
      }
      return { kind: 'bundle', handle, transfer, totalBytes, offset, chunk }
    }
    case tags.ack:
      return { kind: 'ack', handle: readHandle(reader), version: readVersion(reader) }
    case tags.digest: {
      const handle = readHandle(reader)
      const version = readVersionOf(reader, isTold)
      return { kind: 'digest', handle, ...version, digest: readHex(reader) }
    }
    case tags.inspect:
      return readInspect(reader, readHandle(reader))
    case tags.inspected:
      return readInspected(reader, readHandle(reader))
    case tags.need: {
      const handle = readHandle(reader)
      const version = readVersionOf(reader, isTold)
      return { kind: 'need', handle, ...version, full: readFlag(reader) }
    }
    case tags.below:
      return { kind: 'below', handle: readHandle(reader) }
    case tags.join: {
      const handle = readHandle(reader)
      const version = readVersionOf(reader, isTold)
      return { kind: 'join', handle, ...version, question: readJoinQuestion(reader) }
    }
    case tags.more:
      return { kind: 'more', handle: readHandle(reader), ...readMore(reader) }
    case tags.presence: {
      const handle = readHandle(reader)
      const entries: PresenceEntry[] = []
      for (let left = reader.count(frameLimits.presenceEntries, 10); left > 0; left--)
        entries.push(readPresence(reader))
      return { kind: 'presence', handle, entries }
    }
    case tags.refused: {
      const handle = readHandle(reader)
      const code = reader.string(frameLimits.codeBytes)
      return { kind: 'refused', handle, code, reason: reader.string(frameLimits.reasonBytes) }
    }
    case tags.own: {
      const handle = readHandle(reader)
      const authors: AuthorId[] = []
      for (let left = reader.count(frameLimits.ownAuthors, 8); left > 0; left--) authors.push(readAuthor(reader))
      return { kind: 'own', handle, authors }
    }
    case tags.refusals: {
      const handle = readHandle(reader)
      const code = reader.string(frameLimits.codeBytes)
      const reason = reader.string(frameLimits.reasonBytes)
      return { kind: 'refusals', handle, code, reason, entries: [...readVersion(reader).entries()] }
    }
    case tags.leave:
      return { kind: 'leave', handle: readHandle(reader) }
    case tags.ping:
      return { kind: 'ping', id: reader.varUint(), wall: readWall(reader) }
    case tags.pong: {
      const id = reader.varUint()
      const echo = readWall(reader)
      return { kind: 'pong', id, echo, wall: readWall(reader) }
    }
    case tags.close: {
      const code = reader.string(frameLimits.codeBytes)
      return { kind: 'close', code, reason: reader.string(frameLimits.reasonBytes) }
    }
    default:
      return reader.fail('malformed', `a frame of unknown kind ${tag}`)
  }
}

function readHello(reader: ByteReader): HelloFrame {
  if (reader.varUint() !== magic) reader.fail('malformed', 'not a hello of this protocol')
  const protocol = readRange(reader)
  const format = readRange(reader)
  // Of a stranger only the ranges are known to be readable; they are enough to answer it.
  const meets = commonVersion(protocolVersions, protocol) !== undefined
  if (!meets || commonVersion(formatVersions, format) === undefined) return { kind: 'hello', protocol, format }
  const introduction = readIntroduction(reader)
  if (!readFlag(reader)) return { kind: 'hello', protocol, format, introduction }
  return { kind: 'hello', protocol, format, introduction, token: reader.string(frameLimits.tokenBytes) }
}

function writeIntroduction(writer: ByteWriter, introduction: Introduction): void {
  writeHex(writer, introduction.replica)
  writer.u8(roles.indexOf(introduction.role))
  writer.string(introduction.name)
  writer.varUint(introduction.profiles.length)
  for (const profile of introduction.profiles) writeHex(writer, profile)
  writer.f64(introduction.wall)
  writer.varUint(introduction.frameBytes)
}

function readIntroduction(reader: ByteReader): Introduction {
  const replica = readHex(reader)
  const role = pick(reader, roles)
  const name = reader.string(frameLimits.nameBytes)
  const profiles: string[] = []
  for (let left = reader.count(frameLimits.profiles, 8); left > 0; left--) profiles.push(readHex(reader))
  const wall = readWall(reader)
  const frameBytes = reader.varUint()
  if (frameBytes < frameLimits.smallestFrameBytes) reader.fail('malformed', `frames of at most ${frameBytes} bytes`)
  return { replica, role, name, profiles, wall, frameBytes }
}

function writePresence(writer: ByteWriter, entry: PresenceEntry): void {
  writeHex(writer, entry.replica)
  writer.varUint(entry.clock)
  writer.u8(entry.value === undefined ? 0 : 1)
  if (entry.value !== undefined) writeValue(writer, entry.value)
}

function readPresence(reader: ByteReader): PresenceEntry {
  const replica = readHex(reader)
  const clock = reader.varUint()
  if (!readFlag(reader)) return { replica, clock }
  const value: Value = readValue(reader, { maxDepth: 16, maxBytes: frameLimits.presenceBytes })
  return { replica, clock, value }
}

function writeRange(writer: ByteWriter, range: VersionRange): void {
  writer.varUint(range.min)
  writer.varUint(range.max)
}

function readRange(reader: ByteReader): VersionRange {
  const min = reader.varUint()
  const max = reader.varUint()
  if (min > max) reader.fail('malformed', `an empty range of versions ${min}..${max}`)
  return { min, max }
}

function readWall(reader: ByteReader): number {
  const wall = reader.f64()
  if (!Number.isFinite(wall) || Math.abs(wall) > 8.64e15) reader.fail('malformed', 'a time outside the calendar')
  return wall
}

function readHandle(reader: ByteReader): number {
  const handle = reader.varUint()
  if (handle === 0 || handle > frameLimits.handle) reader.fail('malformed', `handle ${handle}`)
  return handle
}

function readSize(reader: ByteReader): number {
  const size = reader.varUint()
  if (size > frameLimits.bundleBytes) reader.fail('too-large', `a bundle of ${size} bytes`)
  return size
}

function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8()
  if (flag > 1) reader.fail('malformed', `a flag of ${flag}`)
  return flag === 1
}

function pick<T>(reader: ByteReader, values: readonly T[]): T {
  const value = values[reader.u8()]
  return value === undefined ? reader.fail('malformed', 'an unknown choice') : value
}
