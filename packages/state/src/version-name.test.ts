import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { ByteReader, ByteWriter } from './bytes.ts'
import { type Change, lastSeq } from './change.ts'
import { createChangeDecoder, decodeChanges } from './change-decoder.ts'
import { createChangeEncoder, createRowEncoder, encodeChanges } from './change-encoder.ts'
import { maxCopiedEntries } from './context-codec.ts'
import { stampAt } from './hlc.ts'
import { type AuthorId, authorIdFrom } from './ids.ts'
import { decodeBundle, decodeVersion, encodeBundle, encodeVersion, type VersionLookup } from './index.ts'
import { Key } from './key.ts'
import { Version } from './version.ts'
import { readVersionName, versionName, versionNameBytes, writeVersionName } from './version-name.ts'

const authorOf = (number: number): AuthorId => authorIdFrom((number * 0x9e3779b1).toString(16).padStart(16, '0'))
const authors = Array.from({ length: 60 }, (_, i) => authorOf(i + 1))
const seqs = fc.integer({ min: 1, max: 0xffff_ffff })
const entries = fc.array(fc.tuple(fc.constantFrom(...authors), fc.oneof(fc.integer({ min: 1, max: 9 }), seqs)), {
  maxLength: 60,
})
const versions = entries.map((list) => Version.from(list))
const holding =
  (...held: readonly Version[]): VersionLookup =>
  (name) =>
    held.find((version) => versionName(version) === name)

/** Many past authors, each with one change. */
const crowd = (count: number): Version =>
  Version.from(Array.from({ length: count }, (_, i) => [authorOf(i + 1), 1] as const))

let clock = stampAt(1_700_000_000_000)
const changeOf = (author: AuthorId, seq: number, context: Version): Change => ({
  author,
  seq,
  span: 1,
  context,
  hlc: clock++,
  ops: [{ type: 'put', key: new Key(['title'], 1), value: seq }],
})

describe('the name of a version', () => {
  it('[VE5] is equal exactly where versions are equal, in whatever way they were raised, merged or cut', () => {
    const step = fc.oneof(
      fc.record({ raise: fc.tuple(fc.constantFrom(...authors), seqs) }),
      fc.record({ merge: entries }),
      fc.record({ meet: entries }),
      fc.record({ without: fc.constantFrom(...authors) }),
      fc.record({ patch: fc.tuple(fc.constantFrom(...authors), fc.integer({ min: 0, max: 5 })) }),
      fc.constant('name' as const),
    )
    fc.assert(
      fc.property(entries, fc.array(step, { maxLength: 60 }), versions, (start, steps, other) => {
        let version = Version.from(start)
        for (const at of steps) {
          // Asked for now and then, so that later ones are told from it.
          if (at === 'name') versionName(version)
          else if ('raise' in at) version = version.with(...at.raise)
          else if ('merge' in at) version = version.merge(Version.from(at.merge))
          else if ('meet' in at) version = version.meet(Version.from(at.meet))
          else if ('without' in at) version = version.without(at.without)
          else version = version.patched([at.patch])
        }
        const anew = Version.from(version.entries())
        expect(version.equals(anew)).toBe(true)
        expect(versionName(version)).toBe(versionName(anew))
        expect(versionName(version) === versionName(other)).toBe(version.equals(other))
      }),
    )
  })

  it('[VE5] tells apart what differs in one bit of an author or in one seq, and is 16 bytes', () => {
    const names = new Set<string>()
    for (let bit = 0; bit < 64; bit++) {
      const author = (1n << BigInt(bit)).toString(16).padStart(16, '0') as AuthorId
      for (const seq of [1, 2, 2 ** 31, 2 ** 32 - 1]) names.add(versionName(Version.empty.with(author, seq)))
    }
    expect(names.size).toBe(64 * 4)
    const writer = new ByteWriter()
    const name = versionName(crowd(9))
    writeVersionName(writer, name)
    expect(writer.length).toBe(versionNameBytes)
    expect(readVersionName(new ByteReader(writer.finish()))).toBe(name)
  })

  it('[VE5] costs what was raised since it was last asked for, not the number of authors', () => {
    let version = crowd(20_000)
    versionName(version)
    // Hashing multiplies: counted, as time would say more of the machine.
    const multiply = vi.spyOn(Math, 'imul')
    for (let i = 0; i < 2_000; i++) {
      version = version.with(authorOf(30_000 + i), 1)
      if (i % 100 === 0) versionName(version)
    }
    const raising = multiply.mock.calls.length
    const fresh = Version.from(version.entries())
    multiply.mockClear()
    versionName(fresh)
    const anew = multiply.mock.calls.length
    multiply.mockRestore()
    expect(anew).toBeGreaterThan(20_000)
    // Twenty names from nothing would be twenty times as much.
    expect(raising).toBeLessThan(anew / 4)
    expect(versionName(version)).toBe(versionName(Version.from(version.entries())))
  })
})

