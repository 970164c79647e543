/** What a replica of the model of epochs has, and what becomes of it: rules EP3 to EP6 of `packages/state/SPEC.md`. */
import { covers, type Dot, has, isEarlier, isSame, raise, type Versions } from './epoch-oracle.ts'

/** Shortcuts that lose, double or bring back something. */
export interface EpochMutant {
  /** Every replica folds for itself, at whatever it has, and nobody is told. */
  readonly foldsAlone?: boolean
  /** The record is taken without folding what is here. */
  readonly crossesWithoutFolding?: boolean
  /** The floor stays: whoever has not all of the cut is sent what it lacks, and folds what it has. */
  readonly crossesBelowTheCut?: boolean
  /** State from before an epoch is merged as it is. */
  readonly mergesOldState?: boolean
  /** Changes from before an epoch are merged as they are. */
  readonly mergesOldChanges?: boolean
  /** A change that was re-anchored is passed on as if it had not been. */
  readonly anchorsTwice?: boolean
  /** A late reset takes away what a folded one took already. */
  readonly resetsTwice?: boolean
  /** A late add brings back what a folded removal of a remove-wins set took away. */
  readonly revives?: boolean
  /** What a late add that lost had overwritten is told to nobody. */
  readonly losesRecords?: boolean
  /** Two replicas propose. */
  readonly twoPropose?: boolean
  /** The proposer is put back to an old copy now and then: not a shortcut, but what SPEC names as a limit. */
  readonly putsBack?: boolean
  /** And proposes at once then. */
  readonly restoredProposes?: boolean
  /** Removal records are freed and those who were away are sent what was written since. */
  readonly forgetsLaggards?: boolean
}

/** What happened in a schedule. */
export interface EpochCounts {
  epochs: number
  crossings: number
  anchored: number
  full: number
}

/** What a schedule is played under. */
export interface Rules {
  readonly mutant: EpochMutant
  readonly counts: EpochCounts
}

export type Value = number | boolean | readonly [seq: number, sum: number]

export interface Item extends Dot {
  readonly value: Value
}

export interface Op {
  readonly key: string
  /** Undefined for a removal. */
  readonly value: Value | undefined
}

export interface Change extends Dot {
  readonly context: Versions
  readonly ops: readonly Op[]
}

/** What an epoch folded away: enough to say what a change from before it means after it. */
export interface Fold {
  readonly author: string
  /** The greatest reset of each part of a counter. */
  readonly marks: Map<string, readonly [seq: number, sum: number]>
  /** Resets, and removals of the remove-wins set, that are gone. */
  readonly gone: Map<string, readonly Dot[]>
}

export interface Replica {
  readonly items: Map<string, Item[]>
  readonly removals: Map<string, Dot[]>
  readonly folds: Map<string, Fold>
  version: Versions
  floor: Versions
  epochs: readonly string[]
  /** Changes that the proposer is not known to have. */
  log: Change[]
  author: string | undefined
}

export interface State {
  readonly full: boolean
  readonly version: Versions
  readonly floor: Versions
  readonly epochs: readonly string[]
  readonly folds: readonly Fold[]
  readonly rows: ReadonlyMap<string, { readonly items: readonly Item[]; readonly removals: readonly Dot[] }>
  readonly log: readonly Change[]
}

export function newReplica(): Replica {
  return {
    items: new Map(),
    removals: new Map(),
    folds: new Map(),
    version: new Map(),
    floor: new Map(),
    epochs: [],
    log: [],
    author: undefined,
  }
}

export function copyOf(replica: Replica): Replica {
  return {
    ...replica,
    items: new Map(replica.items),
    removals: new Map(replica.removals),
    folds: new Map(replica.folds),
    version: new Map(replica.version),
    floor: new Map(replica.floor),
    log: [...replica.log],
    author: undefined,
  }
}

export function apply(replica: Replica, { author, seq, context, ops }: Change): void {
  for (const { key, value } of ops) {
    const live = (replica.items.get(key) ?? []).filter((item) => item.author !== author && !has(context, item))
    if (value !== undefined) live.push({ author, seq, value })
    put(replica.items, key, live)
    if (value === undefined) put(replica.removals, key, [...(replica.removals.get(key) ?? []), { author, seq }])
  }
  replica.version.set(author, seq)
}

