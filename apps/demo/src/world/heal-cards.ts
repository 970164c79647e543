/**
 * From the heal reports of replicas to the one report of the page.
 *
 * Every island that was cut reports by itself, once per contact. The page shows the storm as a whole: the sides that
 * the lanes made, every conflict once, and what merged quietly. All of it is read from those reports and from the
 * writes they name.
 */
import type { Conflict, HealReport, MergedKey, SideSummary } from '@rejoin/state'
import { didText } from '../captions.ts'
import type { ConflictCard, ConflictWrite, HealCard, SideCard, WriteOp } from '../events.ts'
import { type Seat, seatName } from '../frame.ts'
import { westToEast } from '../sides.ts'
import type { LoggedWrite, WriteLog } from './write-log.ts'

/** One replica's report, with the two ends of the contact that caused it. */
export interface HeardReport {
  readonly seat: Seat
  readonly peer: Seat | undefined
  readonly at: number
  readonly report: HealReport
}

/** What is known of the storm that ended. */
export interface HealedStorm {
  readonly id: number
  readonly cutAt: number
  readonly liftedAt: number
  readonly sides: readonly { readonly seats: readonly Seat[]; readonly ink: string; readonly name: SideCard['name'] }[]
}

/** The page's report, from all replica reports of one storm so far. */
export function healCard(
  storm: HealedStorm,
  heard: readonly HeardReport[],
  log: WriteLog,
  state: { readonly digest: string; readonly ink: string },
): HealCard | undefined {
  const across = heard.filter(({ seat, peer }) => peer !== undefined && sideOf(storm, seat) !== sideOf(storm, peer))
  const used = across.length > 0 ? across : heard
  const last = used.at(-1)
  if (last === undefined) return undefined
  const sides = storm.sides.map((side) => sideCard(side, storm, used, log))
  return {
    id: storm.id,
    at: last.at,
    cutAt: storm.cutAt,
    liftedAt: storm.liftedAt,
    digest: state.digest,
    ink: state.ink,
    sides,
    conflicts: conflictCards(used, log),
    quiet: quietLines(used, storm, log),
    reporter: last.seat,
    cause: 'storm',
  }
}

function sideOf(storm: HealedStorm, seat: Seat): number {
  return storm.sides.findIndex((side) => side.seats.includes(seat))
}

/** What a side sent or would send: the fullest account that one of its islands gave. */
function sideCard(
  side: HealedStorm['sides'][number],
  storm: HealedStorm,
  heard: readonly HeardReport[],
  log: WriteLog,
): SideCard {
  const writes = log.between(side.seats, storm.cutAt, storm.liftedAt)
  // Its own account counts first; where none of its islands has reported yet, what the others got from it.
  const own = heard.filter(({ seat }) => side.seats.includes(seat)).map(({ report }) => report.ours)
  const got = heard.filter(({ seat }) => !side.seats.includes(seat)).map(({ report }) => report.theirs)
  const byFullness = (a: SideSummary, b: SideSummary): number => b.changes - a.changes || b.bytes - a.bytes
  const [told] = own.sort(byFullness)
  const fullest = told !== undefined && told.changes > 0 ? told : (got.sort(byFullness)[0] ?? told)
  return {
    seats: side.seats,
    name: side.name,
    islands: westToEast(side.seats).map(seatName),
    ink: side.ink,
    did: didText(writes.flatMap((write) => (write.op === undefined ? [] : [write.op]))),
    changes: fullest?.changes ?? 0,
    keys: fullest?.keys ?? 0,
    bytes: fullest?.bytes ?? 0,
  }
}

function conflictCards(heard: readonly HeardReport[], log: WriteLog): ConflictCard[] {
  const cards = new Map<string, ConflictCard>()
  for (const { report } of heard) {
    for (const conflict of report.conflicts) {
      const card = conflictCard(conflict, log)
      if (card === undefined) continue
      const known = cards.get(card.id)
      if (known === undefined || (known.before === undefined && card.before !== undefined)) cards.set(card.id, card)
    }
  }
  return [...cards.values()].sort((a, b) => (a.leaf === b.leaf ? 0 : a.leaf === 'flag' ? -1 : 1))
}

