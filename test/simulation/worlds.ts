import { hashText, type RunResult, type WorldEvent } from '@rejoin/sim'
import { expect } from 'vitest'

/** Fails with words and the command that replays. */
export function expectSound(result: RunResult, seed: number): void {
  const replay = `npm run replay -- ${seed}`
  const found = result.violations.map(({ atMs, kind, message }) => `${Math.round(atMs)} ms ${kind}: ${message}`)
  expect(found, replay).toEqual([])
  expect(result.pending, replay).toEqual([])
}

/** Equal for equal sequences of events. */
export function traceHash(events: readonly WorldEvent[]): number {
  let hash = 0
  for (const event of events) hash = hashText(lineOf(event), hash)
  return hash
}

function lineOf(event: WorldEvent): string {
  switch (event.kind) {
    case 'frame-sent':
    case 'frame-arrived':
    case 'frame-sunk':
      return `${event.kind} ${event.atMs} ${event.frame.from}>${event.frame.to} ${event.frame.payload.join()}`
    case 'digest':
      return `${event.kind} ${event.atMs} ${event.node} ${event.digest}`
    default:
      return `${event.kind} ${'atMs' in event ? event.atMs : ''} ${'node' in event ? event.node : ''}`
  }
}
