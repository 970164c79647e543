import type { DialTransport, Link, LinkEvents, ListenHost, ListenTransport, Timers } from './seams.ts'

/** How a {@link MemoryLink} carries frames. */
export interface MemoryLinkOptions {
  /** Shown as the transports' name. Default `memory`. */
  readonly name?: string
  /** With timers, frames take `latencyMs`; without, they arrive in a later microtask. */
  readonly timers?: Timers
  readonly latencyMs?: number
  /** The credential that the dialling side answers with. */
  readonly token?: DialTransport['token']
}

/** Two ends in one process: one dials, one listens. Frames are copied, in order, without loss. */
export interface MemoryLink {
  readonly dial: DialTransport
  readonly listen: ListenTransport
  /** Breaks the links that exist and refuses new ones, until `restore`. */
  cut(): void
  restore(): void
  /** Links that are up. */
  readonly links: number
  /** Stops delivering without closing anything, as a black hole does. */
  silent: boolean
}

interface End {
  events: LinkEvents
  open: boolean
  buffered: number
}

/** Makes a {@link MemoryLink}. */
export function memoryLink(options: MemoryLinkOptions = {}): MemoryLink {
  const name = options.name ?? 'memory'
  const latencyMs = options.latencyMs ?? 0
  const hosts = new Set<ListenHost>()
  const pairs = new Set<{ break(code: string): void; close(): void }>()
  let isCut = false
  const later = (run: () => void): void => {
    if (options.timers === undefined) void Promise.resolve().then(run)
    else options.timers.set(latencyMs, run)
  }

  const net: MemoryLink = {
    silent: false,
    get links(): number {
      return pairs.size
    },
    cut: () => {
      isCut = true
      for (const pair of [...pairs]) pair.break('cut')
    },
    restore: () => {
      isCut = false
    },
    listen: {
      kind: 'listen',
      name: `${name}-listen`,
      reliable: true,
      listen: (host) => {
        hosts.add(host)
        return {
          close: () => {
            hosts.delete(host)
            for (const pair of pairs) pair.close()
          },
        }
      },
    },
    dial: {
      kind: 'dial',
      name,
      reliable: true,
      ...(options.token === undefined ? {} : { token: options.token }),
      dial: (events) => dial(events),
    },
  }

  const dial = (events: LinkEvents): Link => {
    const near: End = { events, open: false, buffered: 0 }
    const far: End = { events: idleEvents, open: false, buffered: 0 }
    let ended = false
    const end = (code: string, reason: string, clean: boolean): void => {
      if (ended) return
      ended = true
      pairs.delete(pair)
      near.events.closed({ code, reason, clean })
      far.events.closed({ code, reason, clean })
    }
    const pair = {
      break: (code: string) => end(code, 'The link was cut.', false),
      close: () => linkOf(far, near).close(),
    }
    const linkOf = (own: End, other: End): Link => ({
      get bufferedBytes(): number {
        return own.buffered
      },
      send: (frame) => {
        if (ended || !own.open) return
        const copy = frame.slice()
        own.buffered += copy.length
        later(() => {
          own.buffered -= copy.length
          if (!ended && !net.silent) other.events.frame(copy)
        })
      },
      close: (code = 'closed', reason = '') => {
        if (net.silent) {
          if (!ended) later(() => end(code, reason, true))
          return
        }
        // What was sent before the close still arrives, as on a socket.
        own.open = false
        later(() => end(code, reason, true))
      },
    })
    later(() => {
      const host = [...hosts][0]
      if (ended) return
      if (isCut || host === undefined) {
        end('unreachable', 'Nobody listens.', false)
        return
      }
      pairs.add(pair)
      far.events = host.accept(linkOf(far, near), { remote: name, initiator: false })
      far.open = true
      near.open = true
      far.events.opened()
      if (!ended) near.events.opened()
    })
    return linkOf(near, far)
  }
  return net
}

const idleEvents: LinkEvents = { opened: () => {}, frame: () => {}, closed: () => {} }
