import { describe, expect, it } from 'vitest'
import { type DetectorSettings, detectorPresets, detectorSettingsFault } from './presets.ts'

describe('presets', () => {
  it('[PG6] are sound, and settings that are not are refused with what is wrong with them', () => {
    for (const settings of Object.values(detectorPresets)) expect(detectorSettingsFault(settings)).toBeUndefined()
    for (const name of Object.keys(detectorPresets.lan) as (keyof DetectorSettings)[])
      for (const value of [Number.NaN, -1, 1e12, Number.POSITIVE_INFINITY])
        expect(detectorSettingsFault({ ...detectorPresets.lan, [name]: value })).toContain(name)
    const faults: [Partial<DetectorSettings>, RegExp][] = [
      [{ helpers: 1.5 }, /helpers/],
      [{ probeTimeoutMs: 1000 }, /below/],
      [{ hiddenProbeIntervalMs: 500 }, /hidden/],
    ]
    for (const [change, said] of faults)
      expect(detectorSettingsFault({ ...detectorPresets.lan, ...change })).toMatch(said)
    // The internet is slower than a rack, and a page slower still; among hundreds rumours go to more at once, and who is gone costs less.
    const { lan, wan, browser, large } = detectorPresets
    expect(wan.probeIntervalMs).toBeGreaterThan(lan.probeIntervalMs)
    expect(browser.phiPauseMs).toBeGreaterThan(wan.phiPauseMs)
    expect(large.gossipFanout).toBeGreaterThan(lan.gossipFanout)
    expect(large.unreachableProbeMs).toBeGreaterThan(lan.unreachableProbeMs)
  })
})
