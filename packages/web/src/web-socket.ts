import { type DialTransport, webSocketLink, withSyncPath } from '@rejoin/sync'

/** How a page reaches a server. */
export interface WebSocketOptions {
  /** The credential for hello, asked again at each dial. It is never part of the address. */
  readonly token?: () => string | undefined | PromiseLike<string | undefined>
  /** Largest frame taken in, in bytes; a larger one ends the link with `too-large`. 1 MiB unless told. */
  readonly maxFrameBytes?: number
  /** Unique within one `connect`; the address unless told. */
  readonly name?: string
}

/**
 * Dials a Rejoin server over a WebSocket. Frames are binary, in order and without loss. A path such as `/sync` means
 * the page's own server, and an address without a path, as `wss://sync.example`, means `/sync` there.
 *
 * A page is not told why an attempt failed: where the server has nothing at that path, that is `lost` like a cable that is out.
 */
export function webSocket(url: string, options: WebSocketOptions = {}): DialTransport {
  const { token, maxFrameBytes = 1 << 20, name = url } = options
  return {
    kind: 'dial',
    name,
    reliable: true,
    ...(token === undefined ? {} : { token }),
    dial: (events) => {
      try {
        const socket = new WebSocket(absolute(url))
        socket.binaryType = 'arraybuffer'
        return webSocketLink(socket, events, maxFrameBytes)
      } catch (error) {
        // An address that is none, or one that this page may not dial. Told later, as every failed attempt is.
        queueMicrotask(() => events.closed({ code: 'unreachable', reason: String(error), clean: false }))
        return { send: () => {}, bufferedBytes: 0, close: () => {} }
      }
    },
  }
}

/** Browsers learned relative and http addresses for WebSockets only lately. */
function absolute(url: string): string {
  const base = typeof location === 'undefined' ? undefined : location.href
  return withSyncPath(new URL(url, base)).href.replace(/^http/, 'ws')
}
