import { expect, it } from 'vitest'
import { insideOf } from '../replica.ts'
import { World } from '../world.test-helper.ts'
import { IncidentDesk } from './incident-desk.ts'
import { Neighbours } from './neighbours.ts'
import type { PartitionMetrics } from './partitions.ts'
import type { Verdict } from './verdict/verdict-machine.ts'

it('[PL33] a link that works one way only is missing in an incident the other way', () => {
  const core = insideOf(new World().replica().replica)
  const desk = new IncidentDesk(core, new Neighbours(core), {} as PartitionMetrics, 5000)
  const voters = ['a', 'b', 'c'].map((id) => ({ id, weight: 1 }))
  const seen = { roster: { voters }, sides: [['a', 'b', 'c']], missingLinks: [], oneWay: [{ from: 'b', to: 'a' }] }
  desk.seen(seen as unknown as Verdict)
  expect(desk.recovery.open.map(({ symptoms }) => symptoms.missing)).toEqual([[['a', 'b']]])
})
