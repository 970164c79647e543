import { maxValueDepth, setOwn, type Value, valueKind } from './plain-value.ts'

/**
 * Spells a value as a string: equal values spell alike, different values differently. It is the identity of set
 * elements. Object keys are sorted, so their order in the value is no matter.
 */
export function canonicalKey(value: Value): string {
  switch (valueKind(value)) {
    case 'string':
      return `s${value as string}`
    case 'number':
      return Object.is(value, -0) ? 'd-0' : `d${value as number}`
    case 'boolean':
      return value ? 't' : 'f'
    case 'bigint':
      return `i${value as bigint}`
    case 'bytes':
      return `b${toHex(value as Uint8Array)}`
    case 'date':
      return `D${(value as Date).getTime()}`
    case 'array':
      return (value as readonly Value[]).reduce<string>((key, item) => key + framed(canonicalKey(item)), '[')
    case 'object':
      return objectKey(value as Readonly<Record<string, Value>>)
    default:
      return 'n'
  }
}

/** Reads a value back from its canonical key, deeply frozen; `undefined` where the text is no canonical key. */
export function valueFromKey(key: string): Value | undefined {
  const value = parse(key, 0)
  // One value has one spelling: '01', '1e0' or unsorted object keys are refused by comparing.
  return value !== undefined && canonicalKey(value) === key ? value : undefined
}

function objectKey(value: Readonly<Record<string, Value>>): string {
  let key = '{'
  for (const name of Object.keys(value).sort()) key += framed(name) + framed(canonicalKey(value[name] as Value))
  return key
}

function framed(text: string): string {
  return `${text.length}:${text}`
}

function parse(key: string, depth: number): Value | undefined {
  const body = key.slice(1)
  switch (key[0]) {
    case 'n':
      return null
    case 't':
      return true
    case 'f':
      return false
    case 's':
      return body
    case 'd':
      return Number(body)
    case 'i':
      return /^-?\d+$/.test(body) ? BigInt(body) : undefined
    case 'b':
      return fromHex(body)
    case 'D':
      return new Date(Number(body))
    case '[':
      return depth < maxValueDepth ? parseArray(key, depth) : undefined
    case '{':
      return depth < maxValueDepth ? parseObject(key, depth) : undefined
    default:
      return undefined
  }
}

function parseArray(key: string, depth: number): Value | undefined {
  const frames = unframe(key)
  if (frames === undefined) return undefined
  const items: Value[] = []
  for (const frame of frames) {
    const item = parse(frame, depth + 1)
    if (item === undefined) return undefined
    items.push(item)
  }
  return Object.freeze(items)
}

function parseObject(key: string, depth: number): Value | undefined {
  const frames = unframe(key)
  if (frames === undefined || frames.length % 2 === 1) return undefined
  const object: Record<string, Value> = {}
  for (let i = 0; i < frames.length; i += 2) {
    const value = parse(frames[i + 1] as string, depth + 1)
    if (value === undefined) return undefined
    setOwn(object, frames[i] as string, value)
  }
  return Object.freeze(object)
}

/** Splits the text after the first character into its length-framed pieces. */
function unframe(key: string): readonly string[] | undefined {
  const frames: string[] = []
  let at = 1
  while (at < key.length) {
    const colon = key.indexOf(':', at)
    const size = colon < 0 || colon - at > 10 ? Number.NaN : Number(key.slice(at, colon))
    const end = colon + 1 + size
    if (!(end >= colon + 1 && end <= key.length)) return undefined
    frames.push(key.slice(colon + 1, end))
    at = end
  }
  return frames
}

const HEX = '0123456789abcdef'

function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += (HEX[byte >> 4] as string) + (HEX[byte & 15] as string)
  return text
}

function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 === 1 || !/^[0-9a-f]*$/.test(text)) return undefined
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = HEX.indexOf(text[2 * i] as string) * 16 + HEX.indexOf(text[2 * i + 1] as string)
  }
  return bytes
}
