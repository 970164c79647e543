// Clocks and memory, read the same way for every engine. Needs node --expose-gc.

import { performance } from 'node:perf_hooks'

/** Milliseconds since some fixed moment. */
export const now = () => performance.now()

/** Bytes that the collector cannot free: the JS heap and the array buffers beside it. WASM memory is in neither. */
export function heldBytes() {
  for (let round = 0; round < 3; round++) globalThis.gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Collects what inputs and checks have left, so that no timed part that follows pays for it. */
export const collect = () => globalThis.gc()

/** Megabytes between two readings of `heldBytes`. */
export const megabytes = (before, after) => (after - before) / 1_000_000

/** Nanoseconds per operation. */
export const perOp = (milliseconds, operations) => (milliseconds * 1_000_000) / operations
