/**
 * From rows to a document.
 *
 * Whatever is damaged, of a format to come, or refused is set aside under another key and costs only itself. What
 * cannot be applied because something it depends on is missing stays where it is: a peer may bring the rest.
 */
import {
  type AuthorId,
  applyBundle,
  type Bundle,
  beginCut,
  bundleSince,
  type Change,
  type ContextOf,
  decodeChanges,
  decodingBundle,
  decodingSnapshot,
  finishSteps,
  isAuthorId,
  lastSeq,
  partOfSteps,
  type Steps,
  type Store,
  stagingBundle,
  stampMs,
  storeToPlain,
  Version,
  type VersionLookup,
} from '@rejoin/state'
import { holds, includes } from './change-log.ts'
import type { DocumentCore } from './document-core.ts'
import { tellRefused } from './refusal.ts'
import { changeRow, unsealRow } from './rows.ts'
import type { StorageOp, StoredRow } from './seams.ts'
import { numberInRow, versionInRow } from './version-row.ts'

interface ParsedChange {
  readonly change: Change
  readonly bytes: number
}

interface StoredChunk {
  readonly transfer: string
  readonly totalBytes: number
  readonly offset: number
  readonly bytes: Uint8Array
}

/** A document's rows by kind. */
interface ParsedRows {
  readonly states: Bundle[]
  readonly changes: ParsedChange[]
  readonly chunks: StoredChunk[]
  readonly own: AuthorId[]
  readonly refused: (readonly [AuthorId, number])[]
  readonly forked: AuthorId[]
  /** Rows of last stamps: one. */
  readonly stamps: StoredRow[]
  /** Rows to be set aside. */
  readonly damaged: StoredRow[]
  acked: Version
  seenAt: number
}

/** Shares of the work that parsing rows and applying them have. */
const parsing = 0.3
const applying = 0.95

/** Fills a fresh core from the rows under its prefix, and begins it, in steps: nobody uses it before the last. */
export function* loadingDocument(core: DocumentCore, rows: readonly StoredRow[]): Steps<void> {
  const parsed = yield* partOfSteps(0, parsing, parsingRows(core, rows))
  for (const author of parsed.own) core.ownAuthors.add(author)
  if (core.hub.rules.refusalIsRemembered) for (const [author, from] of parsed.refused) core.refused.set(author, from)
  for (const author of parsed.forked) core.forks.known.add(author)
  for (const row of parsed.stamps) if (!core.forks.stamps.read(row.bytes)) parsed.damaged.push(row)
  core.acked = parsed.acked
  core.seenAt = parsed.seenAt
  core.corruptRows = parsed.damaged.length
  core.rows = parsed.changes.length + parsed.states.length

  const { kept, refused } = splitRefused(core, parsed.changes)
  const isServer = core.hub.role === 'server'
  const isUnsaved = ({ change }: ParsedChange): boolean =>
    !isServer && core.ownAuthors.has(change.author) && !includes(core.acked, change)
  // The cut stands between what a server knew and what was done apart: as if contact had just been lost.
  const saved = kept.filter((parsedChange) => !isUnsaved(parsedChange))
  yield* partOfSteps(parsing, applying, applyingAll(core.store, parsed.states, saved))
  if (core.hub.followsOutages) {
    const unsaved = kept.filter(isUnsaved)
    const hadContact = core.acked.size > 0 || core.seenAt > 0
    core.incidents.loaded(beginCut(core.store), outageStart(core, unsaved), hadContact)
  }
  yield* partOfSteps(applying, 1, applyingAll(core.store, parsed.states, kept))

  // Causal order of the log is the order of stamps: a change is stamped after everything it has seen.
  for (const { change, bytes } of [...kept].sort(byStamp)) {
    if (!includes(core.store.version, change)) continue
    core.log.add(change, bytes, false)
    if (isServer) core.forks.stamps.note([change.author, change.seq, change.hlc])
    if (isUnsaved({ change, bytes })) core.ledger.add(change, bytes, false)
  }
  core.log.trim(core.acked)
  core.durable = core.store.version
  for (const { transfer, totalBytes, offset, bytes } of parsed.chunks) {
    core.staging.restore(transfer, totalBytes, offset, bytes)
  }
  core.begin()
  core.markUnsaved()
  const refusedRows = refused.map((change) => ({ key: core.keys.change(change), bytes: changeRow(change) }))
  setAside(core, [...parsed.damaged, ...refusedRows])
  if (refused.length > 0) {
    tellRefused(core, refused, storeToPlain(core.store), 'forbidden', 'Another tab lost the right to write.')
  }
}

/** What a server is known to have had, as far as the disk tells: everything but the unacknowledged work of this profile. */
export function stateWithoutUnsaved(core: DocumentCore, rows: readonly StoredRow[]): Bundle {
  const parsed = parseRows(core, rows)
  const store = core.newStore()
  const settled = parsed.changes.filter(({ change }) => {
    return !core.ownAuthors.has(change.author) || includes(core.acked, change)
  })
  applyAll(store, parsed.states, settled)
  return bundleSince(store, Version.empty)
}