/** One conflict in the words of the page; `undefined` where a write is not known here. */
export function conflictCard(conflict: Conflict, log: WriteLog): ConflictCard | undefined {
  const leaf = leafOf(conflict.path[0])
  const ours = writeOf(conflict.ours, log)
  const theirs = writeOf(conflict.theirs, log)
  if (leaf === undefined || ours === undefined || theirs === undefined) return undefined
  const [kept, other] = conflict.winner === 'theirs' ? [theirs, ours] : [ours, theirs]
  const item = conflict.element === undefined ? '' : String(conflict.element)
  const before = conflict.ancestor.known ? conflict.ancestor.value : undefined
  return {
    id: `${leaf}/${item}`,
    leaf,
    item,
    rule: conflict.rule,
    kept,
    other,
    bothKept: conflict.winner === 'both',
    before: before === undefined ? undefined : String(before),
    canReapply: conflict.winner !== 'both' && (leaf === 'flag' || leaf === 'chest'),
  }
}

function writeOf(side: Conflict['ours'], log: WriteLog): ConflictWrite | undefined {
  const record = log.at(side.dot)
  return record === undefined
    ? undefined
    : { value: side.value === undefined ? undefined : String(side.value), record, clockMs: side.at }
}

function quietLines(
  heard: readonly HeardReport[],
  storm: HealedStorm,
  log: WriteLog,
): { what: string; text: string }[] {
  const lines = new Map<string, string>()
  // The account with most of the other side in it says what became of a value.
  const fullest = [...heard].sort((a, b) => a.report.theirs.changes - b.report.theirs.changes)
  for (const { report, seat } of fullest) {
    const conflicting = new Set(
      report.conflicts.filter((conflict) => conflict.element !== undefined).map((conflict) => String(conflict.element)),
    )
    for (const merged of report.merged) {
      const text = quietText(merged, conflicting, storm, log, sideOf(storm, seat) > 0)
      if (text !== undefined) lines.set(nameOf(merged.path[0]), text)
    }
  }
  return [...lines].map(([what, text]) => ({ what, text })).sort((a, b) => (a.what < b.what ? 1 : -1))
}

function quietText(
  merged: MergedKey,
  conflicting: ReadonlySet<string>,
  storm: HealedStorm,
  log: WriteLog,
  isEast: boolean,
): string | undefined {
  const { effect } = merged
  switch (effect.kind) {
    case 'counter': {
      const before = effect.after - effect.ours - effect.theirs
      // West first, whoever tells it.
      const both = isEast ? [effect.theirs, effect.ours] : [effect.ours, effect.theirs]
      const parts = both.filter((part) => part !== 0)
      const sum = [String(before), ...parts.map((part) => (part < 0 ? `− ${-part}` : `+ ${part}`))].join(' ')
      return `${sum} = ${effect.after}${parts.length === 2 ? ', both count' : ''}`
    }
    case 'set': {
      const added = effect.added.map(String).filter((item) => !conflicting.has(item))
      const removed = effect.removed.map(String).filter((item) => !conflicting.has(item))
      const texts = [
        ...added.map((item) => `${item} came from ${placeOf(storm, log, { leaf: 'chest', item, way: 'add' })}`),
        ...removed.map(
          (item) => `${item} went, taken out in ${placeOf(storm, log, { leaf: 'chest', item, way: 'remove' })}`,
        ),
      ]
      return texts.length === 0 ? undefined : texts.join('; ')
    }
    case 'list':
      return `${effect.inserted} lines in, ${effect.removed} out`
    case 'value':
      return `${String(effect.before ?? 'none')} became ${String(effect.after ?? 'none')}`
  }
}

/** Where a chest was changed: the side whose island wrote it. */
function placeOf(storm: HealedStorm, log: WriteLog, op: WriteOp & { leaf: 'chest' }): string {
  for (const side of storm.sides) {
    const found = log
      .between(side.seats, storm.cutAt, storm.liftedAt)
      .some((write: LoggedWrite) => write.op?.leaf === 'chest' && write.op.item === op.item && write.op.way === op.way)
    if (found)
      return side.name === 'Here' || side.name === 'Across' ? side.name.toLowerCase() : `the ${side.name.toLowerCase()}`
  }
  return 'both'
}

function leafOf(name: string | undefined): ConflictCard['leaf'] | undefined {
  return name === 'flag' || name === 'chest' || name === 'tally' || name === 'log' ? name : undefined
}

function nameOf(name: string | undefined): string {
  return name === undefined ? '' : name.charAt(0).toUpperCase() + name.slice(1)
}
