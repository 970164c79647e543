import { randomBytes } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import type { Clock, Environment, EnvironmentHint, Random, Timers } from '@rejoin/sync'

/** The clocks of this process. */
export const processClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

/** The timers of this process. They keep it alive while a replica is open: one that waits to redial must not just end. */
export const processTimers: Timers = {
  // A timer waits a millisecond at least: half as long as a slice of reading.
  set: (delayMs, fire) => (delayMs > 0 ? setTimeout(fire, delayMs) : setImmediate(fire)),
  clear: (handle) => {
    const given = handle as NodeJS.Timeout | NodeJS.Immediate | number
    // Timers are numbers where a page is emulated.
    if (typeof given === 'number' || 'refresh' in given) clearTimeout(given)
    else clearImmediate(given)
  },
}

/** Cryptographic randomness of the operating system. */
export const processRandom: Random = {
  bytes: (count) => new Uint8Array(randomBytes(count)),
  float: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
}

/** How often the network interfaces are looked at. */
const networkPollMs = 5_000

/**
 * The surroundings of a process: `offline` and `online` as the last network interface beside loopback goes and the
 * first comes, `visible` when the process was continued after a stop, `pagehide` before it ends by itself.
 * Signals that end a process are left to the application, which calls `replica.close()`.
 */
export function processEnvironment(): Environment {
  const listeners = new Set<(hint: EnvironmentHint) => void>()
  const tell = (hint: EnvironmentHint): void => {
    for (const listener of [...listeners]) listener(hint)
  }
  const onContinue = (): void => tell('visible')
  const onEnd = (): void => tell('pagehide')
  let poll: NodeJS.Timeout | undefined
  let reachable = true

  const look = (): void => {
    const now = hasNetwork()
    if (now === reachable) return
    reachable = now
    tell(now ? 'online' : 'offline')
  }
  const start = (): void => {
    reachable = hasNetwork()
    poll = setInterval(look, networkPollMs).unref()
    process.on('SIGCONT', onContinue)
    process.on('beforeExit', onEnd)
  }
  const stop = (): void => {
    clearInterval(poll)
    process.off('SIGCONT', onContinue)
    process.off('beforeExit', onEnd)
  }

  return {
    onHint: (listener) => {
      // One entry per call, also when the same function is handed in twice.
      const entry = (hint: EnvironmentHint): void => listener(hint)
      if (listeners.size === 0) start()
      listeners.add(entry)
      return () => {
        if (listeners.delete(entry) && listeners.size === 0) stop()
      }
    },
  }
}

function hasNetwork(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some((address) => !address.internal))
}
