/**
 * The protocol of epochs by itself: replicas of counters with observed resets, a remove-wins set and an add-wins set, as
 * small as they can be, beside an oracle that keeps every operation and folds nothing. Partitions, collection of removal
 * records, restarts, restored copies, fresh joiners and late returns in random order; one wrong shortcut at a time.
 *
 * Rules EP1 to EP8 of `packages/state/SPEC.md` are what is modelled here.
 */
import { createRandom, type RandomStream } from '@rejoin/sim'

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

type Versions = Map<string, number>
type Value = number | boolean | readonly [seq: number, sum: number]

interface Dot {
  readonly author: string
  readonly seq: number
}

interface Item extends Dot {
  readonly value: Value
}

interface Op {
  readonly key: string
  /** Undefined for a removal. */
  readonly value: Value | undefined
}

interface Change extends Dot {
  readonly context: Versions
  readonly ops: readonly Op[]
}

/** What an epoch folded away: enough to say what a change from before it means after it. */
interface Fold {
  readonly author: string
  /** The greatest reset of each part of a counter. */
  readonly marks: Map<string, readonly [seq: number, sum: number]>
  /** Resets, and removals of the remove-wins set, that are gone. */
  readonly gone: Map<string, readonly Dot[]>
}

interface Replica {
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

interface State {
  readonly full: boolean
  readonly version: Versions
  readonly floor: Versions
  readonly epochs: readonly string[]
  readonly folds: readonly Fold[]
  readonly rows: ReadonlyMap<string, { readonly items: readonly Item[]; readonly removals: readonly Dot[] }>
  readonly log: readonly Change[]
}

/** One operation as it was meant, for ever. */
interface Logged extends Dot {
  readonly context: Versions
  readonly what: 'add' | 'reset' | 'ban' | 'unban' | 'put' | 'remove'
  readonly at: string
  readonly amount: number
}

interface Model {
  readonly random: RandomStream
  readonly mutant: EpochMutant
  readonly replicas: Replica[]
  readonly images: (Replica | undefined)[]
  readonly ops: Logged[]
  readonly cuts: { readonly author: string; readonly cut: Versions; readonly context: Versions }[]
  readonly states: Map<string, string>
  /** Which replicas hear each other. */
  groups: number[]
  authors: number
  readonly counts: EpochCounts
}

/** What happened in a schedule. */
export interface EpochCounts {
  epochs: number
  crossings: number
  anchored: number
  full: number
}

const counters = ['hp', 'gold']
const members = ['eve', 'mallory']

/** Runs one schedule. @returns what went wrong first, or undefined. */
export function runEpochModel(
  seed: number,
  mutant: EpochMutant = {},
  counts: EpochCounts = { epochs: 0, crossings: 0, anchored: 0, full: 0 },
): string | undefined {
  const random = createRandom(seed, 'epochs')
  const count = 3 + random.int(6)
  const model: Model = {
    random,
    mutant,
    replicas: Array.from({ length: count }, newReplica),
    images: [],
    ops: [],
    cuts: [],
    states: new Map(),
    groups: Array.from({ length: count }, () => 0),
    authors: 0,
    counts,
  }
  for (let step = 0; step < 120; step++) {
    const touched = takeStep(model)
    const fault = touched === undefined ? undefined : check(model, touched)
    if (fault !== undefined) return `step ${step}, replica ${touched}: ${fault}`
  }
  return settle(model)
}

function newReplica(): Replica {
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

function takeStep(model: Model): number | undefined {
  const { random, replicas } = model
  const at = random.int(replicas.length)
  const replica = replicas[at] as Replica
  const draw = random.int(100)
  if (draw < 34) return write(model, replica, at)
  if (draw < 72) return meet(model, at)
  if (draw < 80) return collect(model, replica, at)
  if (draw < 87) return propose(model)
  if (draw < 92) {
    const sides = random.chance(0.3) ? 1 : 2 + random.int(2)
    model.groups = replicas.map(() => random.int(sides))
    return undefined
  }
  if (draw < 94) {
    model.images[at] = copyOf(replica)
    return undefined
  }
  if (draw < 97) {
    // The incarnation ends: its parts of counters are written no more.
    replica.author = undefined
    return undefined
  }
  return restart(model, at)
}

// --- writing

function write(model: Model, replica: Replica, at: number): number {
  const { random } = model
  replica.author ??= `a${model.authors++}`
  const { author } = replica
  const dot = { author, seq: (replica.version.get(author) ?? 0) + 1 }
  const context = new Map(replica.version)
  const ops: Op[] = []
  const log = (what: Logged['what'], where: string, amount = 0): void => {
    model.ops.push({ ...dot, context, what, at: where, amount })
  }
  const counter = random.pick(counters)
  const member = random.pick(members)
  const draw = random.int(10)
  if (draw < 4) {
    const key = `c:${counter}:${author}`
    const amount = 1 + random.int(9)
    ops.push({ key, value: ((replica.items.get(key)?.[0]?.value as number) ?? 0) + amount })
    log('add', counter, amount)
  } else if (draw < 6) {
    for (const [key, [item]] of replica.items) {
      if (!key.startsWith(`c:${counter}:`) || item === undefined) continue
      ops.push({ key: `r${key.slice(1)}`, value: [item.seq, item.value as number] })
    }
    if (ops.length > 0) log('reset', counter)
  } else if (draw < 9) {
    const isIn = random.chance(0.5)
    ops.push({ key: `s:${member}`, value: isIn })
    log(isIn ? 'unban' : 'ban', member)
  } else {
    const isPut = random.chance(0.5)
    ops.push({ key: `w:${member}`, value: isPut ? true : undefined })
    log(isPut ? 'put' : 'remove', member)
  }
  if (ops.length === 0) return at
  const change = { ...dot, context, ops }
  apply(replica, change)
  replica.log.push(change)
  return at
}

function apply(replica: Replica, { author, seq, context, ops }: Change): void {
  for (const { key, value } of ops) {
    const live = (replica.items.get(key) ?? []).filter((item) => item.author !== author && !has(context, item))
    if (value !== undefined) live.push({ author, seq, value })
    put(replica.items, key, live)
    if (value === undefined) put(replica.removals, key, [...(replica.removals.get(key) ?? []), { author, seq }])
  }
  replica.version.set(author, seq)
}

// --- epochs

/** The first replica is the anchor that proposes. */
function propose(model: Model): number | undefined {
  const { random, mutant, replicas, counts } = model
  const at = mutant.twoPropose === true ? random.int(2) : mutant.foldsAlone === true ? random.int(replicas.length) : 0
  const replica = replicas[at] as Replica
  // EP2: a proposer that was put back waits until it knows of every epoch that anybody is in.
  const isBehind = replicas.some(({ epochs }) => epochs.some((epoch) => !replica.epochs.includes(epoch)))
  if (isBehind && mutant.restoredProposes !== true && mutant.twoPropose !== true) return undefined
  const fold = foldOf(replica, `e${model.authors++}`)
  foldState(model, replica, fold, () => undefined)
  if (mutant.foldsAlone === true) return at
  const cut = new Map(replica.version)
  model.cuts.push({ author: fold.author, cut, context: cut })
  cross(replica, fold)
  if (mutant.crossesBelowTheCut !== true) free(replica, replica.version)
  counts.epochs++
  return at
}

function foldOf(replica: Replica, author: string): Fold {
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

function cross(replica: Replica, fold: Fold): void {
  replica.folds.set(fold.author, fold)
  replica.epochs = [...replica.epochs, fold.author]
  replica.version.set(fold.author, 1)
}

/** EP3: what an item means once the epoch has begun; undefined where it is gone. */
function foldItem(
  model: Model,
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
function foldState(
  model: Model,
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
function anchor(model: Model, change: Change, fold: Fold): Change {
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

// --- meeting

/** Two that hear each other: changes first, then state, both ways or one. */
function meet(model: Model, at: number): number | undefined {
  const { random, replicas, groups } = model
  const other = random.int(replicas.length)
  if (other === at || groups[other] !== groups[at]) return undefined
  tell(model, at, other)
  return other
}

function tell(model: Model, from: number, to: number): void {
  const [sender, receiver] = [model.replicas[from] as Replica, model.replicas[to] as Replica]
  if (model.random.chance(0.5)) {
    for (const change of sender.log) receiveChange(model, receiver, change)
  }
  if (model.random.chance(0.8)) receiveState(model, receiver, stateFor(model, sender, receiver))
  if (to === 0) forget(sender, receiver.version)
  if (from === 0) forget(receiver, sender.version)
}

function forget(replica: Replica, version: Versions): void {
  replica.log = replica.log.filter((change) => !has(version, change))
}

function keep(replica: Replica, change: Change): void {
  if (!replica.log.some((kept) => isSame(kept, change))) replica.log.push(change)
}

function receiveChange(model: Model, replica: Replica, change: Change): void {
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
function stateFor(model: Model, sender: Replica, receiver: Replica): State {
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

function receiveState(model: Model, replica: Replica, state: State): void {
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

function foldRows(model: Model, state: State, folds: readonly Fold[]): State['rows'] {
  const items = new Map([...state.rows].map(([key, row]) => [key, [...row.items]]))
  const removals = new Map([...state.rows].map(([key, row]) => [key, [...row.removals]]))
  const contextOf = (dot: Dot) => state.log.find((change) => isSame(change, dot))?.context
  for (const fold of folds) foldState(model, { items, removals, version: state.version }, fold, contextOf)
  return new Map(
    [...state.rows.keys()].map((key) => [key, { items: items.get(key) ?? [], removals: removals.get(key) ?? [] }]),
  )
}

// --- what befalls replicas

function free(replica: Replica, upTo: Versions): void {
  for (const [key, removals] of [...replica.removals])
    put(
      replica.removals,
      key,
      removals.filter((dot) => !has(upTo, dot)),
    )
  for (const [author, seq] of upTo) raise(replica.floor, author, seq)
}

/** Removal records are freed whatever those have who are away: they join whole. */
function collect(model: Model, replica: Replica, at: number): number {
  const upTo = new Map(replica.version)
  const other = model.random.pick(model.replicas)
  if (model.random.chance(0.5))
    for (const [author, seq] of upTo) upTo.set(author, Math.min(seq, other.version.get(author) ?? 0))
  free(replica, upTo)
  return at
}

/** An older copy takes the place of a replica, or a fresh one: what it wrote since is where it was sent. */
function restart(model: Model, at: number): number {
  const image = model.images[at]
  const { replicas, random } = model
  const before = replicas[at] as Replica
  if (at === 0) {
    // A proposer goes on from its disk, or from an old copy of that.
    const isRestored = image !== undefined && random.chance(0.5) && model.mutant.putsBack === true
    const copy = copyOf(isRestored ? image : before)
    replicas[at] = copy
  } else replicas[at] = image === undefined || random.chance(0.3) ? newReplica() : copyOf(image)
  ;(replicas[at] as Replica).author = undefined
  return at
}

function copyOf(replica: Replica): Replica {
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

// --- the oracle

function check(model: Model, at: number): string | undefined {
  const replica = model.replicas[at] as Replica
  const name = JSON.stringify([...replica.version].sort())
  const found = readReplica(replica)
  const expected = readOracle(model, replica.version)
  if (found !== expected) return `reads ${found}, not ${expected}, at ${name}`
  const state = JSON.stringify([...replica.items].map(([key, items]) => [key, [...items].sort(compareDots)]).sort())
  const known = model.states.get(name)
  if (known !== undefined && known !== state) return `holds ${state}, another ${known}, at ${name}`
  model.states.set(name, state)
  return undefined
}

function readReplica({ items }: Replica): string {
  const read: string[] = []
  for (const counter of counters) {
    let sum = 0
    for (const [key, [part]] of items) {
      if (!key.startsWith(`c:${counter}:`) || part === undefined) continue
      let best: readonly [number, number] = [0, 0]
      for (const { value } of items.get(`r${key.slice(1)}`) ?? []) {
        const mark = value as readonly [number, number]
        if (mark[0] > best[0]) best = mark
      }
      sum += (part.value as number) - best[1]
    }
    read.push(`${counter}=${sum}`)
  }
  for (const member of members) {
    const live = items.get(`s:${member}`) ?? []
    if (live.length > 0 && live.every(({ value }) => value === true)) read.push(`in ${member}`)
    if ((items.get(`w:${member}`) ?? []).length > 0) read.push(`put ${member}`)
  }
  return read.join()
}

/** From the definitions alone. An epoch decides one thing: adds that a removal in its cut had won over stay lost. */
function readOracle({ ops, cuts }: Model, version: Versions): string {
  const seen = ops.filter((op) => has(version, op))
  const sees = (later: Logged, earlier: Logged): boolean => has(later.context, earlier)
  const liveAt = (at: string, what: readonly Logged['what'][], within: readonly Logged[]): Logged[] => {
    const here = within.filter((op) => op.at === at && what.includes(op.what))
    return here.filter((op) => !here.some((later) => later !== op && sees(later, op)))
  }
  const read: string[] = []
  for (const counter of counters) {
    const resets = seen.filter((op) => op.what === 'reset' && op.at === counter)
    const adds = seen.filter((op) => op.what === 'add' && op.at === counter)
    const sum = adds.reduce((total, add) => (resets.some((reset) => sees(reset, add)) ? total : total + add.amount), 0)
    read.push(`${counter}=${sum}`)
  }
  for (const member of members) {
    const lost = new Set<Logged>()
    for (const { author, cut } of cuts) {
      if (!version.has(author)) continue
      const within = ops.filter((op) => has(cut, op))
      const bans = liveAt(member, ['ban', 'unban'], within).filter((op) => op.what === 'ban' && !lost.has(op))
      for (const op of seen) {
        if (op.at !== member || op.context.has(author)) continue
        if (op.what === 'unban' && bans.some((ban) => !sees(op, ban))) lost.add(op)
      }
      for (const ban of bans) lost.add(ban)
    }
    const within = seen.filter((op) => op.at === member && (op.what === 'ban' || op.what === 'unban'))
    const live = liveAt(member, ['ban', 'unban'], within).filter((op) => !lost.has(op))
    if (live.length > 0 && live.every((op) => op.what === 'unban')) read.push(`in ${member}`)
    if (liveAt(member, ['put', 'remove'], seen).some((op) => op.what === 'put')) read.push(`put ${member}`)
    // A removal takes nothing away that it had not seen, so a put beside one is there.
  }
  return read.join()
}

/** Everybody meets everybody, the proposer first: then all have the same. */
function settle(model: Model): string | undefined {
  const { replicas } = model
  for (let round = 0; round < 4; round++) {
    for (const to of replicas.keys()) {
      for (const from of replicas.keys()) {
        if (from === to) continue
        const [sender, receiver] = [replicas[from] as Replica, replicas[to] as Replica]
        for (const change of sender.log) receiveChange(model, receiver, change)
        receiveState(model, receiver, stateFor(model, sender, receiver))
        const fault = check(model, to)
        if (fault !== undefined) return `settling, replica ${to}: ${fault}`
      }
    }
  }
  const first = replicas[0] as Replica
  const behind = replicas.findIndex(({ version }) => !covers(version, first.version) || !covers(first.version, version))
  return behind === -1 ? undefined : `replica ${behind} did not converge`
}

// --- versions

function has(version: Versions, { author, seq }: Dot): boolean {
  return (version.get(author) ?? 0) >= seq
}

function covers(version: Versions, other: Versions): boolean {
  return [...other].every(([author, seq]) => (version.get(author) ?? 0) >= seq)
}

function raise(version: Versions, author: string, seq: number): void {
  if ((version.get(author) ?? 0) < seq) version.set(author, seq)
}

function isSame(a: Dot, b: Dot): boolean {
  return a.author === b.author && a.seq === b.seq
}

function isEarlier(dot: Dot, change: Dot): boolean {
  return dot.author === change.author && dot.seq < change.seq
}

function compareDots(a: Dot, b: Dot): number {
  return a.author === b.author ? a.seq - b.seq : a.author < b.author ? -1 : 1
}

function put<T>(map: Map<string, T[]>, key: string, values: T[]): void {
  if (values.length === 0) map.delete(key)
  else map.set(key, values)
}
