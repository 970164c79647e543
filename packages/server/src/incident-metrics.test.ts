import type { Incident, PartitionEvents, Partitions } from '@rejoin/sync/partition'
import { Registry } from 'prom-client'
import { afterEach, expect, it, vi } from 'vitest'
import { registerIncidentMetrics } from './incident-metrics.ts'

afterEach(() => {
  vi.useRealTimers()
})

/** A partition layer that says what it is told to. */
function followed(known: Partial<Incident>[] = []) {
  const registry = new Registry()
  const listeners: { [kind: string]: (event: unknown) => void } = {}
  let told: ((incident: Incident, what: string) => void) | undefined
  const layer = {
    incidents: known,
    on: (kind: string, listener: (event: unknown) => void) => {
      listeners[kind] = listener
    },
    onIncident: (listener: NonNullable<typeof told>) => {
      told = listener
    },
  }
  registerIncidentMetrics(registry)(layer as unknown as Partitions)
  return {
    say: <K extends keyof PartitionEvents>(kind: K, event: unknown) => listeners[kind]?.(event),
    tell: (what: string, incident: Partial<Incident>) => told?.(incident as Incident, what),
    number: async (name: string): Promise<number> => {
      const lines = (await registry.metrics()).split('\n')
      return Number(
        lines
          .find((line) => line.startsWith(`rejoin_${name} `))
          ?.split(' ')
          .at(-1) ?? 0,
      )
    },
  }
}

it('[SV68] numbers say how long voters were apart and how long the heal took, whatever the clock of the wall does', async () => {
  vi.useFakeTimers({ now: 1_000_000 })
  const { say, number } = followed()
  const sums = async () => [
    await number('partition_duration_seconds_sum'),
    await number('heal_duration_seconds_sum'),
    await number('heal_duration_seconds_count'),
  ]
  say('healing', { done: 1 })
  expect(await sums()).toEqual([0, 0, 0])
  say('split', { verdict: { since: 990_000 } })
  vi.setSystemTime(1_020_000)
  say('healing', { done: 0 })
  vi.setSystemTime(1_021_000)
  say('healing', { done: 0.5 })
  expect(await sums()).toEqual([30, 0, 0])
  vi.setSystemTime(1_023_000)
  say('healing', { done: 1 })
  expect(await sums()).toEqual([30, 3, 1])
  say('split', { verdict: { since: 1_030_000 } })
  say('healing', { done: 1 })
  expect(await sums()).toEqual([30, 3, 2])
})

it('[SV68] numbers count incidents once for each thing that went wrong, and how they ended', async () => {
  const { tell, number } = followed([{ id: 'old', failure: 'partition' }])
  const of = (failure: string) => number(`incidents_classified_total{failure="${failure}"}`)
  tell('escalated', { id: 'old', failure: 'partition' })
  expect(await of('partition')).toBe(0)
  tell('opened', { id: 'new' })
  tell('classified', { id: 'new', failure: 'isolation' })
  tell('classified', { id: 'new', failure: 'isolation' })
  tell('classified', { id: 'new', failure: 'partition' })
  expect([await of('isolation'), await of('partition')]).toEqual([1, 1])
  tell('closed', {
    id: 'new',
    failure: 'partition',
    strategy: 'wait-for-heal',
    outcome: 'healed',
    openedAt: 1000,
    closedAt: 8000,
  })
  expect(await number('recovery_duration_seconds_sum{strategy="wait-for-heal",outcome="healed"}')).toBe(7)
  tell('closed', { id: 'brief', outcome: 'healed', openedAt: 1000, closedAt: 500 })
  expect(await number('recovery_duration_seconds_count{strategy="none",outcome="healed"}')).toBe(1)
})
