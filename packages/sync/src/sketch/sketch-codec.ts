import { attempt, ByteReader, ByteWriter, type DecodeError, type Result } from '@rejoin/state'
import { CodedSymbols, type SymbolRange } from './coded-symbols.ts'
import { symbolLimit } from './symbol-mapping.ts'

/** Format of encoded symbols; readers refuse others with `unsupported-version`. */
export const sketchFormat = 1

/** Bounds of what a decoder of symbols accepts. */
export const sketchLimits: { readonly rangeSymbols: number; readonly setItems: number } = {
  /** Greatest number of symbols in one range: about 0.3 MiB. */
  rangeSymbols: 16_384,
  /** Greatest set that somebody may say to have. */
  setItems: 2 ** 30,
}

/**
 * Self-contained bytes of a range of symbols: 16 bytes for the xors of each, and its count as what it is above or below the
 * expected one, size of the set * 2 / (index + 2), which is known to both sides (section 6 of the paper). The
 * deviation is about the square root of that: 1 byte for sets to a few thousand, 1.3 for a million.
 */
export function encodeSymbols(range: SymbolRange): Uint8Array {
  const { from, setSize, symbols } = range
  const writer = new ByteWriter(16 + symbols.length * 18)
  writer.u8(sketchFormat)
  writer.varUint(from)
  writer.varUint(setSize)
  writer.varUint(symbols.length)
  for (let i = 0; i < symbols.length; i++) {
    writer.varInt(symbols.countAt(i) - expectedCount(setSize, from + i))
    for (let lane = 0; lane < 4; lane++) writer.u32(symbols.lane(i, lane))
  }
  return writer.finish()
}

/**
 * Reads a range of symbols. Refuses counts that no set of the announced size has, and symbols of no items that are not
 * empty.
 */
export function decodeSymbols(bytes: Uint8Array): Result<SymbolRange, DecodeError> {
  return attempt(() => {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== sketchFormat) reader.fail('unsupported-version', 'symbols of an unknown format')
    const from = reader.varUint()
    const setSize = reader.varUint()
    if (setSize > sketchLimits.setItems) reader.fail('too-large', `a set of ${setSize} items`)
    const length = reader.count(sketchLimits.rangeSymbols, BYTES_PER_SYMBOL)
    if (from + length > symbolLimit) reader.fail('too-large', `symbols beyond ${symbolLimit}`)
    const symbols = new CodedSymbols(length)
    for (let i = 0; i < length; i++) readSymbol(reader, symbols, i, from + i, setSize)
    reader.end()
    return { from, setSize, symbols }
  })
}

function readSymbol(reader: ByteReader, symbols: CodedSymbols, i: number, index: number, setSize: number): void {
  const count = reader.varInt() + expectedCount(setSize, index)
  if (count < 0 || count > setSize) reader.fail('malformed', `${count} of ${setSize} items in symbol ${index}`)
  if (index === 0 && count !== setSize) reader.fail('malformed', `symbol 0 lacks ${setSize - count} items`)
  const [hi, lo, checkHi, checkLo] = [reader.u32(), reader.u32(), reader.u32(), reader.u32()]
  if (count === 0 && (hi | lo | checkHi | checkLo) !== 0) reader.fail('malformed', `symbol ${index} of no items`)
  symbols.add(i, hi, lo, checkHi, checkLo, count)
}

/** One for the count, 16 for the lanes. */
const BYTES_PER_SYMBOL = 17

/** How many of `setSize` items a symbol has on average; rounding down a quotient is the same in all engines. */
function expectedCount(setSize: number, index: number): number {
  return Math.floor((2 * setSize) / (index + 2))
}
