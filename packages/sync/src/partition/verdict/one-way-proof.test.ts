import { describe, expect, it } from 'vitest'
import { OneWayProof } from './one-way-proof.ts'
import type { Verdict } from './verdict-machine.ts'

const pair = { from: 'bob', to: 'alice' }
const verdict = (side: readonly string[], oneWay = [pair]): Verdict => ({ sides: [side], oneWay }) as unknown as Verdict

describe('the proof that a link works one way only', () => {
  it('[PL33] takes the word of one that is reached after ten seconds, in which the other end would have lost it too', () => {
    const proof = new OneWayProof(30_000)
    const seen = (now: number) => proof.proved(verdict(['bob', 'carol', 'alice']), now).oneWay
    expect([seen(0), seen(9_999)]).toEqual([[], []])
    expect(proof.wakeAt).toBe(10_000)
    expect(seen(10_000)).toEqual([pair])
  })

  it('[PL33] waits for the row of one that may be gone to be stale', () => {
    const proof = new OneWayProof(30_000)
    const seen = (now: number) => proof.proved(verdict(['bob', 'carol']), now).oneWay
    expect([seen(0), seen(29_999)]).toEqual([[], []])
    expect(seen(30_000)).toEqual([pair])
  })

  it('[PL33] begins anew with a link that was well in between', () => {
    const proof = new OneWayProof(30_000)
    const seen = (now: number, oneWay = [pair]) => proof.proved(verdict(['alice', 'bob'], oneWay), now).oneWay
    expect([seen(0), seen(8000, []), seen(12_000), seen(21_000)]).toEqual([[], [], [], []])
    expect(seen(22_000)).toEqual([pair])
  })
})