describe('a version by what differs from another', () => {
  it('[CO21] comes back where the base is known by its name, and is refused as unknown-base where it is not', () => {
    fc.assert(
      fc.property(versions, versions, versions, (version, base, stranger) => {
        const bytes = encodeVersion(version, base)
        const decoded = decodeVersion(bytes, holding(stranger, base))
        expect(decoded.ok && decoded.value.toJSON()).toEqual(version.toJSON())
        expect(decoded.ok && versionName(decoded.value)).toBe(versionName(version))
        expect(decodeVersion(bytes)).toMatchObject({ ok: false, error: { kind: 'unknown-base' } })
        if (stranger.equals(base)) return
        expect(decodeVersion(bytes, holding(stranger))).toMatchObject({ ok: false, error: { kind: 'unknown-base' } })
      }),
    )
  })

  it('[CO21] has one form: entries that do not differ, or come twice, are refused', () => {
    const base = crowd(3)
    const [first] = authors as [AuthorId]
    const told = encodeVersion(base.with(first, 2), base)
    expect(told.length).toBe(1 + versionNameBytes + 1 + 10)
    expect(decodeVersion(told.with(-1, 1), holding(base))).toMatchObject({ ok: false, error: { kind: 'malformed' } })
    const twice = Uint8Array.of(...told.with(1 + versionNameBytes, 2), 0, 3)
    expect(decodeVersion(twice, holding(base))).toMatchObject({ ok: false, error: { kind: 'malformed' } })
  })

  it('[CO21] takes bytes for what differs: 20,000 authors and two more are 40 bytes', () => {
    const base = crowd(20_000)
    const version = base.with(authorOf(20_001), 1).with(authorOf(20_002), 1)
    expect(encodeVersion(version, base).length).toBeLessThan(40)
    expect(encodeVersion(version).length).toBeGreaterThan(180_000)
  })
})

