// Plays worlds of voters in a page. The test calls `playSeed` and compares with what it played itself.
import { generateVoterScript, playVoters } from '@rejoin/sim'

/** What a page offers to the test. */
export type WorldsHooks = {
  playSeed(seed: number): { readonly fingerprint: string; readonly events: number; readonly wrong: readonly string[] }
}

const hooks: WorldsHooks = {
  playSeed: (seed) => {
    const { fingerprint, events, wrong } = playVoters(generateVoterScript(seed, { voters: 3, outageMs: 1_000 }))
    return { fingerprint, events, wrong }
  },
}
Object.assign(globalThis, { hooks })
