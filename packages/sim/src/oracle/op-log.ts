/**
 * The slow and obvious twin of the store: it keeps every change of every author and works out, for any version, what
 * the document must be. It never merges, compacts or forgets, so no shortcut of the store can hide in it.
 *
 * The definition it implements, per merge key: an item is live at a version V iff the change that wrote it is in V,
 * and no change in V that wrote or removed the same key had seen it.
 */
import {
  type AuthorId,
  type Change,
  type Dot,
  type KindCode,
  leafKinds,
  type Op,
  type Path,
  type Value,
  type Version,
} from '@rejoin/state'
import { createListTree, type ListTree } from './list-tree.ts'

/** A write of one item, with all that was done to it later. */
export interface LoggedItem extends Dot {
  readonly hlc: number
  readonly value: Value
  /** Changes that overwrote or removed it having seen it. */
  readonly goneBy: Dot[]
}

/** Everything that ever happened at one merge key. */
export interface LoggedKey {
  readonly path: Path
  readonly kind: KindCode
  readonly member: string
  readonly items: LoggedItem[]
  /** Changes that wrote or removed it. */
  readonly touches: Dot[]
  readonly list: ListTree | undefined
}

/** What a change that was never recorded, or not in causal order, is: a broken promise of whoever calls. */
export class OracleError extends Error {
  override readonly name = 'OracleError'
}

/** An op log. Changes are recorded at their author's side, each once, in an order that respects causality. */
export interface OpLog {
  record(change: Change): void
  readonly changes: readonly Change[]
  /** The change that holds a dot. */
  changeAt(dot: Dot): Change | undefined
  /** All keys ever touched, by leaf: a set has one per element, a counter one per author. */
  readonly leaves: ReadonlyMap<string, readonly LoggedKey[]>
  /** The key at an address, if anything ever touched it. */
  keyAt(path: Path, kind: KindCode, member: string): LoggedKey | undefined
  /** The items of a key that are live at a version. */
  liveItems(key: LoggedKey, version: Version): LoggedItem[]
  /** The greatest seq recorded of an author. */
  last(author: AuthorId): number
  /**
   * An epoch began at `cut`. Nothing is folded here. All that it decides is what becomes of an add to a remove-wins set that
   * a removal in the cut had won over: it stays lost, also when that removal is taken away by whoever has crossed.
   */
  recordEpoch(author: AuthorId, cut: Version): void
}

/** An epoch: who has its author in its version has crossed. */
interface LoggedEpoch {
  readonly author: AuthorId
  readonly cut: Version
  /** What parts of counters are counted from by those who have crossed, by the id of the part. */
  readonly bases: ReadonlyMap<string, number>
}

