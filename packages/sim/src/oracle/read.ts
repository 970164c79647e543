/** What an op log reads at a version, leaf by leaf, from the definitions and not from the store's shortcuts. */
import { leafKinds, type Path, type Value, type Version } from '@rejoin/state'
import type { LoggedItem, LoggedKey, OpLog } from './op-log.ts'

/** A leaf that is present at a version. */
export interface OracleLeaf {
  readonly path: Path
  readonly kind: number
  /** What it reads: sets sorted by canonical key, multi-values in the order in which they would win. */
  readonly value: Value
}

/** The present leaves at a version, by `kind;path`. */
export function leavesAt(log: OpLog, version: Version): Map<string, OracleLeaf> {
  const leaves = new Map<string, OracleLeaf>()
  for (const [id, keys] of log.leaves) {
    const first = keys[0] as LoggedKey
    if (first.kind === leafKinds.counterReset) continue
    const value = readLeaf(log, first, keys, version)
    if (value !== undefined) leaves.set(id, { path: first.path, kind: first.kind, value })
  }
  return leaves
}

function readLeaf(log: OpLog, first: LoggedKey, keys: readonly LoggedKey[], version: Version): Value | undefined {
  if (first.kind === leafKinds.counter) return readCounter(log, keys, version)
  if (first.kind === leafKinds.set || first.kind === leafKinds.setRemoveWins) return readSet(log, keys, version)
  if (first.kind === leafKinds.fenced || first.kind === leafKinds.resolved) {
    const named = keys.filter((key) => log.liveItems(key, version).length > 0)
    const least = named.sort((a, b) => (a.member < b.member ? -1 : 1))[0]
    return least === undefined ? undefined : readNamed(log.liveItems(least, version).sort(compareItems), least)
  }
  if (first.kind === leafKinds.bounded) return readBounded(log, keys, version)
  if (first.kind === leafKinds.list) {
    const elements = first.list?.elementsAt(version) ?? []
    return elements.length === 0 ? undefined : elements.map((element) => element.value)
  }
  const items = log.liveItems(first, version).sort(compareItems)
  if (items.length === 0) return undefined
  switch (first.kind) {
    case leafKinds.mvRegister:
      return items.map((item) => item.value)
    case leafKinds.flag:
      return items.some((item) => item.value === true)
    case leafKinds.flagDisableWins:
      return items.every((item) => item.value === true)
    case leafKinds.entry:
      return true
    case leafKinds.ranked:
      return partsOf(items.reduce((best, item) => (rankOf(item) >= rankOf(best) ? item : best)))[1]
    default:
      return items.at(-1)?.value
  }
}

/** Items come in the order in which they would win by time. */
function readNamed(items: readonly LoggedItem[], { kind, member }: LoggedKey): Value {
  const last = items[items.length - 1] as LoggedItem
  if (kind === leafKinds.fenced) {
    const [epoch, ballot] = items.map(tokenOf).sort((a, b) => b[0] - a[0] || b[1] - a[1])[0] as [number, number]
    const holders = items.filter((item) => tokenOf(item)[0] === epoch && tokenOf(item)[1] === ballot)
    return partsOf(holders[holders.length - 1] as LoggedItem)[2] as Value
  }
  if (member === 'earliest') return (items[0] as LoggedItem).value
  // Numbers by what they are: as text 8 would be greater than 76.
  if (member === 'greatest') {
    const values = items.map(({ value }) => value as string | number)
    return values.sort((a, b) => (a < b ? -1 : 1))[values.length - 1] as Value
  }
  return last.value
}

const partsOf = (item: LoggedItem): readonly Value[] => item.value as readonly Value[]

const tokenOf = (item: LoggedItem): readonly [number, number] => [
  partsOf(item)[0] as number,
  partsOf(item)[1] as number,
]

const rankOf = (item: LoggedItem): number => partsOf(item)[0] as number

function readSet(log: OpLog, keys: readonly LoggedKey[], version: Version): Value | undefined {
  const isThere = (key: LoggedKey): boolean => {
    const items = log.liveItems(key, version)
    const isGone = key.kind === leafKinds.setRemoveWins && items.some((item) => item.value === false)
    return items.length > 0 && !isGone
  }
  const members = keys.filter(isThere).map((key) => key.member)
  return members.length === 0 ? undefined : members.sort().map(memberValue)
}

/**
 * Every `add` counts that no delete had seen (observed reset). A delete is any change that reset a part of the counter;
 * it takes away what it had seen of *every* part, which its own record for each part must amount to.
 */
function readCounter(log: OpLog, parts: readonly LoggedKey[], version: Version): Value | undefined {
  const path = (parts[0] as LoggedKey).path
  let sum = 0
  let isPresent = false
  for (const part of parts) {
    const resets = log.keyAt(path, leafKinds.counterReset, part.member)?.items ?? []
    let before = 0
    for (const item of part.items) {
      const added = item.value as number
      const seen = resets.filter((reset) => version.has(reset) && hasSeen(log, reset, item))
      const within = seen.find((reset) => reset.author === item.author && reset.seq === item.seq)
      // A change that both resets and adds: what it added after its own reset stays.
      const from = within === undefined ? before : sumOf(within)
      const isGone = seen.length > (within === undefined ? 0 : 1) || (within !== undefined && added === from)
      before = added
      if (isGone || !version.has(item)) continue
      sum += added - from
      isPresent = true
    }
  }
  return isPresent ? sum : undefined
}

/** Where it started, plus what everybody added, minus what everybody took; nothing until the first grant. */
function readBounded(log: OpLog, keys: readonly LoggedKey[], version: Version): Value | undefined {
  let value = 0
  let isGranted = false
  for (const key of keys) {
    const item = log.liveItems(key, version).sort(compareItems)[0]
    if (item === undefined || key.member.startsWith('!')) continue
    const [first, second] = item.value as readonly [number, number]
    if (key.member === '') isGranted = true
    value += key.member === '' ? first : first - second
  }
  return isGranted ? value : undefined
}

const sumOf = (reset: LoggedItem): number => (reset.value as readonly number[])[1] as number

function hasSeen(log: OpLog, reset: LoggedItem, add: LoggedItem): boolean {
  if (add.author !== reset.author) return log.changeAt(reset)?.context.has(add) === true
  if (add.seq !== reset.seq) return add.seq < reset.seq
  // Both in one change: the reset names the seq of the add only when the add came first.
  return (reset.value as readonly number[])[0] === add.seq
}

/** Order in which concurrent items win: later clock, then greater author. */
function compareItems(a: LoggedItem, b: LoggedItem): number {
  if (a.hlc !== b.hlc) return a.hlc - b.hlc
  if (a.author !== b.author) return a.author < b.author ? -1 : 1
  return a.seq - b.seq
}

/** The workloads put only strings and numbers into sets; their canonical keys begin with `s` and `d`. */
function memberValue(member: string): Value {
  return member.startsWith('d') ? Number(member.slice(1)) : member.slice(1)
}
