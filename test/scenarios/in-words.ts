import type { Conflict, ConflictSide, MergedKey } from '@rejoin/state'
import type { HealEvent } from '@rejoin/sync'

/** A value as one would write it: `{ eve: { points: 5 } }`. */
export function valueInWords(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `[${value.map(valueInWords).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).map(([name, field]) => `${name}: ${valueInWords(field)}`)
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
}

/** A heal report, a line for each conflict and for each field that merged without one; nothing where nothing happened. */
export function reportInWords(event: HealEvent): string[] {
  const { ours, theirs, conflicts, merged } = event
  if (ours.changes + theirs.changes + conflicts.length + merged.length === 0) return []
  const head = event.revision === 1 ? 'healed' : `reports again (${event.revision})`
  return [
    `${head}: own ${changesInWords(ours.changes)}, others' ${changesInWords(theirs.changes)}`,
    ...conflicts.map((conflict) => `  conflict at ${conflictInWords(conflict)}`),
    ...merged.map((one) => `  merged ${mergedInWords(one)}`),
  ]
}

function changesInWords(count: number): string {
  return count === 1 ? '1 change' : `${count} changes`
}

function conflictInWords(conflict: Conflict): string {
  const { path, kind, element, rule, ours, theirs, winner, result, ancestor } = conflict
  const place = `${path.join('.')}${element === undefined ? '' : ` ${valueInWords(element)}`}`
  const side = (one: ConflictSide): string => sideInWords(one, kind)
  const wins = winner === 'both' ? 'both stay' : winner === 'ours' ? 'own wins' : 'other wins'
  const reads = kind === 'entry' ? '' : `, reads ${valueInWords(result)}`
  const hides = kind === 'entry' || element !== undefined
  const before = hides ? '' : ancestor.known ? `, before ${valueInWords(ancestor.value)}` : ', before unknown'
  return `${place}: own ${side(ours)}, other ${side(theirs)}; ${wins} by ${rule}${reads}${before}`
}

function sideInWords({ value, ahead, rank, token }: ConflictSide, kind: string): string {
  const isPresence = kind === 'entry' || kind.startsWith('set')
  const said = value === undefined ? 'deleted' : isPresence ? 'written' : valueInWords(value)
  const grade = rank === undefined ? '' : ` of rank ${rank}`
  const fence = token === undefined ? '' : ` under token ${token.ballot}`
  return `${said}${grade}${fence}${ahead ? ' (clock far ahead)' : ''}`
}

function mergedInWords({ path, effect }: MergedKey): string {
  const place = path.join('.')
  switch (effect.kind) {
    case 'value':
      return `${place}: ${valueInWords(effect.before)} became ${valueInWords(effect.after)}`
    case 'counter':
      return `${place}: own ${signed(effect.ours)}, others' ${signed(effect.theirs)}, reads ${effect.after}`
    case 'set':
      return `${place}: in ${valueInWords(effect.added)}, out ${valueInWords(effect.removed)}`
    case 'list':
      return `${place}: ${effect.inserted} in, ${effect.removed} out`
  }
}

function signed(amount: number): string {
  return amount < 0 ? String(amount) : `+${amount}`
}
