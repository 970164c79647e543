import type { Conflict, NoticedConflict } from './conflict.ts'
import type { Core } from './core.ts'
import type { EntryCopy } from './cut-journal.ts'
import type { Schema } from './fields.ts'
import type { Row } from './rows.ts'
import type { TouchedEntries } from './touched.ts'
import type { Version } from './version.ts'

/** First-touch copies of entries over some time. */
export interface Copies {
  /** What each entry held at its first touch. */
  readonly copies: ReadonlyMap<Row, EntryCopy>
  /** Entries that a merge touched, as against a local change. */
  readonly merged: ReadonlySet<Row>
}

/** What was so when contact came back. */
export interface Contact {
  readonly ours: Version
  readonly theirs: Version
  /** Greatest version that both sides included. */
  readonly common: Version
  readonly ourEntries: TouchedEntries
}

/** Everything a report is made of. */
export interface CutRecord {
  readonly core: Core
  readonly schema: Schema | undefined
  readonly version: Version
  /** What this replica has merged of the heal. */
  readonly until: Version
  /** Copies from the cut to contact: what this side did during the outage. */
  readonly sinceCut: Copies
  readonly sinceContact: Copies
  readonly contact: Contact
  readonly conflicts: ReadonlyMap<Row, NoticedConflict>
  /** Map entries of which one side's deletion left half. */
  readonly halves: readonly Conflict[]
  readonly ourBytes: number
  readonly theirBytes: number
}
