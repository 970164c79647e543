/**
 * Strings as bytes: UTF-8, with lone surrogates as three bytes each (WTF-8), because a JavaScript string may hold them
 * and must come back as it was. Each string has exactly one form: a pair of surrogates is always four bytes.
 */

/** How many bytes a string takes. */
export function encodedLength(text: string): number {
  const units = text.length
  let size = units
  for (let i = 0; i < units; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) {
      size += 1
    } else {
      size += 2
      if (isPairAt(text, i, unit)) i++ // Two units become four bytes: two counted as units, two added here.
    }
  }
  return size
}

/** Writes a string at `position` of a buffer that is large enough; returns the position after it. */
export function encodeText(text: string, buffer: Uint8Array, position: number): number {
  const units = text.length
  let at = position
  for (let i = 0; i < units; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      buffer[at++] = unit
    } else if (unit < 0x800) {
      buffer[at++] = 0xc0 | (unit >> 6)
      buffer[at++] = 0x80 | (unit & 0x3f)
    } else if (isPairAt(text, i, unit)) {
      const point = 0x10000 + ((unit - 0xd800) << 10) + (text.charCodeAt(++i) - 0xdc00)
      buffer[at++] = 0xf0 | (point >> 18)
      buffer[at++] = 0x80 | ((point >> 12) & 0x3f)
      buffer[at++] = 0x80 | ((point >> 6) & 0x3f)
      buffer[at++] = 0x80 | (point & 0x3f)
    } else {
      buffer[at++] = 0xe0 | (unit >> 12)
      buffer[at++] = 0x80 | ((unit >> 6) & 0x3f)
      buffer[at++] = 0x80 | (unit & 0x3f)
    }
  }
  return at
}

/** Reads the string in `start .. end`, which must lie inside the input. Answers with the offset of a broken byte if there is one. */
export function decodeText(input: Uint8Array, start: number, end: number): string | number {
  const ascii = asciiEnd(input, start, end)
  const head = asciiText(input, start, ascii)
  return ascii === end ? head : decodeWide(input, ascii, end, head)
}

const SHORT = 24
const PIECE = 4096

function asciiEnd(input: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && (input[at] as number) < 0x80) at++
  return at
}

function asciiText(input: Uint8Array, start: number, end: number): string {
  let text = ''
  if (end - start <= SHORT) {
    // Four at a time costs half of one by one.
    let at = start
    for (; at + 4 <= end; at += 4) {
      text += String.fromCharCode(
        input[at] as number,
        input[at + 1] as number,
        input[at + 2] as number,
        input[at + 3] as number,
      )
    }
    for (; at < end; at++) text += String.fromCharCode(input[at] as number)
    return text
  }
  for (let at = start; at < end; at += PIECE) text += textOf(input.subarray(at, Math.min(end, at + PIECE)))
  return text
}

function decodeWide(input: Uint8Array, start: number, end: number, head: string): string | number {
  const units = new Uint16Array(Math.min(PIECE, end - start) + 2)
  let text = head
  let filled = 0
  let at = start
  let previousHigh = false // The unit before was a lone high surrogate in three bytes.
  while (at < end) {
    const point = pointAt(input, at, end)
    if (point < 0) return at
    if (previousHigh && point >= 0xdc00 && point <= 0xdfff) return at // The pair has a shorter form.
    previousHigh = point >= 0xd800 && point <= 0xdbff
    at += sizeOf(point)
    if (point >= 0x10000) {
      units[filled++] = 0xd800 + ((point - 0x10000) >> 10)
      units[filled++] = 0xdc00 + ((point - 0x10000) & 0x3ff)
    } else {
      units[filled++] = point
    }
    if (filled >= units.length - 2) {
      text += textOf(units.subarray(0, filled))
      filled = 0
    }
  }
  return text + textOf(units.subarray(0, filled))
}

/** The code point at a place, or -1 where the bytes are no shortest form of one. */
function pointAt(input: Uint8Array, at: number, end: number): number {
  const first = input[at] as number
  if (first < 0x80) return first
  if (first < 0xc2) return -1
  if (first < 0xe0) return at + 2 > end ? -1 : withTail(first & 0x1f, input, at, 1)
  if (first < 0xf0) {
    const point = at + 3 > end ? -1 : withTail(first & 0x0f, input, at, 2)
    return point < 0x800 ? -1 : point
  }
  if (first > 0xf4) return -1
  const point = at + 4 > end ? -1 : withTail(first & 0x07, input, at, 3)
  return point < 0x10000 || point > 0x10ffff ? -1 : point
}

function withTail(lead: number, input: Uint8Array, at: number, tail: number): number {
  let point = lead
  for (let i = 1; i <= tail; i++) {
    const byte = input[at + i] as number
    if ((byte & 0xc0) !== 0x80) return -1
    point = (point << 6) | (byte & 0x3f)
  }
  return point
}

function sizeOf(point: number): number {
  if (point < 0x80) return 1
  if (point < 0x800) return 2
  return point < 0x10000 ? 3 : 4
}

function isPairAt(text: string, index: number, unit: number): boolean {
  if (unit < 0xd800 || unit > 0xdbff) return false
  const next = text.charCodeAt(index + 1)
  return next >= 0xdc00 && next <= 0xdfff
}

function textOf(units: Uint8Array | Uint16Array): string {
  return String.fromCharCode.apply(null, units as unknown as number[])
}
