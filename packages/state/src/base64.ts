const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** Bytes as unpadded text of 64 letters. The language itself has no way to do so that all platforms share. */
export class Base64 {
  readonly #alphabet: string

  constructor(alphabet: string) {
    this.#alphabet = alphabet
  }

  /** The text of some bytes. */
  encode(bytes: Uint8Array): string {
    let text = ''
    for (let i = 0; i < bytes.length; i += 3) {
      const left = bytes.length - i
      const word = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
      text += this.#alphabet.charAt(word >> 18) + this.#alphabet.charAt((word >> 12) & 63)
      if (left > 1) text += this.#alphabet.charAt((word >> 6) & 63)
      if (left > 2) text += this.#alphabet.charAt(word & 63)
    }
    return text
  }

  /** The bytes that a text spells, or the offset of the first character that cannot stand there. */
  decode(text: string): Uint8Array | number {
    if (text.length % 4 === 1) return text.length - 1
    const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
    let word = 0
    let bits = 0
    let size = 0
    for (let i = 0; i < text.length; i += 1) {
      const digit = this.#alphabet.indexOf(text.charAt(i))
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
}

const plain = new Base64(`${letters}+/`)

/** Unpadded base64url: safe in the fragment of a URL. */
export const base64Url: Base64 = new Base64(`${letters}-_`)

/** Bytes as base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  const text = plain.encode(bytes)
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

/** Bytes from base64 with padding; undefined where the text is none, or not the one that `toBase64` gives. */
export function fromBase64(text: string): Uint8Array | undefined {
  const bytes = text.length % 4 === 0 ? plain.decode(text.replace(/={1,2}$/, '')) : 0
  return typeof bytes === 'number' ? undefined : bytes
}