export function foldOf(replica: Replica, author: string): Fold {
  const fold: Fold = { author, marks: new Map(), gone: new Map() }
  for (const [key, items] of replica.items) {
    if (key.startsWith('r:')) {
      const [first, ...rest] = items.map(({ value }) => value as readonly [number, number])
      if (first === undefined) continue
      fold.marks.set(
        key.slice(2),
        rest.reduce((best, mark) => (mark[0] > best[0] ? mark : best), first),
      )
      fold.gone.set(key, items)
    } else if (key.startsWith('s:') && items.some(({ value }) => value === false)) {
      fold.gone.set(
        key,
        items.filter(({ value }) => value === false),
      )
    }
  }
  return fold
}

export function cross(replica: Replica, fold: Fold): void {
  replica.folds.set(fold.author, fold)
  replica.epochs = [...replica.epochs, fold.author]
  replica.version.set(fold.author, 1)
}

/** EP3: what an item means once the epoch has begun; undefined where it is gone. */
export function foldItem(
  model: Rules,
  fold: Fold,
  key: string,
  item: Item,
  beside: readonly Item[],
  seen: (dot: Dot) => boolean | undefined,
): Item | undefined {
  const mark = fold.marks.get(key.slice(2))
  const gone = fold.gone.get(key) ?? []
  if (gone.some((dot) => isSame(dot, item))) return undefined
  if (key.startsWith('c:') && mark !== undefined) {
    const sum = item.value as number
    return item.seq <= mark[0] && sum === mark[1] ? undefined : { ...item, value: sum - mark[1] }
  }
  if (key.startsWith('r:') && mark !== undefined) {
    const [seq, sum] = item.value as readonly [number, number]
    if (model.mutant.resetsTwice === true) return item
    return { ...item, value: [seq, seq >= mark[0] ? sum - mark[1] : 0] }
  }
  if (key.startsWith('s:') && item.value === true && model.mutant.revives !== true) {
    const isBeaten = gone.some((dot) => beside.some((other) => isSame(other, dot)) || seen(dot) === false)
    if (isBeaten) return undefined
  }
  return item
}

/** Folds what stands here. `contextOf`: of a change that is kept here. */
export function foldState(
  model: Rules,
  replica: Pick<Replica, 'items' | 'removals' | 'version'>,
  fold: Fold,
  contextOf: (dot: Dot) => Versions | undefined,
): void {
  for (const [key, items] of [...replica.items]) {
    const folded = items.flatMap((item) => {
      const seen = (dot: Dot): boolean | undefined => {
        if (!has(replica.version, dot)) return false
        const context = contextOf(item)
        return context === undefined ? undefined : has(context, dot)
      }
      const kept = foldItem(model, fold, key, item, items, seen)
      // An add that lost has overwritten all the same: of that a record is left.
      if (kept === undefined && item.value === true && model.mutant.losesRecords !== true)
        put(replica.removals, key, [...(replica.removals.get(key) ?? []), item])
      return kept ?? []
    })
    put(replica.items, key, folded)
  }
}

/** EP5: a change from before an epoch as one of after it, under its own dot. */
export function anchor(model: Rules, change: Change, fold: Fold): Change {
  const ops = change.ops.map(({ key, value }): Op => {
    if (value === undefined) return { key, value }
    const item = { author: change.author, seq: change.seq, value }
    const folded = foldItem(model, fold, key, item, [], (dot) => has(change.context, dot) || isEarlier(dot, change))
    return { key, value: folded?.value }
  })
  const context = new Map(change.context)
  if (model.mutant.anchorsTwice !== true) context.set(fold.author, 1)
  return { ...change, context, ops }
}

export function forget(replica: Replica, version: Versions): void {
  replica.log = replica.log.filter((change) => !has(version, change))
}

export function keep(replica: Replica, change: Change): void {
  if (!replica.log.some((kept) => isSame(kept, change))) replica.log.push(change)
}

export function receiveChange(model: Rules, replica: Replica, change: Change): void {
  if (has(replica.version, change)) {
    keep(replica, change)
    return
  }
  if ((replica.version.get(change.author) ?? 0) + 1 !== change.seq || !covers(replica.version, change.context)) return
  const late = replica.epochs.filter((epoch) => !change.context.has(epoch))
  let anchored = change
  if (model.mutant.mergesOldChanges !== true) {
    for (const epoch of late) {
      const fold = replica.folds.get(epoch)
      // EP6: whoever cannot say what it means leaves it to others.
      if (fold === undefined) return
      anchored = anchor(model, anchored, fold)
    }
    if (late.length > 0) model.counts.anchored++
  }
  apply(replica, anchored)
  keep(replica, anchored)
}

