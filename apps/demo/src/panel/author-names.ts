import { signal } from '@preact/signals'

/** Who writes under which incarnation: an island that reopened its copy has more than one. */
export const authorNames = signal<ReadonlyMap<string, string>>(new Map())
