import type { Clock, Environment, EnvironmentHint, Random, Timers } from '@rejoin/sync'

/** The clocks of the page. */
export const pageClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

/**
 * The timers of the page; browsers slow them down in hidden tabs. What is due at once comes as a message: a timer would wait
 * 4 ms, and a second where the tab is hidden, so that a large document takes minutes to read in slices.
 */
export const pageTimers: Timers = {
  set: (delayMs, fire) => (delayMs > 0 ? setTimeout(fire, delayMs) : atOnce(fire)),
  clear: (handle) => {
    if (handle instanceof MessagePort) {
      // Closing alone lets through what is on its way already.
      handle.onmessage = null
      handle.close()
    } else clearTimeout(handle as ReturnType<typeof setTimeout>)
  },
}

function atOnce(fire: () => void): MessagePort {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    port1.close()
    fire()
  }
  port2.postMessage(undefined)
  return port1
}

/** Cryptographic randomness of the browser. */
export const pageRandom: Random = {
  bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  float: () => {
    const [low = 0, high = 0] = crypto.getRandomValues(new Uint32Array(2))
    // 53 random bits.
    return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53
  },
}

/**
 * The surroundings of a page or worker: the network coming and going, the tab being shown and hidden (also frozen and
 * brought back), and the page going away. Where there is no window, as on a server that renders pages, it is silent.
 */
export function pageEnvironment(): Environment {
  return {
    onHint: (listener) => {
      const offs = sources().map(({ target, type, hintOf }) => {
        const handle = (event: Event): void => {
          const hint = hintOf(event)
          if (hint !== undefined) listener(hint)
        }
        target.addEventListener(type, handle)
        return () => target.removeEventListener(type, handle)
      })
      return () => {
        for (const off of offs) off()
      }
    },
  }
}

interface HintSource {
  readonly target: EventTarget
  readonly type: string
  readonly hintOf: (event: Event) => EnvironmentHint | undefined
}

function sources(): HintSource[] {
  const found: HintSource[] = []
  if (typeof addEventListener === 'function') {
    const target = globalThis as unknown as EventTarget
    found.push(
      { target, type: 'online', hintOf: () => 'online' },
      { target, type: 'offline', hintOf: () => 'offline' },
      { target, type: 'pagehide', hintOf: () => 'pagehide' },
      // Back from the back-forward cache: the page continues where it was.
      {
        target,
        type: 'pageshow',
        hintOf: (event) => ('persisted' in event && event.persisted ? 'visible' : undefined),
      },
    )
  }
  if (typeof document !== 'undefined') {
    found.push(
      {
        target: document,
        type: 'visibilitychange',
        hintOf: () => (document.visibilityState === 'visible' ? 'visible' : 'hidden'),
      },
      { target: document, type: 'freeze', hintOf: () => 'hidden' },
      { target: document, type: 'resume', hintOf: () => 'visible' },
    )
  }
  return found
}
