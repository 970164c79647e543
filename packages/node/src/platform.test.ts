import { runEnvironmentContract } from '@rejoin/sync/contracts'
import { describe, expect, it, vi } from 'vitest'
import { processClock, processEnvironment, processRandom, processTimers } from './platform.ts'

runEnvironmentContract({ describe, it, expect }, 'process', () => ({
  environment: processEnvironment(),
  hints: ['visible', 'pagehide'],
  fire: (hint) => {
    process.emit(hint === 'visible' ? 'SIGCONT' : ('beforeExit' as 'SIGCONT'))
  },
  dispose: () => {},
}))

describe('processEnvironment', () => {
  it('leaves no listener behind on the process', () => {
    const before = [process.listenerCount('SIGCONT'), process.listenerCount('beforeExit')]
    const environment = processEnvironment()
    const stops = [environment.onHint(() => {}), environment.onHint(() => {})]
    expect(process.listenerCount('SIGCONT')).toBe((before[0] ?? 0) + 1)
    for (const stop of stops) stop()
    expect([process.listenerCount('SIGCONT'), process.listenerCount('beforeExit')]).toEqual(before)
  })
})

describe('platform', () => {
  it('has clocks, timers that can be cleared, and randomness in range', async () => {
    const started = processClock.monotonic()
    const fired: string[] = []
    processTimers.clear(processTimers.set(1, () => fired.push('cleared')))
    await new Promise<void>((resolve) => {
      processTimers.set(5, resolve)
    })
    expect(fired).toEqual([])
    expect(processClock.monotonic() - started).toBeGreaterThanOrEqual(4)
    expect(Math.abs(processClock.now() - Date.now())).toBeLessThan(1000)
    expect(processRandom.bytes(16).length).toBe(16)
    expect(processRandom.bytes(16)).not.toEqual(processRandom.bytes(16))
    const float = processRandom.float()
    expect(float >= 0 && float < 1).toBe(true)
  })

  it('calls for what is due at once in the next turn, not by a timer that waits, and not once it is cleared', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    try {
      const fired: string[] = []
      processTimers.clear(processTimers.set(0, () => fired.push('cleared')))
      const over = new Promise<void>((resolve) => {
        processTimers.set(0, () => fired.push('first'))
        const last = processTimers.set(0, () => {
          fired.push('last')
          processTimers.clear(last)
          resolve()
        })
      })
      expect(fired).toEqual([])
      await over
      expect(fired).toEqual(['first', 'last'])
    } finally {
      vi.useRealTimers()
    }
  })

  it('clears timers that are numbers, as where a page is emulated', async () => {
    const { setTimeout: real } = globalThis
    vi.stubGlobal('setTimeout', (fire: () => void, delayMs: number) => Number(real(fire, delayMs)))
    try {
      const fired: string[] = []
      processTimers.clear(processTimers.set(1, () => fired.push('cleared')))
      await new Promise<void>((resolve) => processTimers.set(5, resolve))
      expect(fired).toEqual([])
    } finally {
      vi.unstubAllGlobals()
    }
  })
})
