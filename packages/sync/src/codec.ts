/**
 * The bytes of frames. What they are made of is in `wire-fields.ts`, `version-codec.ts`, `join/join-fields.ts`,
 * `fork/stamps-frame.ts` and `self-check/inspection-fields.ts`; here stands which frame has what, in the order in which it travels.
 */
import {
  attempt,
  ByteReader,
  ByteWriter,
  type DecodeError,
  type Result,
  readValue,
  Version,
  type VersionEntry,
  writeValue,
} from '@rejoin/state'
import { stampList, stampPurpose } from './fork/stamps-frame.ts'
import {
  type Frame,
  formatVersions,
  type Introduction,
  type Permission,
  type PresenceEntry,
  protocolVersions,
  type Resume,
  type Role,
  type VersionRange,
} from './frame.ts'
import { frameLimits } from './frame-limits.ts'
import { joinQuestion, symbolsWanted } from './join/join-fields.ts'
import { answers, content, places } from './self-check/inspection-fields.ts'
import { toldVersion, versionNames, wholeVersion } from './version-codec.ts'
import {
  author,
  byte,
  checked,
  choice,
  type Field,
  type Fields,
  flag,
  handle,
  hex,
  list,
  optional,
  record,
  rest,
  text,
  uint,
} from './wire-fields.ts'

type Kind = Frame['kind']
type FrameOf<K extends Kind> = Extract<Frame, { readonly kind: K }>
/** What stands in a frame behind its kind. */
type Body<K extends Kind> = Omit<FrameOf<K>, 'kind' | 'told'>

/** A kind of frame on the wire: its number, what follows it, and what follows it where the version is told by another. */
interface Layout<B> {
  readonly tag: number
  readonly body: Field<B>
  readonly told?: Field<B>
}

/** With it a frame tells its version by what differs from another. */
const toldFlag = 0x40
const magic = 0x4a52

const codeText = text(frameLimits.codeBytes)
const reasonText = text(frameLimits.reasonBytes)

const wall: Field<number> = {
  write: (writer, value) => writer.f64(value),
  read: (reader) => {
    const value = reader.f64()
    if (!Number.isFinite(value) || Math.abs(value) > 8.64e15) reader.fail('malformed', 'a time outside the calendar')
    return value
  },
}

const size = checked(uint, (reader, bytes) => {
  if (bytes > frameLimits.bundleBytes) reader.fail('too-large', `a bundle of ${bytes} bytes`)
})

const range = checked(record<VersionRange>({ min: uint, max: uint }), (reader, { min, max }) => {
  if (min > max) reader.fail('malformed', `an empty range of versions ${min}..${max}`)
})

const frameBytes = checked(uint, (reader, bytes) => {
  if (bytes < frameLimits.smallestFrameBytes) reader.fail('malformed', `frames of at most ${bytes} bytes`)
})

const introduction = record<Introduction>({
  replica: hex,
  role: choice<Role>(['client', 'peer', 'server']),
  name: text(frameLimits.nameBytes),
  profiles: list(hex, frameLimits.profiles, 8),
  wall,
  frameBytes,
})

const token = optional(text(frameLimits.tokenBytes))

const hello: Field<Body<'hello'>> = {
  write: (writer, frame) => {
    writer.varUint(magic)
    range.write(writer, frame.protocol)
    range.write(writer, frame.format)
    if (frame.introduction !== undefined) introduction.write(writer, frame.introduction)
    token.write(writer, frame.token)
  },
  read: (reader) => {
    if (reader.varUint() !== magic) reader.fail('malformed', 'not a hello of this protocol')
    const ranges = { protocol: range.read(reader), format: range.read(reader) }
    // Of a stranger only the ranges are known to be readable; they are enough to answer it.
    const meets = commonVersion(protocolVersions, ranges.protocol) !== undefined
    if (!meets || commonVersion(formatVersions, ranges.format) === undefined) return ranges
    const known = { ...ranges, introduction: introduction.read(reader) }
    const secret = token.read(reader)
    return secret === undefined ? known : { ...known, token: secret }
  },
}

const permission = choice<Permission>(['no', 'read', 'write', 'admin'])

const bundle = checked(
  record<Body<'bundle'>>({ handle, transfer: hex, totalBytes: size, offset: size, chunk: rest }),
  (reader, { totalBytes, offset, chunk }) => {
    if (chunk.length === 0 || chunk.length > frameLimits.chunkBytes || offset + chunk.length > totalBytes) {
      reader.fail('malformed', `a chunk of ${chunk.length} bytes at ${offset} of ${totalBytes}`)
    }
  },
)

