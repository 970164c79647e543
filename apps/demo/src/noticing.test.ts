import { describe, expect, it } from 'vitest'
import type { StormMode } from './frame.ts'
import { campText, noticeOfSea, noticeOnPage, noticeOnWater, sideCount, stageOf } from './noticing.ts'
import { shipyard } from './world/sim-world.ts'
import { Voyage } from './world/voyage.ts'

/** A calm sea, a storm that nobody writes in, and what the page says so many seconds later. */
function inStorm(mode: Exclude<StormMode, 'brush'>, seconds: number, seat: 0 | 1 = 1) {
  const voyage = new Voyage(shipyard, shipyard.calm(433), () => undefined)
  voyage.sailTo(3_500)
  voyage.storm(mode, seat)
  voyage.sailTo(3_500 + seconds * 1_000)
  const frame = voyage.frame.value
  const now = voyage.now()
  const sea = noticeOfSea(frame, now)
  const cinder = frame.islands[2]
  if (cinder === undefined) throw new Error('no Cinder')
  return {
    voyage,
    frame,
    stage: stageOf(frame),
    sea: sea === undefined ? undefined : sea.lead + sea.ticking + sea.rest,
    page: noticeOnPage(frame, cinder, now),
    water: noticeOnWater(frame, cinder),
  }
}

describe('what a storm cuts, and what the islands have noticed of it', () => {
  it('says that lanes are cut before anybody has noticed', () => {
    const { frame, stage, sea, page, water } = inStorm('halves', 8)
    expect(frame.seal.converged).toBe(true)
    expect(sideCount(frame)).toBe(2)
    expect(stage).toBe('unnoticed')
    expect(sea).toBe('cut for 8 s, not noticed yet')
    expect(water).toBe('not noticed yet')
    expect(page).toEqual({
      headline: 'Cut, not noticed yet',
      sentence:
        'The storm cuts Cinder from Lantern, Halo and Quern, for 8 s now. Cinder still takes all 5 to be in reach.',
    })
    expect(campText(frame, [0, 3, 4])).toBe('3 of 5 islands')
  })

  it('says who is suspected, and how long is left', () => {
    let first = inStorm('halves', 9)
    for (let seconds = 9; first.stage === 'unnoticed' && seconds < 15; seconds += 0.1)
      first = inStorm('halves', seconds)
    expect(first.stage).toBe('doubting')
    expect(first.sea).toMatch(/^\w+ is suspected, \d+ s left$/)
    const later = inStorm('halves', 14)
    expect(later.sea).toMatch(/^5 islands in doubt, \d+ s left$/)
    expect(later.water).toBe('doubts 3')
    expect(later.page?.headline).toBe('In doubt')
    expect(later.page?.sentence).toMatch(/Cinder suspects (?:\w+, )*\w+ and \w+: \d+ s left to answer\.$/)
  })

  it('leaves the word to the islands once they have a verdict', () => {
    const { frame, stage, sea, page, water } = inStorm('halves', 20)
    expect([stage, page, water]).toEqual(['told', undefined, undefined])
    expect(sea).toBe('3 and 2 of 5, cut for 20 s')
    expect(campText(frame, [0, 3, 4])).toBe('majority, 3 of 5')
    expect(campText(frame, [1, 2])).toBe('minority, 2 of 5')
  })

  it('tells one way from both, and no sides where others still join them', () => {
    expect(inStorm('one-way', 5).page?.sentence).toContain('sinks what Cinder sends to Lantern, Halo and Quern')
    const bridge = inStorm('bridge', 30, 0)
    expect(sideCount(bridge.frame)).toBe(1)
    expect(bridge.sea).toBe('some lanes cut for 30 s')
  })

  it('has nothing to say on a calm sea', () => {
    const { voyage } = inStorm('halves', 20)
    voyage.lift()
    expect(stageOf(voyage.frame.value)).toBe('calm')
    expect(noticeOfSea(voyage.frame.value, voyage.now())).toBeUndefined()
    expect(sideCount(voyage.frame.value)).toBe(1)
  })
})
