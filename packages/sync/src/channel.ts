/**
 * An ordered, lossless channel of frames over any link, with credit.
 *
 * Invariants
 * 1. What `deliver` hands up is a prefix of what the other side was given to send, each frame once, in order.
 * 2. No frame of an earlier channel is delivered: over an unreliable link both sides echo the other's nonce.
 * 3. Unacknowledged and undelivered frames are bounded at both ends: a sender stays within the credit that the
 *    receiver granted, and a receiver drops what lies beyond the window.
 *
 * Over a reliable link a frame costs one byte. `maxQueuedBytes` bounds what waits for credit; callers watch
 * `queuedBytes` and hold back, and a channel that is overfilled anyway fails.
 */
import { reliableChannel } from './reliable-channel.ts'
import { unreliableChannel } from './unreliable-channel.ts'

export interface ChannelOptions {
  readonly reliable: boolean
  /** Distinguishes this channel from earlier ones on the same route; 32 random bits, not 0. */
  readonly nonce: number
  /** Bytes that the other side may send before it hears of credit. Default 512 KiB. */
  readonly windowBytes?: number
  /** Bytes that may wait here for credit. Default 4 MiB. */
  readonly maxQueuedBytes?: number
}

export type ChannelInput =
  | { readonly kind: 'opened'; readonly now: number }
  | { readonly kind: 'frame'; readonly bytes: Uint8Array; readonly now: number }
  | { readonly kind: 'send'; readonly payload: Uint8Array; readonly now: number }
  /** The layer above is done with `bytes` of what was delivered. */
  | { readonly kind: 'consumed'; readonly bytes: number; readonly now: number }
  | { readonly kind: 'tick'; readonly now: number }

export type ChannelEffect =
  | { readonly kind: 'transmit'; readonly frame: Uint8Array }
  | { readonly kind: 'deliver'; readonly payload: Uint8Array }
  /** The channel carries frames now. */
  | { readonly kind: 'ready' }
  /** Credit came back: there is room again. */
  | { readonly kind: 'writable' }
  | { readonly kind: 'failed'; readonly code: 'protocol-error' | 'slow-peer'; readonly reason: string }

export interface ChannelCounters {
  framesIn: number
  framesOut: number
  bytesIn: number
  bytesOut: number
  retransmitted: number
  duplicates: number
}

export interface Channel {
  step(input: ChannelInput): ChannelEffect[]
  /** Bytes that wait for credit. */
  readonly queuedBytes: number
  /** Bytes of credit left. */
  readonly creditBytes: number
  /** When `tick` is wanted, on the clock of the inputs. */
  readonly wakeAt: number | undefined
  readonly counters: ChannelCounters
}

/** Makes a channel. Both sides must be told the same `reliable`. */
export function createChannel(options: ChannelOptions): Channel {
  return options.reliable ? reliableChannel(options) : unreliableChannel(options)
}
