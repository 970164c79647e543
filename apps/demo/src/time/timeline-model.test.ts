import { describe, expect, it } from 'vitest'
import type { ChartEvent } from '../events.ts'
import { marksOf, SpanRecorder, scaleEnd, tickTimes } from './timeline-model.ts'

const storm: ChartEvent = {
  kind: 'storm',
  at: 18_000,
  id: 1,
  mode: 'halves',
  lanes: 6,
  sides: [
    [0, 3, 4],
    [1, 2],
  ],
}
const lift: ChartEvent = { kind: 'lift', at: 46_000, id: 1, since: 18_000 }
const write: ChartEvent = { kind: 'write', at: 22_870, seat: 0, op: { leaf: 'flag', value: 'star' }, key: 'a:5' }
const healed: ChartEvent = { kind: 'healed', at: 47_000, seat: 3, conflicts: 1, report: 1, keys: ['a:5'] }

describe('timeline', () => {
  it('joins equal colours into one span and starts a new one where the ink changes', () => {
    const recorder = new SpanRecorder()
    const all = (ink: 'fern' | 'jade') => Array.from({ length: 5 }, () => ({ ink, tone: 'full' as const }))
    recorder.add(0, all('fern'))
    recorder.add(500, all('fern'))
    recorder.add(900, all('jade'))
    expect(recorder.spans(1_200)[2]).toEqual([
      { from: 0, to: 900, ink: 'fern', tone: 'full' },
      { from: 900, to: 1_200, ink: 'jade', tone: 'full' },
    ])
  })

  it('shows a storm as a band, open until it lifts, with the cut between its sides', () => {
    expect(marksOf([storm], 20_000).storms).toEqual([{ from: 18_000, to: undefined, label: 'Storm, halves', split: 3 }])
    expect(marksOf([storm, lift], 50_000).storms[0]?.to).toBe(46_000)
  })

  it('draws no jagged line where the sides are not neighbours on the timeline', () => {
    const odd: ChartEvent = {
      ...storm,
      sides: [
        [4, 3],
        [0, 1, 2],
      ],
    }
    expect(marksOf([odd], 20_000).storms[0]?.split).toBeUndefined()
  })

  it('marks a write as a conflict only once a report has named it', () => {
    expect(marksOf([storm, write, lift, healed], 30_000).marks[0]?.conflict).toBe(false)
    expect(marksOf([storm, write, lift, healed], 47_000).marks[0]?.conflict).toBe(true)
  })

  it('marks the start of a regatta and a refusal, and no other step of a regatta', () => {
    const refused: ChartEvent = { kind: 'refused', at: 30_000, seat: 2, what: 'start the regatta', reason: 'Too few.' }
    const started: ChartEvent = { kind: 'regatta', at: 40_000, seat: 4, step: 'started', number: 1, token: 3 }
    const asked: ChartEvent = { kind: 'regatta', at: 20_000, seat: 4, step: 'asked' }
    expect(marksOf([asked, refused, started], 50_000).marks).toEqual([
      {
        at: 30_000,
        seat: 2,
        conflict: false,
        kind: 'refused',
        text: '0:30.0 Refused at Cinder: start the regatta. Too few.',
      },
      { at: 40_000, seat: 4, conflict: false, kind: 'regatta', text: '0:40.0 Quern starts regatta 1, token 3' },
    ])
  })

  it('keeps about seven ticks however long the voyage', () => {
    for (const edge of [0, 59_000, 61_000, 400_000, 3_000_000]) {
      const end = scaleEnd(edge)
      expect(end).toBeGreaterThan(edge)
      expect(tickTimes(end).length).toBeLessThanOrEqual(9)
    }
  })
})