/** EP4: what a peer lacks; whole where it lacks some of the floor, the records of epochs aside. */
export function stateFor(model: Rules, sender: Replica, receiver: Replica): State {
  const seen = new Map(receiver.version)
  for (const epoch of sender.epochs) seen.set(epoch, 1)
  const full = !covers(seen, sender.floor) && model.mutant.forgetsLaggards !== true
  const rows = new Map<string, { items: Item[]; removals: Dot[] }>()
  const missing = sender.epochs.filter((epoch) => !receiver.epochs.includes(epoch))
  const folds = receiver.version.size === 0 ? [] : missing.flatMap((epoch) => sender.folds.get(epoch) ?? [])
  // EP4: where a fold asks what an add had seen, the sender has decided, and says so.
  const decided = folds.flatMap(({ gone }) => [...gone.keys()].filter((key) => key.startsWith('s:')))
  for (const key of new Set([...sender.items.keys(), ...sender.removals.keys(), ...decided])) {
    const items = sender.items.get(key) ?? []
    const removals = (sender.removals.get(key) ?? []).filter((dot) => full || !has(receiver.version, dot))
    const isDecided = decided.includes(key)
    if (full || isDecided || removals.length > 0 || items.some((item) => !has(receiver.version, item)))
      rows.set(key, { items, removals })
  }
  if (full) model.counts.full++
  const { epochs } = sender
  return { full, version: new Map(sender.version), floor: new Map(sender.floor), epochs, folds, rows, log: sender.log }
}

export function receiveState(model: Rules, replica: Replica, state: State): void {
  const { mutant } = model
  const behind = state.epochs.filter((epoch) => !replica.epochs.includes(epoch))
  const ahead = replica.epochs.filter((epoch) => !state.epochs.includes(epoch))
  if (ahead.length > 0 && behind.length > 0) return
  let { rows } = state
  if (ahead.length > 0 && mutant.mergesOldState !== true) {
    const folds = ahead.map((epoch) => replica.folds.get(epoch))
    if (folds.some((fold) => fold === undefined)) return
    rows = foldRows(model, state, folds as Fold[])
  }
  if (behind.length > 0) {
    const folds = behind.flatMap((epoch) => state.folds.find(({ author }) => author === epoch) ?? [])
    if (folds.length === behind.length) {
      for (const fold of folds) {
        if (mutant.crossesWithoutFolding !== true)
          foldState(model, replica, fold, (dot) => replica.log.find((change) => isSame(change, dot))?.context)
        cross(replica, fold)
      }
    } else {
      // EP6: without the folds only the whole state takes the place of ours, where it includes it.
      if (!state.full || !covers(state.version, replica.version)) return
      replica.items.clear()
      replica.removals.clear()
      replica.version = new Map()
      replica.epochs = state.epochs
    }
    model.counts.crossings++
  }
  const before = new Map(replica.version)
  for (const [key, { items, removals }] of rows) {
    const ours = replica.items.get(key) ?? []
    const kept = ours.filter((item) => !has(state.version, item) || items.some((other) => isSame(item, other)))
    put(replica.items, key, [...kept, ...items.filter((item) => !has(before, item))])
    const fresh = removals.filter((dot) => !has(before, dot))
    if (fresh.length > 0) put(replica.removals, key, [...(replica.removals.get(key) ?? []), ...fresh])
  }
  if (state.full) {
    for (const [key, items] of [...replica.items]) {
      if (!rows.has(key))
        put(
          replica.items,
          key,
          items.filter((item) => !has(state.version, item)),
        )
    }
  }
  for (const [author, seq] of state.version) raise(replica.version, author, seq)
  if (state.full || behind.length > 0) for (const [author, seq] of state.floor) raise(replica.floor, author, seq)
  for (const change of state.log) keep(replica, change)
}

export function foldRows(model: Rules, state: State, folds: readonly Fold[]): State['rows'] {
  const items = new Map([...state.rows].map(([key, row]) => [key, [...row.items]]))
  const removals = new Map([...state.rows].map(([key, row]) => [key, [...row.removals]]))
  const contextOf = (dot: Dot) => state.log.find((change) => isSame(change, dot))?.context
  for (const fold of folds) foldState(model, { items, removals, version: state.version }, fold, contextOf)
  return new Map(
    [...state.rows.keys()].map((key) => [key, { items: items.get(key) ?? [], removals: removals.get(key) ?? [] }]),
  )
}

export function free(replica: Replica, upTo: Versions): void {
  for (const [key, removals] of [...replica.removals])
    put(
      replica.removals,
      key,
      removals.filter((dot) => !has(upTo, dot)),
    )
  for (const [author, seq] of upTo) raise(replica.floor, author, seq)
}

function put<T>(map: Map<string, T[]>, key: string, values: T[]): void {
  if (values.length === 0) map.delete(key)
  else map.set(key, values)
}
