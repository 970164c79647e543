/** The report of a heal in live mode: this tab here, everybody behind the server across. */
import type { Conflict } from '@rejoin/state'
import type { HealEvent } from '@rejoin/sync'
import type { ConflictCard, ConflictWrite, HealCard } from '../events.ts'
import { dotKey } from '../events.ts'
import { type Ink, type Seat, seatName } from '../frame.ts'
import type { WriteLog } from '../world/write-log.ts'
import { versionEntries } from '../world/write-log.ts'

export interface LiveHeal {
  readonly event: HealEvent
  readonly log: WriteLog
  readonly own: Seat
  readonly at: number
  readonly cutAt: number
  readonly digest: string
  readonly ink: Ink
  nameOf(author: string): { readonly name: string; readonly seat: Seat | undefined }
}

let reports = 0

export function liveHealCard(heal: LiveHeal): HealCard {
  const { event } = heal
  // What is ours and not of this opening is of an earlier opening of this profile.
  for (const { author } of event.ours.byAuthor) heal.log.know(author, heal.own)
  reports += 1
  const conflicts = event.conflicts.flatMap((conflict) => {
    const card = cardOf(conflict, heal)
    return card === undefined ? [] : [card]
  })
  return {
    id: reports,
    at: heal.at,
    cutAt: heal.cutAt,
    liftedAt: Math.max(heal.cutAt, heal.cutAt + event.offlineMs),
    digest: heal.digest,
    ink: heal.ink,
    sides: [
      {
        seats: [heal.own],
        name: 'Here',
        islands: [seatName(heal.own)],
        ink: heal.ink,
        did: touched(event.ours.paths),
        ...counts(event.ours),
      },
      {
        seats: [],
        name: 'Across',
        islands: authorsOf(heal),
        ink: heal.ink,
        did: touched(event.theirs.paths),
        ...counts(event.theirs),
      },
    ],
    conflicts,
    quiet: event.merged.flatMap(({ path, effect }) => {
      const what = title(path[0] ?? '')
      if (effect.kind === 'counter') {
        const before = effect.after - effect.ours - effect.theirs
        const parts = [before, effect.ours, effect.theirs].filter((part, at) => at === 0 || part !== 0)
        return [{ what, text: `${parts.join(' + ')} = ${effect.after}` }]
      }
      if (effect.kind === 'set') {
        const parts = [
          ...effect.added.map((item) => `${String(item)} is in`),
          ...effect.removed.map((item) => `${String(item)} is out`),
        ]
        return parts.length === 0 ? [] : [{ what, text: parts.join('; ') }]
      }
      if (effect.kind === 'list') return [{ what, text: `${effect.inserted} in, ${effect.removed} out` }]
      return [{ what, text: `now ${String(effect.after ?? 'none')}` }]
    }),
    reporter: heal.own,
    cause: 'cable',
  }
}

function counts(side: HealEvent['ours']): { changes: number; keys: number; bytes: number } {
  return { changes: side.changes, keys: side.keys, bytes: side.bytes }
}

function touched(paths: readonly (readonly string[])[]): string[] {
  return [...new Set(paths.map((path) => `changed the ${path[0] ?? 'world'}`))]
}

function authorsOf(heal: LiveHeal): string[] {
  const names = heal.event.theirs.byAuthor.map(({ author }) => heal.nameOf(author).name)
  return names.length === 0 ? [heal.event.peer === '' ? 'server' : heal.event.peer] : [...new Set(names)]
}

function cardOf(conflict: Conflict, heal: LiveHeal): ConflictCard | undefined {
  const leaf = conflict.path[0]
  if (leaf !== 'flag' && leaf !== 'chest' && leaf !== 'tally' && leaf !== 'log') return undefined
  const ours = writeOf(conflict.ours, heal, true)
  const theirs = writeOf(conflict.theirs, heal, false)
  const [kept, other] = conflict.winner === 'theirs' ? [theirs, ours] : [ours, theirs]
  const item = conflict.element === undefined ? '' : String(conflict.element)
  return {
    id: `${leaf}/${item}`,
    leaf,
    item,
    rule: conflict.rule,
    kept,
    other,
    bothKept: conflict.winner === 'both',
    before:
      conflict.ancestor.known && conflict.ancestor.value !== undefined ? String(conflict.ancestor.value) : undefined,
    canReapply: conflict.winner !== 'both' && (leaf === 'flag' || leaf === 'chest'),
  }
}

/** The write behind one side: as logged, or, for one that came in a bundle, what is certain of it. */
function writeOf(side: Conflict['ours'], heal: LiveHeal, isOurs: boolean): ConflictWrite {
  const { author, seq } = side.dot
  const value = side.value === undefined ? undefined : String(side.value)
  const logged = heal.log.at(side.dot)
  const { name, seat } = heal.nameOf(author)
  const base = isOurs ? heal.event.cut : heal.event.common
  const record = logged ?? {
    key: dotKey(author, seq),
    author,
    seat,
    name,
    at: Math.max(0, heal.at - (Date.now() - side.at)),
    op: undefined,
    seen: versionEntries(base.with(author, seq)),
  }
  return { value, record: { ...record, name }, clockMs: side.at }
}

function title(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
