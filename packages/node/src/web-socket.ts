import { type DialTransport, webSocketLink } from '@rejoin/sync'
import { WebSocket } from 'ws'

/** How a client reaches a server. */
export interface WebSocketOptions {
  /** The credential for hello, asked again at each dial. It is never part of the address. */
  readonly token?: () => string | undefined | PromiseLike<string | undefined>
  /** Largest frame taken in, in bytes; a larger one ends the link with `too-large`. 1 MiB unless told. */
  readonly maxFrameBytes?: number
  /** How long the TCP, TLS and HTTP handshakes may take together, 10 s unless told. */
  readonly handshakeTimeoutMs?: number
  /** Unique within one `connect`; the address unless told. */
  readonly name?: string
}

/** Dials a Rejoin server over a WebSocket. Frames are binary, uncompressed, in order and without loss. */
export function webSocket(url: string, options: WebSocketOptions = {}): DialTransport {
  const { token, maxFrameBytes = 1 << 20, handshakeTimeoutMs = 10_000, name = url } = options
  return {
    kind: 'dial',
    name,
    reliable: true,
    ...(token === undefined ? {} : { token }),
    dial: (events) => {
      try {
        const socket = new WebSocket(url, {
          perMessageDeflate: false,
          maxPayload: maxFrameBytes,
          handshakeTimeout: handshakeTimeoutMs,
        })
        socket.binaryType = 'arraybuffer'
        return webSocketLink(socket, events, maxFrameBytes)
      } catch (error) {
        // An address that is none. Told later, as every failed attempt is.
        queueMicrotask(() => events.closed({ code: 'unreachable', reason: String(error), clean: false }))
        return { send: () => {}, bufferedBytes: 0, close: () => {} }
      }
    },
  }
}
