const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Bytes as unpadded base64url text: safe in the fragment of a URL. */
export function toBase64Url(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const word = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += alphabet.charAt(word >> 18) + alphabet.charAt((word >> 12) & 63)
    if (left > 1) text += alphabet.charAt((word >> 6) & 63)
    if (left > 2) text += alphabet.charAt(word & 63)
  }
  return text
}

/** The bytes that base64url text spells, or the offset of the first character that cannot stand there. */
export function fromBase64Url(text: string): Uint8Array | number {
  if (text.length % 4 === 1) return text.length - 1
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let word = 0
  let bits = 0
  let size = 0
  for (let i = 0; i < text.length; i += 1) {
    const digit = alphabet.indexOf(text.charAt(i))
    if (digit < 0) return i
    word = ((word << 6) | digit) & 0xffffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[size] = (word >> bits) & 255
      size += 1
    }
  }
  // One text per byte string: bits that belong to no byte must be zero.
  return (word & ((1 << bits) - 1)) === 0 ? bytes : text.length - 1
}