const presenceLimits = { maxDepth: 16, maxBytes: frameLimits.presenceBytes }

const presence = record<PresenceEntry>({
  replica: hex,
  clock: uint,
  value: optional({ write: writeValue, read: (reader) => readValue(reader, presenceLimits) }),
})

/** From which seq on each of some authors is meant: an entry of a version each. */
const refusals: Field<readonly VersionEntry[]> = {
  write: (writer, entries) => wholeVersion.write(writer, Version.from(entries)),
  read: (reader) => [...wholeVersion.read(reader).entries()],
}

/** Tags are for ever, those of hello and reject with their layout. */
const layouts: { readonly [K in Kind]: Layout<Body<K>> } = {
  hello: { tag: 1, body: hello },
  welcome: layout(2, { protocol: uint, format: uint, introduction, echo: wall }),
  reject: layout(3, { code: codeText, reason: reasonText, protocol: range, retry: flag }),
  open: telling<Body<'open'>>(4, {
    handle,
    document: text(frameLimits.documentNameBytes),
    version: wholeVersion,
    resume: optional(record<Resume>({ transfer: hex, bytes: size })),
  }),
  opened: telling(5, { handle, permission, version: wholeVersion }),
  changes: layout(6, { handle, bytes: rest }),
  bundle: { tag: 7, body: bundle },
  ack: layout(8, { handle, version: wholeVersion }),
  digest: telling(9, { handle, version: wholeVersion, digest: hex }),
  need: telling(10, { handle, version: wholeVersion, full: flag }),
  presence: layout(11, { handle, entries: list(presence, frameLimits.presenceEntries, 10) }),
  refused: layout(12, { handle, code: codeText, reason: reasonText }),
  own: layout(13, { handle, authors: list(author, frameLimits.ownAuthors, 8) }),
  refusals: layout(14, { handle, code: codeText, reason: reasonText, entries: refusals }),
  leave: layout(15, { handle }),
  ping: layout(16, { id: uint, wall }),
  pong: layout(17, { id: uint, echo: wall, wall }),
  close: layout(18, { code: codeText, reason: reasonText }),
  inspect: layout(19, { handle, digest: hex, content: flag, places }),
  inspected: layout(20, { handle, digest: hex, answers, content }),
  below: layout(24, { handle }),
  join: telling(25, { handle, version: wholeVersion, question: joinQuestion }),
  more: { tag: 26, body: symbolsWanted },
  recall: layout(40, { handle, names: versionNames }),
  stamps: layout(41, { handle, purpose: stampPurpose, stamps: stampList }),
  aside: layout(42, { channel: byte, bytes: rest }),
}

const kinds = new Map(Object.entries(layouts).map(([kind, { tag }]) => [tag, kind as Kind]))
/** Shared: encoding never calls back. */
const writer = new ByteWriter(1024)

/** The bytes of a frame. Its first byte is the kind; hello and reject keep their layout in all versions. */
export function encodeFrame(frame: Frame): Uint8Array {
  const { tag, body, told } = layouts[frame.kind] as Layout<object>
  const isTold = 'told' in frame
  writer.reset()
  writer.u8(isTold ? tag | toldFlag : tag)
  ;(isTold ? told : body)?.write(writer, frame)
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
    const kind = kinds.get(tag & ~toldFlag)
    const known = kind === undefined ? undefined : (layouts[kind] as Layout<object>)
    const body = isTold ? known?.told : known?.body
    if (body === undefined) return reader.fail('malformed', `a frame of unknown kind ${tag}`)
    const frame = { kind, ...(isTold ? { version: Version.empty } : {}), ...body.read(reader) } as Frame
    // Later versions may append to these two.
    if (kind !== 'hello' && kind !== 'reject') reader.end()
    return frame
  })
}

/** Whether the intervals meet, and at which greatest number. */
export function commonVersion(ours: VersionRange, theirs: VersionRange): number | undefined {
  const best = Math.min(ours.max, theirs.max)
  return best >= Math.max(ours.min, theirs.min) ? best : undefined
}

function layout<B extends object>(tag: number, fields: Fields<B>): Layout<B> {
  return { tag, body: record(fields) }
}

/** A frame whose version may be told by another: what tells it stands where the version stands else. */
function telling<B extends { readonly version: Version }>(tag: number, fields: Fields<B>): Layout<B> {
  const told = Object.entries(fields).map(([name, field]) =>
    name === 'version' ? ['told', toldVersion] : [name, field],
  )
  return { ...layout(tag, fields), told: record(Object.fromEntries(told)) }
}
