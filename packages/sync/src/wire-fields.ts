/** What frames are made of: each field knows how it is written and how it is read, so that the two cannot drift apart. */
import {
  type AuthorId,
  attempt,
  authorIdFromBytes,
  ByteReader,
  ByteWriter,
  type DecodeError,
  type Hash64,
  type Result,
} from '@rejoin/state'
import { frameLimits } from './frame-limits.ts'

/** How one value travels. `read` refuses by `reader.fail` whatever `write` would not have written. */
export interface Field<T> {
  write(writer: ByteWriter, value: T): void
  read(reader: ByteReader): T
}

/** The fields of an object, in the order in which they travel. */
export type Fields<T> = { readonly [K in keyof T]-?: Field<T[K]> }

/** An object, field by field. What is read as undefined is absent. */
export function record<T extends object>(fields: Fields<T>): Field<T> {
  const entries = Object.entries(fields) as [keyof T, Field<unknown>][]
  return {
    write: (writer, value) => {
      for (const [name, field] of entries) field.write(writer, value[name])
    },
    read: (reader) => {
      const value: { [K in keyof T]?: unknown } = {}
      for (const [name, field] of entries) {
        const read = field.read(reader)
        if (read !== undefined) value[name] = read
      }
      return value as T
    },
  }
}

/** At most `most` values of at least `leastBytes` bytes each. */
export function list<T>(item: Field<T>, most: number, leastBytes = 1): Field<readonly T[]> {
  return {
    write: (writer, values) => {
      writer.varUint(values.length)
      for (const value of values) item.write(writer, value)
    },
    read: (reader) => {
      const values: T[] = []
      for (let left = reader.count(most, leastBytes); left > 0; left--) values.push(item.read(reader))
      return values
    },
  }
}

/** A value that may be absent. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return {
    write: (writer, value) => {
      flag.write(writer, value !== undefined)
      if (value !== undefined) field.write(writer, value)
    },
    read: (reader) => (flag.read(reader) ? field.read(reader) : undefined),
  }
}

/** What `field` reads, unless `check` refuses it. */
export function checked<T>(field: Field<T>, check: (reader: ByteReader, value: T) => void): Field<T> {
  return {
    write: field.write,
    read: (reader) => {
      const value = field.read(reader)
      check(reader, value)
      return value
    },
  }
}

/** One of `values`, by its number. */
export function choice<T>(values: readonly T[]): Field<T> {
  return {
    write: (writer, value) => writer.u8(values.indexOf(value)),
    read: (reader) => {
      const value = values[reader.u8()]
      return value === undefined ? reader.fail('malformed', 'an unknown choice') : value
    },
  }
}

/** Text of at most `mostBytes` bytes. */
export function text(mostBytes: number): Field<string> {
  return { write: (writer, value) => writer.string(value), read: (reader) => reader.string(mostBytes) }
}

export const flag: Field<boolean> = {
  write: (writer, value) => writer.u8(value ? 1 : 0),
  read: (reader) => {
    const value = reader.u8()
    if (value > 1) reader.fail('malformed', `a flag of ${value}`)
    return value === 1
  },
}

export const uint: Field<number> = {
  write: (writer, value) => writer.varUint(value),
  read: (reader) => reader.varUint(),
}

/** The rest of the frame. */
export const rest: Field<Uint8Array> = {
  write: (writer, value) => writer.raw(value),
  read: (reader) => reader.raw(reader.remaining),
}

/** 16 hex digits as 8 bytes. */
export const hex: Field<string> = {
  write: (writer, value) => {
    for (let i = 0; i < 16; i += 2) writer.u8(Number.parseInt(value.slice(i, i + 2), 16))
  },
  read: (reader) => authorIdFromBytes(reader.raw(8)),
}

/** An author id, which is spelled as all ids are. */
export const author: Field<AuthorId> = { ...hex, read: (reader) => authorIdFromBytes(reader.raw(8)) }

export const byte: Field<number> = { write: (writer, value) => writer.u8(value), read: (reader) => reader.u8() }

export const word: Field<number> = { write: (writer, value) => writer.u32(value), read: (reader) => reader.u32() }

export const hash: Field<Hash64> = record<Hash64>({ hi: word, lo: word })

/** Lanes of 32 bits. */
export function lanes(most: number): Field<Uint32Array> {
  return {
    write: (writer, values) => {
      writer.varUint(values.length)
      for (const value of values) writer.u32(value)
    },
    read: (reader) => Uint32Array.from({ length: reader.count(most, 4) }, () => reader.u32()),
  }
}

/** The receiver's number for a document on this connection. */
export const handle: Field<number> = checked(uint, (reader, number) => {
  if (number === 0 || number > frameLimits.handle) reader.fail('malformed', `handle ${number}`)
})

/** The bytes of a value. */
export function encoded<T>(field: Field<T>, value: T): Uint8Array {
  const writer = new ByteWriter(64)
  field.write(writer, value)
  return writer.finish()
}

/** The value that bytes spell, or why they spell none. Never throws, whatever the bytes. */
export function decoded<T>(field: Field<T>, bytes: Uint8Array): Result<T, DecodeError> {
  return attempt(() => {
    const reader = new ByteReader(bytes)
    const value = field.read(reader)
    reader.end()
    return value
  })
}
