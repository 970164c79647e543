import { describe, expect, it } from 'vitest'
import { liveFragment, longestFragment, readFragment, runFragment } from './permalink.ts'

describe('permalink', () => {
  it('reads back what it writes', () => {
    expect(readFragment(runFragment('AQAF_-9'))).toEqual({ kind: 'run', text: 'AQAF_-9' })
    expect(readFragment(liveFragment('harbour'))).toEqual({ kind: 'live', room: 'harbour' })
    expect(readFragment(liveFragment('pier-7'))).toEqual({ kind: 'live', room: 'pier-7' })
    expect(readFragment('')).toEqual({ kind: 'calm' })
    expect(readFragment('#')).toEqual({ kind: 'calm' })
  })

  it.each([
    '#<img src=x onerror=alert(1)>',
    '#run=',
    '#run=%00%00',
    '#run=a b',
    '#live=../../etc/passwd',
    '#live=',
    '#live=UPPER',
    '#javascript:alert(1)',
    '#__proto__',
    `#run=${'A'.repeat(longestFragment)}`,
    '#run=\u202eabc',
  ])('refuses %s with a reason', (hash) => {
    const request = readFragment(hash)
    expect(request.kind).toBe('refused')
    if (request.kind === 'refused') expect(request.reason.length).toBeGreaterThan(10)
  })

  it('answers any text at all', () => {
    for (let seed = 1; seed < 2000; seed += 1) {
      const text = Array.from({ length: seed % 60 }, (_, at) =>
        String.fromCharCode((seed * 7919 + at * 104_729) % 0xffff),
      ).join('')
      expect(['calm', 'live', 'run', 'refused']).toContain(readFragment(`#${text}`).kind)
    }
  })
})
