import { isIP, type NetConnectOpts, connect as netConnect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls'
import { type DialTransport, webSocketLink, withSyncPath } from '@rejoin/sync'
import { type ClientOptions, WebSocket } from 'ws'
import { DialStages, type StageListener } from './dial-stages.ts'
import { httpAnswer } from './http-answer.ts'

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
  /** Told of each stage of each attempt: name, connection, encryption, and the upgrade where it fails. */
  readonly onStage?: StageListener
}

/**
 * Dials a Rejoin server over a WebSocket. Frames are binary, uncompressed, in order and without loss. An address without a path, as
 * `wss://sync.example`, means `/sync` there.
 *
 * An answer over HTTP in place of the upgrade ends the attempt with what its status means: `handshake-failed`, or `try-later` for one
 * that passes (429, 503).
 */
export function webSocket(url: string, options: WebSocketOptions = {}): DialTransport {
  const { token, maxFrameBytes = 1 << 20, handshakeTimeoutMs = 10_000, name = url, onStage } = options
  return {
    kind: 'dial',
    name,
    reliable: true,
    ...(token === undefined ? {} : { token }),
    dial: (events) => {
      try {
        const address = withSyncPath(new URL(url))
        const stages = new DialStages(address, onStage)
        const socket = new WebSocket(address, {
          perMessageDeflate: false,
          maxPayload: maxFrameBytes,
          handshakeTimeout: handshakeTimeoutMs,
          createConnection: connectionOf(address.href, stages) as NonNullable<ClientOptions['createConnection']>,
        })
        socket.on('error', (error) => stages.failed(error))
        socket.binaryType = 'arraybuffer'
        let isOpen = false
        const told: typeof events = {
          frame: events.frame,
          opened: () => {
            isOpen = true
            stages.opened()
            events.opened()
          },
          closed: (reason) =>
            events.closed(
              isOpen ? reason : { ...reason, ...httpAnswer(stages.failure ?? '', address.pathname), stage: stages.at },
            ),
        }
        return webSocketLink(socket, told, maxFrameBytes)
      } catch (error) {
        // An address that is none. Told later, as every failed attempt is.
        queueMicrotask(() => events.closed({ code: 'unreachable', reason: String(error), clean: false }))
        return { send: () => {}, bufferedBytes: 0, close: () => {} }
      }
    },
  }
}

type Connecting = NetConnectOpts & ConnectionOptions & { readonly socketPath?: string }

/** Connects as the `ws` package does by itself, and lets the stages see the socket. */
function connectionOf(url: string, stages: DialStages): (options: Connecting) => Socket {
  const isSecure = /^(wss|https):/i.test(url)
  return (options) => {
    const { host = '', servername = isIP(host) === 0 ? host : '' } = options
    const socket = isSecure
      ? tlsConnect({ ...options, path: undefined, servername })
      : netConnect({ ...options, path: options.socketPath } as NetConnectOpts)
    stages.follow(socket)
    return socket
  }
}
