import { type ByteReader, type ByteWriter, maxSeq } from '@rejoin/state'
import { symbolLimit } from '../sketch/symbol-mapping.ts'
import { type JoinQuestion, joinLimits } from './join-codec.ts'

/** Writes what asks for a join, but for the version. */
export function writeJoinQuestion(writer: ByteWriter, request: JoinQuestion): void {
  writer.u32(request.salt.hi)
  writer.u32(request.salt.lo)
  writer.varUint(request.items)
  writer.varUint(request.keys)
  writer.varUint(request.sample.length)
  for (const lane of request.sample) writer.u32(lane)
}

/** The reading side of `writeJoinQuestion`. */
export function readJoinQuestion(reader: ByteReader): JoinQuestion {
  const hi = reader.u32()
  const salt = { hi, lo: reader.u32() }
  const items = reader.varUint()
  const keys = reader.varUint()
  if (items > maxSeq || keys > maxSeq) reader.fail('too-large', `a state of ${items} items at ${keys} addresses`)
  const sample = new Uint32Array(reader.count(joinLimits.sampleKeys, 4))
  for (let i = 0; i < sample.length; i++) sample[i] = reader.u32()
  return { salt, items, keys, sample }
}

/** Writes which symbols are asked for; none when what was asked for has come together. */
export function writeMore(writer: ByteWriter, from: number, count: number): void {
  writer.varUint(from)
  writer.varUint(count)
}

/** The reading side of `writeMore`. */
export function readMore(reader: ByteReader): { readonly from: number; readonly count: number } {
  const from = reader.varUint()
  const count = reader.varUint()
  if (from + count > symbolLimit) reader.fail('too-large', `symbols beyond ${symbolLimit}`)
  return { from, count }
}
