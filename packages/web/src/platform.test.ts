import { runEnvironmentContract } from '@rejoin/sync/contracts'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { askForPersistence } from './persistence.ts'
import { pageClock, pageEnvironment, pageRandom, pageTimers } from './platform.ts'

afterEach(() => vi.unstubAllGlobals())

/** A window and a document, as far as hints go. */
function stubPage() {
  const window = new EventTarget()
  const document = Object.assign(new EventTarget(), { visibilityState: 'visible' })
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window))
  vi.stubGlobal('removeEventListener', window.removeEventListener.bind(window))
  vi.stubGlobal('document', document)
  return { window, document }
}

runEnvironmentContract({ describe, it, expect }, 'page', () => {
  const { window, document } = stubPage()
  return {
    environment: pageEnvironment(),
    hints: ['online', 'offline', 'visible', 'hidden', 'pagehide'],
    fire: (hint) => {
      if (hint === 'visible' || hint === 'hidden') {
        document.visibilityState = hint
        document.dispatchEvent(new Event('visibilitychange'))
      } else window.dispatchEvent(new Event(hint))
    },
    dispose: () => {},
  }
})

describe('pageEnvironment', () => {
  it('is silent where there is no page, as on a server', () => {
    const stop = pageEnvironment().onHint(() => {})
    stop()
  })

  it('takes a thawed tab, and one back from the back-forward cache, for shown; a first show is none', () => {
    const { window, document } = stubPage()
    const heard: string[] = []
    const stop = pageEnvironment().onHint((hint) => heard.push(hint))
    document.dispatchEvent(new Event('freeze'))
    document.dispatchEvent(new Event('resume'))
    window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: false }))
    window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))
    stop()
    expect(heard).toEqual(['hidden', 'visible', 'visible'])
  })
})

describe('askForPersistence', () => {
  it('says what the browser answered, also when there is nothing to ask or asking fails', async () => {
    vi.stubGlobal('navigator', undefined)
    expect(await askForPersistence()).toBe('unavailable')
    const answers: Record<string, () => Promise<boolean>> = {
      granted: async () => true,
      denied: async () => false,
      unavailable: () => Promise.reject(new TypeError('not in a secure context')),
    }
    for (const [expected, persist] of Object.entries(answers)) {
      vi.stubGlobal('navigator', { storage: { persist } })
      expect(await askForPersistence()).toBe(expected)
    }
  })
})

describe('platform of a page', () => {
  it('has clocks, timers that can be cleared, and randomness in range', async () => {
    const fired: string[] = []
    pageTimers.clear(pageTimers.set(1, () => fired.push('cleared')))
    await new Promise<void>((resolve) => {
      pageTimers.set(5, resolve)
    })
    expect(fired).toEqual([])
    expect(Math.abs(pageClock.now() - Date.now())).toBeLessThan(1000)
    expect(pageClock.monotonic()).toBeLessThanOrEqual(pageClock.monotonic())
    expect(pageRandom.bytes(16)).not.toEqual(pageRandom.bytes(16))
    for (let round = 0; round < 100; round++) {
      const float = pageRandom.float()
      expect(float >= 0 && float < 1).toBe(true)
    }
  })

  it('calls for what is due at once in a message, not by a timer that waits, and not once it is cleared', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    try {
      const fired: string[] = []
      pageTimers.clear(pageTimers.set(0, () => fired.push('cleared')))
      const over = new Promise<void>((resolve) => {
        pageTimers.set(0, () => fired.push('first'))
        const last = pageTimers.set(0, () => {
          fired.push('last')
          pageTimers.clear(last)
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

  it('does not call what was cleared where a message that is on its way arrives at a port that was closed, as in browsers', async () => {
    class Port {
      onmessage: (() => void) | null = null
      close(): void {}
      postMessage(): void {}
    }
    class Channel {
      readonly port1 = new Port()
      readonly port2 = Object.assign(new Port(), {
        postMessage: () => queueMicrotask(() => this.port1.onmessage?.()),
      })
    }
    vi.stubGlobal('MessagePort', Port)
    vi.stubGlobal('MessageChannel', Channel)
    const fired: string[] = []
    pageTimers.set(0, () => fired.push('kept'))
    pageTimers.clear(pageTimers.set(0, () => fired.push('cleared')))
    await Promise.resolve()
    expect(fired).toEqual(['kept'])
  })
})
