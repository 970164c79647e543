/**
 * What one client, and all of them together, may cost the server. Every limit has a close code and a metric.
 */

/** Limits of a server. Each is a whole number; see the defaults for units. */
export interface ServerLimits {
  /** Largest WebSocket message in bytes. Heals travel in chunks; below 128 KiB those of clients no longer fit. */
  readonly messageBytes: number
  /** Largest encoded state of a document, in bytes, that a client may bring in one transfer. */
  readonly documentBytes: number
  /** Open WebSocket connections, all together. */
  readonly connections: number
  /** Open WebSocket connections of one address. Behind a proxy all clients share one: raise it there. */
  readonly connectionsPerRemote: number
  /** Documents that one connection may have open at once. */
  readonly documentsPerConnection: number
  /** Messages per second that one connection may send on average; bursts of ten seconds' worth pass. */
  readonly messagesPerSecond: number
  /** Bytes that may wait for a slow reader before its connection is closed; it catches up after reconnecting. */
  readonly bufferedBytes: number
  /** How long a new connection may take until its hello is accepted. */
  readonly helloTimeoutMs: number
  /** Longest token in bytes. */
  readonly tokenBytes: number
  /** How long the authorize hook may take; then the answer is no, with the code `authorize-timeout`. */
  readonly authorizeTimeoutMs: number
  /** How long a graceful close waits for the store and the clients before it cuts. */
  readonly drainTimeoutMs: number
}

/** The limits of a server that sets none. */
export const defaultServerLimits: ServerLimits = {
  messageBytes: 1_048_576,
  documentBytes: 67_108_864,
  connections: 10_000,
  connectionsPerRemote: 1_000,
  documentsPerConnection: 1_000,
  messagesPerSecond: 1_000,
  bufferedBytes: 16_777_216,
  helloTimeoutMs: 10_000,
  tokenBytes: 8_192,
  authorizeTimeoutMs: 5_000,
  drainTimeoutMs: 10_000,
}
