/**
 * The seams of a replica: everything it needs from the world, and nothing else reaches it.
 *
 * `sync` has no clock, timer, random source, socket or disk of its own. Whoever opens a replica hands them in: a page
 * (`@rejoin/web`), a process (`@rejoin/node`) or a simulated world (`@rejoin/sim`). Each seam has a contract suite
 * in `@rejoin/sync/contracts` that any implementation must pass.
 */

/** Two readings of time. They may disagree: a wall clock is set and corrected, a monotonic one only advances. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. Orders concurrent siblings and dates reports; decides nothing else. */
  now(): number
  /** Milliseconds since an arbitrary start, never backwards. Measures durations. */
  monotonic(): number
}

/** What {@link Timers.set} returned; opaque, only `clear` of the same object understands it. */
export type TimerHandle = unknown

/** One-shot timers. */
export interface Timers {
  /** Calls `fire` once, not before `delayMs` milliseconds have passed, and never from inside `set` itself. */
  set(delayMs: number, fire: () => void): TimerHandle
  /** Cancels; a handle that has fired or was cleared already is ignored. */
  clear(handle: TimerHandle): void
}

/** A source of randomness: cryptographic in products (identities come from it), seeded in the simulator. */
export interface Random {
  /** `count` uniformly random bytes. */
  bytes(count: number): Uint8Array
  /** Uniform in [0, 1). */
  float(): number
}

/** One row of a {@link Storage}. */
export interface StoredRow {
  readonly key: string
  readonly bytes: Uint8Array
}

/** One step of a batch. `delete-prefix` removes every row whose key starts with `prefix`. */
export type StorageOp =
  | { readonly kind: 'put'; readonly key: string; readonly bytes: Uint8Array }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'delete-prefix'; readonly prefix: string }

/** Whether a store takes writes. `code` is the error code of the latest failure. */
export type StorageStatus = { readonly state: 'ok' } | { readonly state: 'failing'; readonly code: string }

/**
 * Durable rows under printable ASCII keys, ordered by UTF-16 code units.
 *
 * Rejections are `RejoinError`s with one of the codes `storage-full`, `storage-blocked`, `storage-evicted`,
 * `storage-unavailable`, `storage-corrupt`, `storage-closed`. Callers attach with `.then(done, failed)` on the returned
 * object itself, one level deep, so that a simulator may answer synchronously.
 */
export interface Storage {
  /** What it is, for status and logs: `memory`, `indexeddb`, `lmdb`. */
  readonly kind: string
  /** True when it drops what it is given, see `noStorage`: then nothing is encoded for it. */
  readonly keepsNothing?: boolean
  /** Every row whose key starts with `prefix`, in key order. Sees all batches that were handed in before the call. */
  read(prefix: string): PromiseLike<readonly StoredRow[]>
  /**
   * Carries out a batch: all of it or, also across a crash, none. Batches take effect in call order.
   * The answer comes only when the batch is *durable* (after the sync to the medium); an answer before that loses
   * acknowledged work at the next crash, which the contract suite catches. The bytes handed in are not changed later.
   */
  write(batch: readonly StorageOp[]): PromiseLike<void>
  /**
   * Runs `run` while no other opening of the same store holds `name`; answers false, at once, when somebody does.
   * Absent where the platform has no such lock: then nothing is compacted, and all else works.
   */
  withLock?(name: string, run: () => PromiseLike<void>): PromiseLike<boolean>
  /** Reports trouble that no call has met yet (evicted, upgrade blocked). Returns the unsubscriber. */
  onStatus?(listener: (status: StorageStatus) => void): () => void
  /** Waits for the batches under way and lets go; calls after it reject with `storage-closed`. Idempotent. */
  close(): PromiseLike<void>
}

/** Why a link ended. `clean` is true when one end closed it on purpose. */
export interface LinkClosed {
  readonly code: string
  readonly reason: string
  readonly clean: boolean
  /** How far dialling had come when it failed, where the platform tells; see `DialStage` of `@rejoin/sync/partition`. */
  readonly stage?: 'dns' | 'tcp' | 'tls' | 'connect' | 'handshake'
}

/** What a link tells its owner. After `closed` nothing more is called. */
export interface LinkEvents {
  /** The link can carry frames. Called once, before the first `frame`. */
  opened(): void
  /** One frame arrived. The receiver may keep the bytes. */
  frame(bytes: Uint8Array): void
  /** The link is gone, or never came up. Called once. */
  closed(reason: LinkClosed): void
}

/** A way to carry frames to exactly one other end. */
export interface Link {
  /** Hands a frame over; before `opened` and after `closed` it is dropped silently. Never throws. */
  send(frame: Uint8Array): void
  /** Bytes handed over and not yet passed on by this side, 0 when the platform cannot say. */
  readonly bufferedBytes: number
  /** Ends the link; `closed` follows at both ends, here possibly before `close` returns. Idempotent. */
  close(code?: string, reason?: string): void
}

/** What is known of the other end when a link appears by itself. */
export interface LinkInfo {
  /** An address for logs; not an identity. */
  readonly remote: string
  /** The HTTP Origin, where there is one. */
  readonly origin?: string
  /** True at exactly one of the two ends: it says hello first. */
  readonly initiator: boolean
}

/** Receives links that appear by themselves. */
export interface ListenHost {
  /** A new link; `opened` of the returned events follows at once or later. */
  accept(link: Link, info: LinkInfo): LinkEvents
}

/** Reaches one address by dialling it, again and again as the dialer decides. */
export interface DialTransport {
  readonly kind: 'dial'
  /** Unique within one `connect`; shown in `net.link` and logs, never with a secret in it. */
  readonly name: string
  /** True when frames arrive in order and without loss while the link is open (WebSocket, TCP). */
  readonly reliable: boolean
  /** The credential for hello, asked again at each dial. It never appears in an address. */
  readonly token?: () => string | undefined | PromiseLike<string | undefined>
  /** Starts one attempt. Failing is told by `closed`, never thrown. */
  dial(events: LinkEvents): Link
  close?(): void
}

/** Where links come from outside: other tabs, a server's port, the simulated world. */
export interface ListenTransport {
  readonly kind: 'listen'
  readonly name: string
  readonly reliable: boolean
  /** Starts listening; closing the answer closes the links it brought. */
  listen(host: ListenHost): { close(): void }
}

/** A way to other replicas. */
export type Transport = DialTransport | ListenTransport

/** Something the platform noticed that makes retrying (or flushing) sensible now. Only ever a hint. */
export type EnvironmentHint = 'online' | 'offline' | 'visible' | 'hidden' | 'pagehide'

/** The surroundings of a page or process. */
export interface Environment {
  /** Tells hints as they happen. Returns the unsubscriber, which is idempotent. */
  onHint(listener: (hint: EnvironmentHint) => void): () => void
}
