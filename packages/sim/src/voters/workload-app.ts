import type { Schema } from '@rejoin/state'
import { randomWrite } from '../generate.ts'
import { Workload, type WorkloadFields, writeWorkload } from '../workload.ts'
import type { SimulatedApp } from './app.ts'

/** Every kind of leaf, and rounds that whoever holds a lease begins one after the other. */
export const workloadApp: SimulatedApp<Schema<WorkloadFields>> = {
  schema: Workload,
  write: (draft, random) => writeWorkload(draft, randomWrite(random)),
  exclusive: {
    lease: 'round',
    write: (draft) => draft.round.set(draft.round.get() + 1),
    begun: ({ round }) => round,
  },
}
