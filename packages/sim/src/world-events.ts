import type { Change, Conflict, Path } from '@rejoin/state'
import type { DivergenceEvent, HealEvent, RefusedContent } from '@rejoin/sync'
import type { Violation } from './checker.ts'
import type { LinkEvent } from './links.ts'
import type { LeaseStep } from './regatta.ts'
import type { Action } from './scenario.ts'

/** What happens in a world, told as it happens: by links, by replicas, by the scenario and by the checks. */
export type WorldEvent =
  | LinkEvent
  | {
      readonly kind: 'write'
      readonly atMs: number
      readonly node: number
      readonly change: Change
      readonly paths: readonly Path[]
    }
  | {
      readonly kind: 'merge'
      readonly atMs: number
      readonly node: number
      readonly change: Change | undefined
      readonly paths: readonly Path[]
      readonly conflicts: readonly Conflict[]
    }
  | { readonly kind: 'digest'; readonly atMs: number; readonly node: number; readonly digest: string }
  | { readonly kind: 'healed'; readonly atMs: number; readonly node: number; readonly report: HealEvent }
  | { readonly kind: 'refused'; readonly atMs: number; readonly node: number; readonly content: RefusedContent }
  | { readonly kind: 'diverged'; readonly atMs: number; readonly node: number; readonly event: DivergenceEvent }
  | { readonly kind: 'opened' | 'crashed' | 'stopped' | 'wiped'; readonly atMs: number; readonly node: number }
  | { readonly kind: 'lease'; readonly atMs: number; readonly node: number; readonly step: LeaseStep }
  | { readonly kind: 'acted'; readonly atMs: number; readonly action: Action }
  | { readonly kind: 'violation'; readonly atMs: number; readonly violation: Violation }
