import { readFileSync } from 'node:fs'
import { lanesBetween, readReplayFile, type VoterScript } from '@rejoin/sim'

/** Scripts that once showed a fault: played before anything else. */
export const corpus = new URL('corpus/', import.meta.url)

/** One of them. */
export function replayFile(name: string): VoterScript {
  const script = readReplayFile(readFileSync(new URL(name, corpus), 'utf8'))
  if (typeof script === 'string') throw new Error(`${name}: ${script}`)
  return script
}

/** One voter is given more weight than all others have, and is cut off within a moment. */
export function majorityCutOff(seed: number, voters: number, node: number, afterMs: number): VoterScript {
  const others = Array.from({ length: voters }, (_, other) => other).filter((other) => other !== node)
  const atMs = 20_000
  const weights = Array.from({ length: voters }, (_, voter) => (voter === node ? voters : 1))
  const lanes = lanesBetween([[node], others])
  return {
    seed,
    script: 'one-node',
    voters,
    clients: 0,
    policy: { kind: 'keep-majority' },
    preset: 'lan',
    ttlMs: 15_000,
    weather: { latencyMs: [0.2, 5], loss: 0, duplicate: 0, reorder: 0 },
    isReliable: true,
    dialsBoth: false,
    faults: [
      { kind: 'roster', atMs, forMs: 0, node, weights },
      { kind: 'cut', atMs: atMs + afterMs, forMs: 31_000, lanes },
    ],
  }
}
