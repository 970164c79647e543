import { type Value, valueKind } from './plain-value.ts'

/** The most that a reader of values takes for one. */
export const mostValueBytes: number = 16 * 1024 * 1024

const maxShort = 0x40
const maxSmall = 0x80
/** Whole numbers below this are shorter as varints than as floats, or as short. */
const maxInt = 2 ** 48

/** What a value takes as `writeValue` writes it, where a text takes what `textBytes` says, or more than it does where that does. */
export function valueBytes(value: Value, textBytes: (text: string) => number): number {
  const kind = valueKind(value)
  switch (kind) {
    case 'number':
      return numberBytes(value as number)
    case 'string': {
      const text = value as string
      const size = textBytes(text)
      return (size === text.length && size < maxShort ? 1 : 1 + uintBytes(size)) + size
    }
    case 'bytes':
      return 1 + framed((value as Uint8Array).length)
    case 'bigint': {
      const digits = (value as bigint).toString(16).replace('-', '')
      const size = value === 0n ? 0 : Math.ceil(digits.length / 2)
      return 1 + uintBytes(2 * size + 1) + size
    }
    case 'array': {
      const items = value as readonly Value[]
      return items.reduce<number>((bytes, item) => bytes + valueBytes(item, textBytes), headBytes(items.length))
    }
    case 'object': {
      const entries = value as Readonly<Record<string, Value>>
      const keys = Object.keys(entries)
      let bytes = headBytes(keys.length)
      for (const key of keys) bytes += framed(textBytes(key)) + valueBytes(entries[key] as Value, textBytes)
      return bytes
    }
    case 'date':
      return 9
    default:
      return 1
  }
}

function headBytes(count: number): number {
  return count < 16 ? 1 : 1 + uintBytes(count)
}

function numberBytes(value: number): number {
  if (Number.isInteger(value) && Math.abs(value) < maxInt && !Object.is(value, -0)) {
    return value >= 0 && value < maxSmall ? 1 : 1 + uintBytes(value >= 0 ? value * 2 : value * -2 - 1)
  }
  return Object.is(Math.fround(value), value) ? 5 : 9
}

function framed(size: number): number {
  return uintBytes(size) + size
}

/** Seven bits a byte. */
function uintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest /= 0x80) bytes++
  return bytes
}
