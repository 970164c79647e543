import type { ByteReader, ByteWriter } from './bytes.ts'
import type { Dot } from './ids.ts'
import { type AuthorReader, type AuthorWriter, readSeq } from './key-table.ts'
import type { Place } from './sequence.ts'

const LEFT = 1
const HAS_PARENT = 2
const HAS_ORIGIN = 4

/** Writes where a run of list elements begins. */
export function writePlace(writer: ByteWriter, place: Place, authors: AuthorWriter): void {
  const { parent, side, rightOrigin } = place
  writer.u8((side === 'left' ? LEFT : 0) | (parent ? HAS_PARENT : 0) | (rightOrigin ? HAS_ORIGIN : 0))
  if (parent !== undefined) authors.writeDot(writer, parent)
  if (rightOrigin !== undefined) authors.writeDot(writer, rightOrigin)
}

/** The reading side of `writePlace`. */
export function readPlace(reader: ByteReader, authors: AuthorReader): Place {
  const flags = reader.u8()
  if (flags > 7) reader.fail('malformed', 'unknown flags of a place')
  const parent = flags & HAS_PARENT ? authors.readDot(reader) : undefined
  const rightOrigin = flags & HAS_ORIGIN ? authors.readDot(reader) : undefined
  const side = flags & LEFT ? 'left' : 'right'
  if (side === 'left' && (parent === undefined || rightOrigin !== undefined))
    reader.fail('malformed', 'a left place of another form')
  return { parent, side, rightOrigin }
}

/** Longest run of targets in one piece: bounds what few bytes can make a reader allocate. */
const maxTargetRun = 64

/** Writes the elements that a deletion names, neighbouring seqs joined. */
export function writeTargets(writer: ByteWriter, targets: readonly Dot[], authors: AuthorWriter): void {
  const runs: { first: Dot; count: number }[] = []
  for (const target of targets) {
    const run = runs.at(-1)
    const next = run !== undefined && run.first.author === target.author && run.first.seq + run.count === target.seq
    if (next && run.count < maxTargetRun) run.count++
    else runs.push({ first: target, count: 1 })
  }
  writer.varUint(runs.length)
  for (const { first, count } of runs) {
    authors.writeDot(writer, first)
    writer.varUint(count)
  }
}

/** The reading side of `writeTargets`. */
export function readTargets(reader: ByteReader, authors: AuthorReader): Dot[] {
  const runs = reader.count(Number.MAX_SAFE_INTEGER, 3)
  const targets: Dot[] = []
  for (let i = 0; i < runs; i++) {
    const author = authors.read(reader)
    const seq = readSeq(reader)
    const count = reader.varUint()
    if (count < 1 || count > maxTargetRun) reader.fail('malformed', 'a run of targets of another length')
    for (let k = 0; k < count; k++) targets.push({ author, seq: seq + k })
  }
  return targets
}
