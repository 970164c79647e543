/**
 * Falling back when a right was lost (C13, first case).
 *
 * A server that no longer lets this connection write never merges what was written meanwhile. A version cannot leave
 * out single changes, so the client gives up its store for the server's state, in one step for readers, storage and
 * version, goes on under a fresh incarnation, and hands the content of what was refused to the application.
 *
 * Invariants
 * 1. Readers see the state before or the state after, nothing between; so does storage (one batch).
 * 2. Exactly the changes of this profile that the server's state does not include are refused. Each is handed over.
 * 3. A refused incarnation is remembered durably: rows that another tab still writes under it never come back.
 */
import {
  type AuthorId,
  applyBundle,
  type Bundle,
  type Change,
  kindName,
  type Op,
  storeToPlain,
  type Value,
  type Version,
} from '@rejoin/state'
import { includes } from './change-log.ts'
import type { DocumentCore } from './document-core.ts'
import type { RefusedWrite } from './hub.ts'
import { acceptRefusedIn } from './refused-work.ts'
import type { StorageOp } from './seams.ts'

/** What was refused, so that the application can show it or write it elsewhere. */
export interface RefusedContent {
  readonly document: string
  readonly code: string
  readonly reason: string
  readonly changes: readonly { readonly change: Change; readonly writes: readonly RefusedWrite[] }[]
  /** The document as it was with the refused changes, plain. */
  readonly before: Value
}

/** Why, and whose word it is. */
export interface Refusal {
  readonly code: string
  readonly reason: string
  /** Whether the state comes from a server itself, so that it counts as acknowledged. */
  readonly isFromServer: boolean
  /** Authors under which somebody else wrote, too: up to which seq what the state has is ours. */
  readonly forks?: ReadonlyMap<AuthorId, number>
}

/**
 * `state` takes the place of ours. It must be whole (its base is empty) and come from a server, from a tab of this
 * profile that fell back, or from what a server is known to have had.
 */
export function fallBack(core: DocumentCore, state: Bundle, refusal: Refusal): boolean {
  const store = core.newStore()
  const outcome = applyBundle(store, state)
  if (outcome !== 'applied' && outcome !== 'duplicate') return false
  const refused = refusedChanges(core, state.version, refusal.forks)
  const before = storeToPlain(core.store)
  if (refusal.isFromServer) acceptRefusedIn(core, state.version)
  const acked = refusal.isFromServer && refusal.forks === undefined ? state.version : core.acked.meet(state.version)
  const ops = replacingRows(core, state, acked, refused)
  core.replaceStore(store)
  core.acked = acked
  core.persist(ops)
  handOver(core, refused, before, refusal)
  for (const carrier of core.carriers) {
    carrier.restart()
    carrier.refusalsChanged(refusal)
  }
  // What the state has under a forked author the server has: our tabs fall back, and what follows on it is welcome.
  if (refusal.forks !== undefined) acceptRefusedIn(core, state.version)
  return true
}

/** Whether something of this profile is neither acknowledged nor in `version`. */
export function hasRefusable(core: DocumentCore, version: Version): boolean {
  return core.ledger.unsaved.changes > 0 && refusedChanges(core, version).length > 0
}

/** Own changes that the server's version does not include, with later ones of the same incarnations. */
function refusedChanges(core: DocumentCore, version: Version, forks?: ReadonlyMap<AuthorId, number>): Change[] {
  return core.log
    .unsettled(core.acked)
    .map((entry) => entry.change)
    .filter((change) => {
      const isTheirs = change.seq > (forks?.get(change.author) ?? Number.POSITIVE_INFINITY)
      return core.ownAuthors.has(change.author) && (isTheirs || !includes(version, change))
    })
}

/** Invariant 1: everything old goes and the server's state comes in one batch. */
function replacingRows(core: DocumentCore, state: Bundle, acked: Version, refused: readonly Change[]): StorageOp[] {
  const { keys } = core
  const ops: StorageOp[] = keys.contentPrefixes.map((prefix) => ({ kind: 'delete-prefix', prefix }))
  for (const [author, from] of firstRefused(refused)) {
    core.refused.set(author, from)
    ops.push(core.refusedRow(author, from))
  }
  core.rows = 1
  ops.push(core.stateRow(state), ...core.ackedRows.replace(acked))
  return ops
}

function firstRefused(refused: readonly Change[]): Map<AuthorId, number> {
  const first = new Map<AuthorId, number>()
  for (const { author, seq } of refused) first.set(author, Math.min(seq, first.get(author) ?? seq))
  return first
}

function handOver(core: DocumentCore, refused: readonly Change[], before: Value, { code, reason }: Refusal): void {
  core.ledger.refuse(refused, code, reason)
  core.hub.metrics.refusedWrites += refused.length
  core.hub.log('warn', 'fell-back', { document: core.name, code, refused: refused.length })
  if (refused.length > 0) tellRefused(core, refused, before, code, reason)
}

/** Hands refused content to the application, now or as soon as it listens. */
export function tellRefused(
  core: DocumentCore,
  refused: readonly Change[],
  before: Value,
  code: string,
  reason: string,
): void {
  const changes = refused.map((change) => ({ change, writes: change.ops.map(describeOp) }))
  const content: RefusedContent = { document: core.name, code, reason, changes, before }
  if (core.refusedListeners.size > 0) core.hub.tell(core.refusedListeners, content)
  else if (core.refusedBacklog.length < maxBacklog) core.refusedBacklog.push(content)
}

const maxBacklog = 100

function describeOp(op: Op): RefusedWrite {
  const { path, kind, member } = op.key
  const where = { path, kind: kindName(kind), ...(member === '' ? {} : { member }) }
  switch (op.type) {
    case 'put':
      return { type: 'put', ...where, value: op.value }
    case 'insert':
      return { type: 'insert', ...where, value: [...op.run.values] }
    case 'remove':
    case 'erase':
      return { type: op.type, ...where }
  }
}
