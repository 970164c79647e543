import { describe, expect, it } from 'vitest'
import {
  conflictTitle,
  decisionText,
  didText,
  eventText,
  reachHeadline,
  reachSentence,
  stormSpanText,
} from './captions.ts'
import type { ConflictCard, WriteRecord } from './events.ts'
import { bytesText, clockText, type IslandFrame, listText, type PeerView, secondsText } from './frame.ts'

const record = (key: string, at: number): WriteRecord => ({
  key,
  author: key,
  seat: 0,
  name: 'Lantern',
  at,
  op: undefined,
  seen: [],
})

const flag: ConflictCard = {
  id: 'flag',
  leaf: 'flag',
  item: '',
  rule: 'newer',
  kept: { value: 'whale', record: record('c:3', 24_310), clockMs: 24_310 },
  other: { value: 'star', record: record('a:5', 22_870), clockMs: 22_870 },
  bothKept: false,
  before: 'anchor',
  canReapply: true,
}

const island = (peers: PeerView[]): IslandFrame => ({
  seat: 2,
  digest: '5d02c6e700000000',
  version: [],
  flag: 'whale',
  flagBy: undefined,
  chest: [],
  tally: 0,
  peers,
  apart: undefined,
  regatta: 0,
  stand: undefined,
  present: true,
})

describe('captions from events', () => {
  it('lets islands act', () => {
    expect(eventText({ kind: 'write', at: 0, seat: 0, op: { leaf: 'flag', value: 'star' }, key: 'a:1' })).toBe(
      'Lantern raises the star',
    )
    expect(
      eventText({ kind: 'write', at: 0, seat: 4, op: { leaf: 'chest', item: 'pearl', way: 'remove' }, key: 'a:1' }),
    ).toBe('Quern takes out the pearl')
    expect(eventText({ kind: 'lift', at: 46_000, id: 1, since: 18_000 })).toBe('The storm lifts after 28 s')
    expect(eventText({ kind: 'converged', at: 0, rounds: 3, messages: 14, bytes: 2_100, digest: '', tookMs: 0 })).toBe(
      'All islands agree: 3 rounds, 14 messages, 2.1 kB',
    )
  })

  it('sums what a side did', () => {
    expect(
      didText([
        { leaf: 'flag', value: 'whale' },
        { leaf: 'chest', item: 'pearl', way: 'add' },
        { leaf: 'chest', item: 'coral', way: 'add' },
        { leaf: 'tally', by: 3 },
        { leaf: 'tally', by: 1 },
      ]),
    ).toEqual(['raised the whale', 'put in pearl and coral', 'tally +4'])
  })

  it('says who is silent and since when, and gives no verdict', () => {
    const cut = island([
      { seat: 1, state: 'connected', heardAt: 43_800 },
      { seat: 0, state: 'silent', since: 18_000 },
      { seat: 4, state: 'silent', since: 19_000 },
    ])
    expect(reachHeadline(cut)).toBe('In touch with Needle')
    expect(reachSentence(cut, 44_000, false)).toBe('Lantern and Quern silent for 26 s. Cinder keeps writing.')
    expect(reachHeadline(island([]))).toBe('Alone on the sea')
  })

  it('says why a write won', () => {
    expect(conflictTitle(flag)).toEqual({ lead: 'Flag: ', kept: 'Whale', mid: 'over', other: 'Star' })
    expect(decisionText(flag)).toBe('So the later clock decides: Whale, by 1.44 s.')
    const pearl: ConflictCard = {
      ...flag,
      leaf: 'chest',
      item: 'pearl',
      rule: 'add-wins',
      other: { ...flag.other, value: undefined },
    }
    expect(conflictTitle(pearl).kept).toBe('stays')
    expect(decisionText(pearl)).toContain('had not seen the new pearl')
  })

  it('writes times, counts and lists', () => {
    expect(clockText(44_049, 1)).toBe('0:44.0')
    expect(clockText(24_310, 2)).toBe('0:24.31')
    expect(clockText(61_000)).toBe('1:01')
    expect(bytesText(412)).toBe('412 B')
    expect(secondsText(64_000)).toBe('1 min 4 s')
    expect(listText(['Quern', 'Lantern', 'Halo'])).toBe('Quern, Lantern and Halo')
    expect(stormSpanText(18_000, 46_000)).toBe('Storm of 28 s, 0:18 to 0:46')
  })
})
