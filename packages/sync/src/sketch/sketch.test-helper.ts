import type { Hash64 } from '@rejoin/state'
import { SketchDecoder, type SketchState } from './sketch-decoder.ts'
import { SketchEncoder } from './sketch-encoder.ts'

/** A seeded source of 32-bit words. */
export function wordsFrom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
}

export interface Pair {
  readonly here: SketchEncoder
  readonly there: SketchEncoder
  readonly salt: Hash64
  /** What a decoder beside `here` must find. */
  readonly truth: { readonly onlyHere: readonly number[]; readonly onlyThere: readonly string[] }
}

/** Two sets of random items: so many in both, so many only here and only there. */
export function pairOf(seed: number, common: number, onlyHere: number, onlyThere: number): Pair {
  const word = wordsFrom(seed)
  const salt = { hi: word(), lo: word() }
  const here = new SketchEncoder(salt)
  const there = new SketchEncoder(salt)
  for (let i = 0; i < common; i++) {
    const [hi, lo] = [word(), word()]
    here.add(hi, lo)
    there.add(hi, lo)
  }
  const positions: number[] = []
  for (let i = 0; i < onlyHere; i++) positions.push(here.add(word(), word()))
  const items: string[] = []
  for (let i = 0; i < onlyThere; i++) {
    const [hi, lo] = [word(), word()]
    there.add(hi, lo)
    items.push(`${hi}:${lo}`)
  }
  return { here, there, salt, truth: { onlyHere: positions, onlyThere: items.sort() } }
}

/** Feeds symbols until the decoder is decided. */
export function decide(decoder: SketchDecoder, there: SketchEncoder, step: (received: number) => number): SketchState {
  while (decoder.state.status === 'reading') {
    decoder.receive(there.symbols(decoder.received, decoder.received + step(decoder.received)))
  }
  return decoder.state
}

/** The answer of a decoder in the form of `Pair.truth`, or its state where it is not done. */
export function answerOf(state: SketchState): SketchState | Pair['truth'] {
  if (state.status !== 'done') return state
  const items: string[] = []
  for (let at = 0; at < state.onlyThere.length; at += 2) items.push(`${state.onlyThere[at]}:${state.onlyThere[at + 1]}`)
  return { onlyHere: [...state.onlyHere], onlyThere: items.sort() }
}

/** How many symbols it takes when asked for one by one. */
export function symbolsNeeded(pair: Pair, step = 1): number {
  const decoder = new SketchDecoder(pair.here, { maxSymbols: 1 << 18 })
  decide(decoder, pair.there, () => step)
  return decoder.state.status === 'done' ? decoder.received : Number.POSITIVE_INFINITY
}