describe('contexts by what differs', () => {
  it('[CO21] come back as they were, whatever they are relative to, across bundles too', () => {
    const list = fc.array(fc.tuple(fc.constantFrom(...authors.slice(0, 6)), versions, fc.boolean()), { maxLength: 12 })
    fc.assert(
      fc.property(versions, list, (known, steps) => {
        const encoder = createChangeEncoder(() => [known])
        const decoder = createChangeDecoder({}, undefined, holding(known))
        const plain = [createChangeEncoder(), createChangeDecoder()] as const
        const last = new Map<AuthorId, Change>()
        for (const [author, seen, isAfterBundle] of steps) {
          const before = last.get(author)
          // What an author has seen only grows.
          const context = (before?.context ?? Version.empty).merge(seen).without(author)
          const change = changeOf(author, before === undefined ? 1 : lastSeq(before) + 1, context)
          last.set(author, change)
          if (isAfterBundle) {
            encoder.bundleSent()
            decoder.bundleReceived()
            plain[0].bundleSent()
            plain[1].bundleReceived()
          }
          for (const [writing, reading] of [[encoder, decoder], plain] as const) {
            const decoded = reading.decode(writing.encode([change]))
            if (!decoded.ok) throw new Error(decoded.error.message)
            expect(decoded.value[0]?.context.toJSON()).toEqual(change.context.toJSON())
          }
        }
      }),
    )
  })

  it('[CO21] cost bytes and not a version: the first change of each author, at the start and after a bundle', () => {
    const past = crowd(20_000)
    const encoder = createChangeEncoder(() => [past])
    const decoder = createChangeDecoder({}, undefined, holding(past))
    let seen = past
    for (let i = 0; i < 6; i++) {
      const author = authorOf(30_000 + (i % 3))
      const change = changeOf(author, 1 + Math.floor(i / 3), seen.without(author))
      const bytes = encoder.encode([change])
      expect(bytes.length).toBeLessThan(100)
      const decoded = decoder.decode(bytes)
      expect(decoded.ok && decoded.value[0]?.context.equals(change.context)).toBe(true)
      seen = seen.with(author, change.seq)
      encoder.bundleSent()
      decoder.bundleReceived()
    }
  })

  it('[CO21] are refused as unknown-base by who does not hold the version, in streams and in rows', () => {
    const past = crowd(200)
    const change = changeOf(authorOf(500), 1, past.with(authorOf(501), 2))
    const row = encodeChanges([change], past)
    expect(row.length).toBeLessThan(100)
    expect(decodeChanges(row, {}, holding(past))).toMatchObject({ ok: true })
    const unknown = { ok: false, error: { kind: 'unknown-base' } }
    expect(decodeChanges(row)).toMatchObject(unknown)
    expect(decodeChanges(row, {}, holding(past.with(authorOf(9), 9)))).toMatchObject(unknown)
    const decoder = createChangeDecoder()
    expect(decoder.decode(createChangeEncoder(() => [past]).encode([change]))).toMatchObject(unknown)
  })

  it('[CO21] of rows are told by one base, whatever each author learned between them', () => {
    const step = fc.tuple(fc.constantFrom(...authors.slice(0, 4)), versions)
    fc.assert(
      fc.property(versions, fc.array(step, { maxLength: 20 }), (base, steps) => {
        const encode = createRowEncoder(base)
        const last = new Map<AuthorId, Change>()
        for (const [author, seen] of steps) {
          const before = last.get(author)
          const context = (before?.context ?? Version.empty).merge(seen).without(author)
          const change = changeOf(author, before === undefined ? 1 : lastSeq(before) + 1, context)
          last.set(author, change)
          const decoded = decodeChanges(encode(change), {}, holding(base))
          expect(decoded.ok && decoded.value[0]?.context.toJSON()).toEqual(context.toJSON())
        }
      }),
    )
  })

  it('[CO21] make a reader copy a bounded number of entries for one frame, and writers keep to it', () => {
    const past = crowd(20_000)
    const count = 2 * Math.ceil(maxCopiedEntries / 40_000)
    const changes = Array.from({ length: count }, (_, i) => changeOf(authorOf(50_000 + i), 1, past))
    const frame = createChangeEncoder(() => [past]).encode(changes)
    // Beyond the bound contexts go whole; the authors have their numbers by then.
    expect(frame.length).toBeGreaterThan(500_000)
    const decoded = createChangeDecoder({}, undefined, holding(past)).decode(frame)
    expect(decoded.ok && decoded.value.length).toBe(count)
  })
})

describe('bundles by what differs', () => {
  it('[CO21] come back where the version is known by its name', () => {
    fc.assert(
      fc.property(versions, versions, versions, versions, (version, base, floor, known) => {
        const bundle = { version, base, floor, full: false, rows: [], lists: [] }
        const bytes = encodeBundle(bundle, known)
        const decoded = decodeBundle(bytes, holding(known))
        if (!decoded.ok) throw new Error(decoded.error.message)
        const { value } = decoded
        expect([value.version, value.base, value.floor].map((part) => part.toJSON())).toEqual(
          [version, base, floor].map((part) => part.toJSON()),
        )
        expect(decodeBundle(bytes)).toMatchObject({ ok: false, error: { kind: 'unknown-base' } })
      }),
    )
  })

  it('[CO21] take bytes for what differs', () => {
    const known = crowd(20_000)
    const version = known.with(authorOf(30_000), 1)
    const bundle = { version, base: known, floor: known, full: false, rows: [], lists: [] }
    expect(encodeBundle(bundle, known).length).toBeLessThan(60)
    expect(encodeBundle({ ...bundle, base: Version.empty, full: true }, known).length).toBeLessThan(60)
  })
})
