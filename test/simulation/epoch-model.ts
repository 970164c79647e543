/**
 * The protocol of epochs by itself: replicas of counters with observed resets, a remove-wins set and an add-wins set, as
 * small as they can be, beside an oracle that keeps every operation and folds nothing. Partitions, collection of removal
 * records, restarts, restored copies, fresh joiners and late returns in random order; one wrong shortcut at a time.
 *
 * Rules EP1 to EP8 of `packages/state/SPEC.md` are what is modelled here.
 */
import { createRandom, type RandomStream } from '@rejoin/sim'
import { compareDots, counters, covers, type Logged, members, readOracle, type Versions } from './epoch-oracle.ts'
import {
  apply,
  copyOf,
  cross,
  type EpochCounts,
  type EpochMutant,
  foldOf,
  foldState,
  forget,
  free,
  newReplica,
  type Op,
  type Replica,
  type Rules,
  receiveChange,
  receiveState,
  stateFor,
} from './epoch-replica.ts'

export type { EpochMutant } from './epoch-replica.ts'

interface Model extends Rules {
  readonly random: RandomStream
  readonly replicas: Replica[]
  readonly images: (Replica | undefined)[]
  readonly ops: Logged[]
  readonly cuts: { readonly author: string; readonly cut: Versions }[]
  readonly states: Map<string, string>
  /** Which replicas hear each other. */
  groups: number[]
  authors: number
}

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
  model.cuts.push({ author: fold.author, cut })
  cross(replica, fold)
  if (mutant.crossesBelowTheCut !== true) free(replica, replica.version)
  counts.epochs++
  return at
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

// --- what befalls replicas

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

// --- what must hold

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