/** Reads what other openings of the profile wrote meanwhile; answers the rows that say nothing more than is known here now. */
export function readAgain(core: DocumentCore, rows: readonly StoredRow[]): StoredRow[] {
  const own = new Set(rows.filter((row) => core.written.has(row)))
  const ownAcked = core.keys.acked(core.hub.id)
  const others = rows.filter((row) => !own.has(row) && !row.key.startsWith(ownAcked))
  const parsed = parseRows(core, others)
  for (const [author, from] of parsed.refused) core.refused.set(author, from)
  core.addOwnAuthors(parsed.own)
  core.serverReached(parsed.acked)
  const { kept } = splitRefused(core, parsed.changes)
  for (const bundle of parsed.states) applyBundle(core.store, bundle)
  core.receiveChanges(
    [...kept].sort(byStamp).map(({ change }) => change),
    kept.reduce((sum, { bytes }) => sum + bytes, 0),
    { isServer: false, isSameProfile: true },
  )
  return rows.filter((row) => own.has(row) || isCovered(core, row, core.store.version))
}

/** All that the disk holds of a document, as one state. */
export function stateInRows(core: DocumentCore, rows: readonly StoredRow[]): Bundle {
  const parsed = parseRows(core, rows)
  const store = core.newStore()
  applyAll(store, parsed.states, splitRefused(core, parsed.changes).kept)
  return bundleSince(store, Version.empty)
}

/** The version of all that the disk holds of a document, in steps. Nothing is written, also where rows are damaged. */
export function* versionInRows(core: DocumentCore, rows: readonly StoredRow[]): Steps<Version> {
  const parsed = yield* partOfSteps(0, parsing, parsingRows(core, rows))
  for (const [author, from] of parsed.refused) core.refused.set(author, from)
  const store = core.newStore()
  yield* partOfSteps(parsing, 1, applyingAll(store, parsed.states, splitRefused(core, parsed.changes).kept))
  return store.version
}

/** Whether a row says nothing more than a store at `version`, or this opening, knows. */
export function isCovered(core: DocumentCore, row: StoredRow, version: Version): boolean {
  if (row.key.startsWith(core.keys.ackedPrefix)) {
    if (row.key.startsWith(core.keys.acked(core.hub.id))) return false
    const acked = versionInRow(row.bytes)
    return acked !== undefined && core.acked.covers(acked)
  }
  const parsed = noRows()
  if (!finishSteps(parsingRow(parsed, pathOf(core, row), row, core.rowBases.lookup))) return false
  const { changes, states } = parsed
  return (
    changes.length + states.length > 0 &&
    changes.every(({ change }) => includes(version, change)) &&
    states.every((state) => version.covers(state.version))
  )
}

function noRows(): ParsedRows {
  return {
    ...{ states: [], changes: [], chunks: [], own: [], refused: [], forked: [], stamps: [], damaged: [] },
    ...{ acked: Version.empty, seenAt: 0 },
  }
}

/** What stands in the key of a row behind the prefix. */
function pathOf(core: DocumentCore, row: StoredRow): string[] {
  return row.key.slice(core.keys.prefix.length).split('/')
}

function parseRows(core: DocumentCore, rows: readonly StoredRow[]): ParsedRows {
  return finishSteps(parsingRows(core, rows))
}

function* parsingRows(core: DocumentCore, rows: readonly StoredRow[]): Steps<ParsedRows> {
  const parsed = noRows()
  let bytes = 0
  for (const row of rows) bytes += row.bytes.length
  let read = 0
  const { basePrefix } = core.keys
  // First what the others refer to.
  for (const row of rows) {
    if (!row.key.startsWith(basePrefix)) continue
    if (!core.rowBases.read(row.key.split('/').at(-2) ?? '', row)) parsed.damaged.push(row)
  }
  for (const row of rows) {
    if (row.key.startsWith(basePrefix)) continue
    const share = row.bytes.length / bytes
    const isSound = yield* partOfSteps(
      read,
      read + share,
      parsingRow(parsed, pathOf(core, row), row, core.rowBases.lookup),
    )
    if (!isSound) parsed.damaged.push(row)
    read += share
    yield read
  }
  return parsed
}

