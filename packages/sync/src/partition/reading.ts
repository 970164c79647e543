import type { ReplicaCore } from '../replica-core.ts'
import type { Reading } from './lease/clock.ts'

/** Both clocks of a replica as of now. */
export function readingOf({ clock }: Pick<ReplicaCore, 'clock'>): Reading {
  return { now: clock.monotonic(), wall: clock.now() }
}
