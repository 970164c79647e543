import { type Change, type ContextOf, type Dot, lastSeq, type Store, type Version } from '@rejoin/state'

/** A change with its size, in the order in which the store took it in. */
export interface KeptChange {
  readonly change: Change
  readonly bytes: number
  /** A server brought it, so it need not be kept for one. */
  readonly isFromServer: boolean
}

/** How much of the acknowledged past a log keeps for peers that are only a little behind. */
export interface ChangeLogLimits {
  readonly changes: number
  readonly bytes: number
}

/**
 * The changes that this replica can still send as changes.
 *
 * A client keeps every change that no server has durably acknowledged (C13), whatever its size; beyond those, as
 * everybody, a bounded tail that spares peers a bundle. Order of entries is causal: it is the order of merging.
 */
export interface ChangeLog {
  /** Appends a change that was just merged or written. */
  add(change: Change, bytes: number, isFromServer: boolean): void
  /** Forgets what is beyond the limits, and for a client only if a server has it. */
  trim(acked: Version): void
  /** Kept changes that no server is known to have. */
  unsettled(acked: Version): KeptChange[]
  /**
   * Every kept change that a replica at `sent` lacks, if these together bring it to `target`; undefined when some
   * of what it lacks is only in the state, so that a bundle is needed.
   */
  since(sent: Version, target: Version): readonly KeptChange[] | undefined
  has(change: Change): boolean
  /** The kept change of an author that begins at `seq`. */
  get(author: string, seq: number): Change | undefined
  /** What the author of a kept change had seen, by a dot of it. */
  readonly contextOf: ContextOf
  clear(): void
  readonly size: number
  readonly bytes: number
}

/** Makes an empty log. `keepUnsettled`: what no server has stays, whatever the limits. */
export function createChangeLog(limits: ChangeLogLimits, keepUnsettled: boolean): ChangeLog {
  let kept: KeptChange[] = []
  const known = new Map<string, Change>()
  let bytes = 0
  /** Below these nothing is trimmed: grows when what is over the limits must stay, so that it is not gone through for ever. */
  let trimAt = { changes: limits.changes, bytes: limits.bytes }

  const log: ChangeLog = {
    get size(): number {
      return kept.length
    },
    get bytes(): number {
      return bytes
    },
    has: (change) => known.has(idOf(change)),
    get: (author, seq) => known.get(idOf({ author, seq })),
    contextOf: (dot) => kept.find(({ change }) => holds(change, dot))?.change.context,
    add: (change, size, isFromServer) => {
      const id = idOf(change)
      if (known.has(id)) return
      known.set(id, change)
      kept.push({ change, bytes: size, isFromServer })
      bytes += size
    },
    trim: (acked) => {
      if (kept.length <= trimAt.changes && bytes <= trimAt.bytes) return
      // In steps of a quarter, so that trimming is not paid at every change.
      const targetChanges = limits.changes * 0.75
      const targetBytes = limits.bytes * 0.75
      let changes = kept.length
      kept = kept.filter((entry) => {
        if (changes <= targetChanges && bytes <= targetBytes) return true
        if (keepUnsettled && !isSettled(entry, acked)) return true
        changes -= 1
        bytes -= entry.bytes
        known.delete(idOf(entry.change))
        return false
      })
      trimAt = {
        changes: Math.max(limits.changes, kept.length * 1.25),
        bytes: Math.max(limits.bytes, bytes * 1.25),
      }
    },
    unsettled: (acked) => kept.filter((entry) => !isSettled(entry, acked)),
    since: (sent, target) => {
      let lacking = 0
      for (const [author, seq] of target.above(sent)) lacking += seq - sent.get(author)
      const missing: KeptChange[] = []
      // From the end: in the steady state only the newest few are looked at.
      for (let i = kept.length - 1; i >= 0 && lacking > 0; i--) {
        const entry = kept[i] as KeptChange
        const last = lastSeq(entry.change)
        const from = Math.max(entry.change.seq - 1, sent.get(entry.change.author))
        if (last <= from) continue
        lacking -= last - from
        missing.push(entry)
      }
      return lacking === 0 ? missing.reverse() : undefined
    },
    clear: () => {
      kept = []
      known.clear()
      bytes = 0
    },
  }
  return log
}

/**
 * Cuts changes into runs of about `maxBytes`, never between a change and the one whose `cause` names it: whoever
 * merges the first must merge the second in the same step.
 */
export function cutIntoFrames(entries: readonly KeptChange[], maxBytes: number): KeptChange[][] {
  const frames: KeptChange[][] = []
  let frame: KeptChange[] = []
  let bytes = 0
  let open = new Set<string>()
  const undone = new Set<string>()
  for (const { change } of entries) if (change.cause !== undefined) undone.add(idOf(change.cause))
  for (const entry of entries) {
    const { change } = entry
    if (change.cause !== undefined) open.delete(idOf(change.cause))
    else if (bytes + entry.bytes > maxBytes && frame.length > 0 && open.size === 0) {
      frames.push(frame)
      frame = []
      bytes = 0
      open = new Set()
    }
    frame.push(entry)
    bytes += entry.bytes
    const id = idOf(change)
    if (undone.has(id)) open.add(id)
  }
  if (frame.length > 0) frames.push(frame)
  return frames
}

/** The version that `version` becomes when `changes` are added. */
export function versionAfter(version: Version, changes: readonly Change[]): Version {
  return changes.reduce((raised, change) => raised.with(change.author, lastSeq(change)), version)
}

/** Whether `version` includes a change wholly. */
export function includes(version: Version, change: Change): boolean {
  return version.get(change.author) >= lastSeq(change)
}

/** Whether a dot is of a change. */
export function holds(change: Change, dot: Dot): boolean {
  return change.author === dot.author && change.seq <= dot.seq && dot.seq <= lastSeq(change)
}

/** Whether everything of `store` is in `version`. */
export function isCurrent(store: Store, version: Version): boolean {
  return version === store.version || version.covers(store.version)
}

function isSettled(entry: KeptChange, acked: Version): boolean {
  return entry.isFromServer || includes(acked, entry.change)
}

function idOf(dot: { readonly author: string; readonly seq: number }): string {
  return `${dot.author}/${dot.seq}`
}