/** Answers false when the row is damaged. What refers to a base that is not here stays: a peer may bring it. */
function* parsingRow(
  parsed: ParsedRows,
  path: readonly string[],
  row: StoredRow,
  lookup: VersionLookup,
): Steps<boolean> {
  const [kind, first = '', second = '', third = ''] = path
  const payload = unsealRow(row.bytes)
  if (payload === undefined) return false
  switch (kind) {
    case 's': {
      const state = yield* decodingSnapshot(payload)
      if (state.ok) parsed.states.unshift(state.value)
      return state.ok
    }
    case 'b': {
      const state = yield* decodingBundle(payload, lookup)
      if (state.ok) parsed.states.push(state.value)
      return state.ok || state.error.kind === 'unknown-base'
    }
    case 'c': {
      const changes = decodeChanges(payload, {}, lookup)
      if (changes.ok) for (const change of changes.value) parsed.changes.push({ change, bytes: row.bytes.length })
      return changes.ok || changes.error.kind === 'unknown-base'
    }
    case 't':
      parsed.chunks.push({ transfer: first, totalBytes: Number(second), offset: Number(third), bytes: payload })
      return true
    case 'm':
      return parseMeta(parsed, first, second, row)
    default:
      return false
  }
}

function parseMeta(parsed: ParsedRows, name: string, author: string, row: StoredRow): boolean {
  if (name === 'own' || name === 'forked') {
    if (isAuthorId(author)) parsed[name].push(author)
    return true
  }
  if (name === 'stamps') {
    parsed.stamps.push(row)
    return true
  }
  if (name === 'acked') {
    const version = versionInRow(row.bytes)
    // Each opening writes down what it heard itself.
    if (version !== undefined) parsed.acked = parsed.acked.merge(version)
    return version !== undefined
  }
  const value = numberInRow(row.bytes)
  if (value === undefined) return false
  if (name === 'seen') parsed.seenAt = value
  if (name === 'refused' && isAuthorId(author)) parsed.refused.push([author, value])
  return true
}

/** Applies what can be applied, in passes until nothing more can. */
function applyAll(store: Store, states: readonly Bundle[], changes: readonly ParsedChange[]): void {
  finishSteps(applyingAll(store, states, changes))
}

function* applyingAll(store: Store, states: readonly Bundle[], changes: readonly ParsedChange[]): Steps<void> {
  let bundles: readonly Bundle[] = states
  let rest = [...changes].sort(byStamp)
  const contextOf: ContextOf = (dot) => changes.find(({ change }) => holds(change, dot))?.change.context
  for (let progress = true; progress; ) {
    progress = false
    const gaps: Bundle[] = []
    for (const bundle of bundles) {
      // A store that has nothing yet takes it in steps.
      const isFirst = store.version.size === 0
      const outcome = isFirst
        ? yield* partOfSteps(0, 0.9, stagingBundle(store, bundle, 0))
        : applyBundle(store, bundle, { origin: 'load', contextOf })
      if (outcome === 'applied') progress = true
      // What was folded since may stand in another row.
      if (outcome === 'gap' || outcome === 'closed') gaps.push(bundle)
    }
    bundles = gaps
    const waiting: ParsedChange[] = []
    for (const parsed of rest) {
      const { change, bytes } = parsed
      const known = store.version.get(change.author)
      if (lastSeq(change) <= known) continue
      // Asked here first: the waiting room of the store is bounded, a disk is not.
      if (change.seq !== known + 1 || !store.version.covers(change.context)) {
        waiting.push(parsed)
        continue
      }
      const outcome = store.applyChange(change, { origin: 'load', bytes })
      if (outcome === 'applied') progress = true
      if (outcome === 'closed') waiting.push(parsed)
      yield 1
    }
    rest = waiting
  }
}

function byStamp(left: ParsedChange, right: ParsedChange): number {
  const [a, b] = [left.change, right.change]
  if (a.author === b.author) return a.seq - b.seq
  return a.hlc - b.hlc || (a.author < b.author ? -1 : 1)
}

/** Rows that another tab wrote before it heard that its right was gone. */
function splitRefused(
  core: DocumentCore,
  changes: readonly ParsedChange[],
): { kept: ParsedChange[]; refused: Change[] } {
  const kept: ParsedChange[] = []
  const refused: Change[] = []
  for (const parsed of changes) {
    const from = core.refused.get(parsed.change.author)
    if (from === undefined || lastSeq(parsed.change) < from) kept.push(parsed)
    else refused.push(parsed.change)
  }
  return { kept, refused }
}

function setAside(core: DocumentCore, rows: readonly StoredRow[]): void {
  if (rows.length === 0) return
  const ops: StorageOp[] = []
  for (const { key, bytes } of rows) {
    ops.push({ kind: 'put', key: core.keys.aside(key), bytes })
    ops.push({ kind: 'delete', key })
  }
  core.hub.metrics.corruptRows += core.corruptRows
  core.hub.log('warn', 'rows-set-aside', { document: core.name, rows: rows.length })
  core.hub.queue.push(ops)
}

function outageStart(core: DocumentCore, unsaved: readonly ParsedChange[]): number {
  if (core.seenAt > 0) return core.seenAt
  const stamps = unsaved.map(({ change }) => stampMs(change.hlc))
  return Math.min(core.hub.clock.now(), ...stamps)
}
