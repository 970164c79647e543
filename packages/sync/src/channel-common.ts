import type { ChannelCounters } from './channel.ts'

/** First byte of a frame of a channel. */
export const channelTag = { data: 0, credit: 1, syn: 2, ack: 3 } as const
export const defaultWindowBytes: number = 512 * 1024
/** A peer may overshoot by the one frame that began within its credit. */
export const overshootBytes: number = 1024 * 1024
export const defaultQueueBytes: number = 4 * 1024 * 1024

/** Counters at their start. */
export function noCounts(): ChannelCounters {
  return { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0, retransmitted: 0, duplicates: 0 }
}

/** Counts a frame that goes out. */
export function count(counters: ChannelCounters, frame: Uint8Array): void {
  counters.framesOut += 1
  counters.bytesOut += frame.length
}
