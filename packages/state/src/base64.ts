const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const codeOf = new Map([...alphabet].map((letter, code) => [letter, code]))

/** Bytes as base64 with padding. The language itself has no way to do so that all platforms share. */
export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(i, i + 3)
    const bits = (a << 16) | (b << 8) | c
    for (const shift of [18, 12, 6, 0]) text += alphabet[(bits >> shift) & 63]
  }
  const spare = (3 - (bytes.length % 3)) % 3
  return spare === 0 ? text : text.slice(0, -spare) + '='.repeat(spare)
}

/** Bytes from base64 with padding; undefined where the text is none, or not the one that `toBase64` gives. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined
  const letters = text.replace(/={1,2}$/, '')
  const bytes = new Uint8Array(Math.floor((letters.length * 3) / 4))
  let bits = 0
  for (let i = 0; i < letters.length; i++) {
    const code = codeOf.get(letters[i] as string)
    if (code === undefined) return undefined
    bits = ((bits << 6) | code) & 0xffffff
    if (i % 4 > 0) bytes[Math.floor((i * 3) / 4)] = (bits >> (6 - 2 * (i % 4))) & 255
  }
  const unused = (letters.length * 6) % 8
  return (bits & ((1 << unused) - 1)) === 0 ? bytes : undefined
}