/** An empty op log. */
export function createOpLog(): OpLog {
  const changes: Change[] = []
  const byAuthor = new Map<AuthorId, Change[]>()
  const keys = new Map<string, LoggedKey>()
  const leaves = new Map<string, LoggedKey[]>()
  const last = new Map<AuthorId, number>()
  const epochs: LoggedEpoch[] = []
  const changeAt = (dot: Dot): Change | undefined =>
    byAuthor.get(dot.author)?.findLast((change) => change.seq <= dot.seq)

  const hadSeen = (item: Dot, other: Dot): boolean =>
    item.author === other.author ? other.seq < item.seq : changeAt(item)?.context.has(other) === true

  /** What a part of a counter is counted from where a change was written: here all are counted from the beginning. */
  const baseOf = (change: Change, path: Path, member: string): number => {
    const epoch = epochs.findLast(({ author }) => change.context.get(author) > 0)
    return epoch?.bases.get(`${leafId(leafKinds.counterReset, path)}${member}`) ?? 0
  }

  const fromBeginning = (change: Change, { path, kind, member }: Op['key'], value: Value): Value => {
    if (kind === leafKinds.counter) return (value as number) + baseOf(change, path, member)
    if (kind !== leafKinds.counterReset) return value
    const [seq, sum] = value as readonly [number, number]
    return [seq, sum + baseOf(change, path, member)]
  }

  /** The greatest resets at a cut. */
  const basesAt = (cut: Version): Map<string, number> => {
    const bases = new Map<string, number>()
    for (const [id, key] of keys) {
      if (key.kind !== leafKinds.counterReset) continue
      const marks = key.items.filter((item) => isLive(item, cut)).map(({ value }) => value as readonly [number, number])
      const [greatest] = marks.sort((a, b) => b[0] - a[0])
      if (greatest !== undefined) bases.set(id, greatest[1])
    }
    return bases
  }

  /** What epochs within a version have decided at a key of a remove-wins set. */
  const lostAt = (key: LoggedKey, version: Version): ReadonlySet<LoggedItem> => {
    const lost = new Set<LoggedItem>()
    for (const { author, cut } of epochs) {
      if (version.get(author) === 0) continue
      const bans = key.items.filter((item) => item.value === false && isLive(item, cut) && !lost.has(item))
      for (const item of key.items) {
        const isLate = item.value === true && changeAt(item)?.context.get(author) === 0
        if (isLate && bans.some((ban) => !hadSeen(item, ban))) lost.add(item)
      }
      for (const ban of bans) lost.add(ban)
    }
    return lost
  }

  const keyOf = (path: Path, kind: KindCode, member: string, isList: boolean): LoggedKey => {
    const leaf = leafId(kind, path)
    const id = `${leaf}${member}`
    let key = keys.get(id)
    if (key === undefined) {
      key = { path, kind, member, items: [], touches: [], list: isList ? createListTree() : undefined }
      keys.set(id, key)
      const group = leaves.get(leaf)
      if (group === undefined) leaves.set(leaf, [key])
      else group.push(key)
    }
    return key
  }

  /** Marks what the change had seen of the key as gone; in a fenced register not what came with a higher token. */
  const overwrite = (key: LoggedKey, change: Change, written: Value | undefined): void => {
    const by: Dot = { author: change.author, seq: change.seq }
    for (const item of key.items) {
      if (key.kind === leafKinds.fenced && written !== undefined && isHigher(item.value, written)) continue
      const isOwnEarlier = item.author === change.author && item.seq <= change.seq
      if (isOwnEarlier || change.context.has(item)) item.goneBy.push(by)
    }
    key.touches.push(by)
  }

  const check = (change: Change): void => {
    const expected = (last.get(change.author) ?? 0) + 1
    if (change.seq !== expected) {
      throw new OracleError(`change ${change.author}:${change.seq} recorded where seq ${expected} is next`)
    }
    for (const [author, seq] of change.context.entries()) {
      if ((last.get(author) ?? 0) < seq) {
        throw new OracleError(`${change.author}:${change.seq} says it saw ${author}:${seq}, which nobody wrote`)
      }
    }
  }

  return {
    changes,
    leaves,
    keyAt: (path, kind, member) => keys.get(`${leafId(kind, path)}${member}`),
    record: (change) => {
      check(change)
      changes.push(change)
      const mine = byAuthor.get(change.author)
      if (mine === undefined) byAuthor.set(change.author, [change])
      else mine.push(change)
      last.set(change.author, change.seq + change.span - 1)
      for (const op of change.ops) {
        const isList = op.type === 'insert' || op.type === 'erase'
        const key = keyOf(op.key.path, op.key.kind, op.key.member, isList)
        if (op.type === 'insert') {
          key.list?.insert(change.author, op.run)
          key.touches.push({ author: change.author, seq: change.seq })
        } else if (op.type === 'erase') {
          for (const target of op.targets) key.list?.erase(target, { author: change.author, seq: change.seq })
          key.touches.push({ author: change.author, seq: change.seq })
        } else {
          overwrite(key, change, op.type === 'put' ? op.value : undefined)
          if (op.type === 'put') {
            key.items.push({
              author: change.author,
              seq: change.seq,
              hlc: change.hlc,
              value: fromBeginning(change, op.key, op.value),
              goneBy: [],
            })
          }
        }
      }
    },
    changeAt,
    liveItems: (key, version) => {
      const live = key.items.filter((item) => isLive(item, version))
      if (key.kind !== leafKinds.setRemoveWins || live.length === 0 || epochs.length === 0) return live
      const lost = lostAt(key, version)
      return live.filter((item) => !lost.has(item))
    },
    recordEpoch: (author, cut) => {
      epochs.push({ author, cut, bases: basesAt(cut) })
      last.set(author, 1)
    },
    last: (author) => last.get(author) ?? 0,
  }
}

/** Injective text of a leaf's address. */
export function leafId(kind: KindCode, path: Path): string {
  return JSON.stringify([kind, ...path])
}

/** Whether a fenced value carries a higher token than another: `[epoch, ballot, value]`. */
function isHigher(left: Value, right: Value): boolean {
  const [epoch, ballot] = left as readonly [number, number, Value]
  const [otherEpoch, otherBallot] = right as readonly [number, number, Value]
  return epoch > otherEpoch || (epoch === otherEpoch && ballot > otherBallot)
}

function isLive(item: LoggedItem, version: Version): boolean {
  if (!version.has(item)) return false
  for (const by of item.goneBy) if (version.has(by)) return false
  return true
}
