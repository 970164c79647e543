/**
 * Stores without a network: writes, changes, relays, bundles, duplicates, restarts and collection of removal records in
 * random order, compared with the op log after every step. One wrong shortcut at a time can be planted.
 *
 * A *mixed* schedule has all troubles at once (`members.ts`): partitions, restored copies, eviction of those who are away and
 * their late return, retirement of authors, and epochs over every kind of leaf.
 */
import {
  canonicalText,
  createOpLog,
  createRandom,
  type OpLog,
  OracleError,
  plainAt,
  type RandomStream,
} from '@rejoin/sim'
import {
  type AuthorId,
  applyBundle,
  authorIdFromBytes,
  type Bundle,
  beginEpoch,
  boundedAt,
  boundedState,
  bundleSince,
  type Change,
  createChangeDecoder,
  createChangeEncoder,
  type Dot,
  digestOf,
  freeRemovals,
  isRejoinError,
  type Store,
  storeToPlain,
  Version,
} from '@rejoin/state'
import { createStoreWith, type Rules, soundRules } from '@rejoin/state/testing'
import { differsFrom, drawSalt, playJoin } from './joins.ts'
import { Members } from './members.ts'
import { potions, randomRawWrite, rawWriteKinds } from './raw-writes.ts'

/** A wrong shortcut, planted at one of the places where bundles, changes and restarts pass. */
export interface Mutant {
  readonly rules?: Partial<Rules>
  /** What arrives instead of a bundle: nothing, itself, or several. */
  readonly onBundle?: (
    bundle: Bundle,
    to: Store,
    log: OpLog,
    /** Authors under which somebody may still write. */
    writing: ReadonlySet<AuthorId>,
  ) => readonly Bundle[]
  /** What arrives instead of a change. */
  readonly onChange?: (change: Change, to: Store, log: OpLog) => Change
  /** What writes instead of the usual workload. */
  readonly write?: typeof randomRawWrite
  /** Restarted stores go on under the author and seq found on disk. */
  readonly continuesSeq?: boolean
  /** Replaces the comparison of state, for shortcuts of reading. */
  readonly read?: (store: Store) => unknown
  /** Whether every store hands out first rights. */
  readonly everybodyGrants?: boolean
  /** Whether epochs begin. */
  readonly epochs?: boolean
  /** Whether every store begins them. */
  readonly everybodyProposes?: boolean
  /** Whether removal records are freed at all. Default true. */
  readonly collects?: boolean
  /** Whether the schedule is a mixed one. */
  readonly mixed?: boolean
  /** Whether every store frees removal records, also those that only hear of it from anchors. */
  readonly everybodyPrunes?: boolean
  /** Whether anchors free what they have themselves, whoever still counts. */
  readonly forgetsWhoCounts?: boolean
  /** Kinds of write in which it shows, where that is a narrow case. */
  readonly leaves?: readonly number[]
}

/** Size of one schedule. */
export interface ModelOptions {
  readonly stores?: number
  readonly steps?: number
  /** Whether epochs begin, and writes are mostly of what they fold. */
  readonly epochs?: boolean
  /** Whether all troubles come together, over every kind of leaf. */
  readonly mixed?: boolean
  readonly mutant?: Mutant
  /** Hands out the op log, for looking at a failing seed. */
  readonly onLog?: (log: OpLog) => void
  /** Counts what happened, over many schedules. */
  readonly tally?: Tally
}

/** What happened in schedules. */
export interface Tally {
  joinsBySketch: number
  joinsWhole: number
  epochs: number
  partitions: number
  /** Times that removal records were freed. */
  collections: number
  evictions: number
  /** Evicted stores that count again. */
  returns: number
  retirements: number
  /** Stores that were put back to an older copy. */
  restored: number
}

/** A tally of nothing. */
export function newTally(): Tally {
  return {
    joinsBySketch: 0,
    joinsWhole: 0,
    epochs: 0,
    partitions: 0,
    collections: 0,
    evictions: 0,
    returns: 0,
    retirements: 0,
    restored: 0,
  }
}

type Message = { readonly from: number; readonly to: number } & (
  | { readonly kind: 'change'; readonly change: Change }
  | { readonly kind: 'bundle'; readonly bundle: Bundle }
)

interface Stream {
  readonly encoder: ReturnType<typeof createChangeEncoder>
  readonly decoder: ReturnType<typeof createChangeDecoder>
}

interface Model {
  readonly random: RandomStream
  /** Of its own, so that joins change nothing else in a schedule. */
  readonly salts: RandomStream
  readonly tally: Tally
  readonly log: OpLog
  readonly stores: Store[]
  /** Who hears whom and who counts, in mixed schedules. */
  readonly members: Members | undefined
  readonly images: (Bundle | undefined)[]
  /** The images before those. */
  readonly backups: (Bundle | undefined)[]
  readonly messages: Message[]
  /** The two ends of what changes travel in, by who sends to whom. */
  readonly streams: Map<string, Stream>
  /** Changes as each store was told them, which is how it tells them on. */
  readonly told: WeakMap<Store, Map<string, Change>>
  readonly mutant: Mutant
  readonly profile: Profile
  readonly texts: Map<string, string>
  readonly digests: Map<string, string>
  /** What a store turned away as breaking its rules, though nobody here is hostile, and joins that differed. */
  readonly faults: string[]
  clockMs: number
  authors: number
}

/** Runs one schedule. @returns what went wrong first, in words, or undefined. */
export function runStoreModel(seed: number, options: ModelOptions = {}): string | undefined {
  const mixed = (options.mixed ?? options.mutant?.mixed) === true
  const random = createRandom(seed, mixed ? 'mixed' : 'store-model')
  const model: Model = {
    random,
    salts: createRandom(seed, 'salts'),
    tally: options.tally ?? newTally(),
    log: createOpLog(),
    stores: [],
    members: mixed ? new Members(options.tally ?? newTally()) : undefined,
    images: [],
    backups: [],
    messages: [],
    streams: new Map(),
    told: new WeakMap(),
    mutant: options.mutant ?? {},
    profile: mixed
      ? drawMixedProfile(random)
      : drawProfile(random, (options.epochs ?? options.mutant?.epochs) === true),
    texts: new Map(),
    digests: new Map(),
    faults: [],
    clockMs: Date.UTC(2026, 0, 1),
    authors: 0,
  }
  options.onLog?.(model.log)
  const count = options.stores ?? 3 + random.int(mixed ? 6 : 3)
  for (let i = 0; i < count; i += 1) model.stores.push(openStore(model))
  try {
    for (let step = 0; step < (options.steps ?? (mixed ? 90 : 60)); step += 1) {
      const touched = takeStep(model)
      if (touched === undefined) continue
      const fault = check(model, touched)
      if (fault !== undefined) return `step ${step}, store ${touched}: ${fault}`
    }
    return settle(model)
  } catch (error) {
    // The op log refuses two changes under one dot, and contexts that nobody can have seen.
    if (error instanceof OracleError) return error.message
    throw error
  }
}

function openStore(model: Model, author?: string): Store {
  const store: Store = createStoreWith(
    { ...soundRules, ...model.mutant.rules },
    {
      newAuthor: () => {
        model.authors += 1
        return author === undefined ? authorIdFromBytes(model.random.bytes(8)) : (author as never)
      },
      // Clocks that disagree by minutes and sometimes stand still: order of time must not matter for merging.
      now: () => model.clockMs + skews[model.stores.indexOf(store) % skews.length]!,
      // One for ever: the first store, also after its restarts.
      authority: {
        grantRights: () => model.mutant.everybodyGrants === true || model.stores.indexOf(store) <= 0,
        proposeCut: () => model.mutant.everybodyProposes === true || model.stores.indexOf(store) <= 0,
        mayPrune: () =>
          model.members === undefined || model.mutant.everybodyPrunes === true || isAnchor(model.stores.indexOf(store)),
      },
    },
  )
  store.subscribe(({ origin, change }) => {
    if (origin === 'local' && change !== undefined) model.log.record(change)
  })
  return store
}

/** Those of a mixed schedule who free removal records; the first of them alone begins epochs. */
const isAnchor = (at: number): boolean => at < 2

const skews = [0, 40, -90_000, 7, 600_000]

/** What a schedule is mostly about: some are all bundles, some collect often, some write to two leaves only. */
interface Profile {
  readonly weights: readonly (readonly [step: Step, weight: number])[]
  readonly leaves: readonly number[]
}

/** @returns the store that may have changed. */
type Step = (model: Model, at: number) => number | undefined

/** Kinds of write that epochs fold, or that stand beside those in map entries. */
const foldable: readonly number[] = [4, 9, 10, 13, 14, 21, 22, 23, 5, 12, 24]

function drawProfile(random: RandomStream, epochs: boolean): Profile {
  const upTo = (most: number): number => random.int(most + 1)
  const kinds = Array.from({ length: rawWriteKinds }, (_, kind) => kind)
  return {
    weights: [
      [write, 20 + upTo(15)],
      [sendChange, upTo(20)],
      [sendBundle, 8 + upTo(20)],
      [deliver, 15 + upTo(20)],
      [takeImage, upTo(4)],
      [restart, upTo(3)],
      [collect, upTo(12)],
      [propose, epochs ? 8 : 0],
    ],
    leaves: epochs
      ? random.shuffle(foldable).slice(0, 3)
      : random.chance(0.4)
        ? kinds
        : random.shuffle(kinds).slice(0, 2 + random.int(3)),
  }
}

/** Kinds of write that take away: of sets, an entry, a register and a counter. */
const removals: readonly number[] = [5, 14, 15, 21, 23]

/** All troubles in one schedule; over all kinds of leaves, or over some that then meet often. */
function drawMixedProfile(random: RandomStream): Profile {
  const upTo = (most: number): number => random.int(most + 1)
  const kinds = Array.from({ length: rawWriteKinds }, (_, kind) => kind)
  return {
    weights: [
      [write, 22 + upTo(15)],
      [sendChange, upTo(20)],
      [sendBundle, 10 + upTo(20)],
      [deliver, 15 + upTo(20)],
      [takeImage, 3 + upTo(8)],
      [restart, 1 + upTo(3)],
      [collect, 5 + upTo(9)],
      [propose, random.chance(0.5) ? 0 : 4 + upTo(8)],
      [partition, 3 + upTo(5)],
      [evict, 3 + upTo(4)],
      [retire, 1 + upTo(3)],
    ],
    leaves: random.chance(0.6)
      ? [...kinds, ...removals, ...removals]
      : [...random.shuffle(kinds).slice(0, 3 + random.int(6)), random.pick(removals)],
  }
}

function takeStep(model: Model): number | undefined {
  const { random, stores, profile } = model
  model.clockMs += random.int(30)
  const at = random.int(stores.length)
  let draw = random.int(profile.weights.reduce((sum, [, weight]) => sum + weight, 0))
  for (const [step, weight] of profile.weights) {
    draw -= weight
    if (draw < 0) return step(model, at)
  }
  return undefined
}

function takeImage(model: Model, at: number): undefined {
  const store = model.stores[at] as Store
  model.backups[at] = model.images[at]
  model.images[at] = bundleSince(store, Version.empty)
  model.members?.isDurable(at, store.version)
  return undefined
}

function partition(model: Model): undefined {
  model.members?.partition(model.random, model.stores.length)
  return undefined
}

/** Somebody who is away counts no more: what is freed from here on it need not have. */
function evict(model: Model): undefined {
  model.members?.evict(1 + model.random.int(model.stores.length - 1))
  return undefined
}

/** An incarnation says its last word, and another goes on. */
function retire(model: Model, at: number): number {
  const store = model.stores[at] as Store
  try {
    store.transact(() => boundedAt(store, ['potions'], potions).end())
  } catch (error) {
    if (!isRejoinError(error) || !error.code.startsWith('rights-')) throw error
  }
  if (store.author !== undefined) model.tally.retirements += 1
  store.renewAuthor()
  return at
}

function write(model: Model, at: number): number {
  const store = model.stores[at] as Store
  store.transact((transaction) => {
    const writes = model.random.chance(0.2) ? 2 + model.random.int(3) : 1
    for (let i = 0; i < writes; i += 1)
      (model.mutant.write ?? randomRawWrite)(
        model.random,
        store,
        transaction,
        model.mutant.leaves ?? model.profile.leaves,
      )
  })
  return at
}

/** Somebody who has a change sends it on, not always in order and not always once. */
function sendChange(model: Model, from: number): undefined {
  const { random, log, stores } = model
  const sender = stores[from] as Store
  const to = (from + 1 + random.int(stores.length - 1)) % stores.length
  if (model.members?.hear(from, to) === false) return undefined
  const lacks = log.changes.filter((change) => sender.version.has(change) && !(stores[to] as Store).version.has(change))
  if (lacks.length === 0) return undefined
  const first = random.chance(0.7) ? 0 : random.int(lacks.length)
  for (const made of lacks.slice(first, first + 1 + random.int(4))) {
    const change = model.told.get(sender)?.get(nameOf(made)) ?? made
    model.messages.push({ from, to, kind: 'change', change })
    if (random.chance(0.1)) model.messages.push({ from, to, kind: 'change', change })
  }
  return undefined
}

function sendBundle(model: Model, from: number): number | undefined {
  const { random, stores } = model
  const to = (from + 1 + random.int(stores.length - 1)) % stores.length
  if (model.members?.hear(from, to) === false) return undefined
  const [sender, receiver] = [stores[from] as Store, stores[to] as Store]
  // Whoever returns mostly tells first what it wrote meanwhile, as on a connection.
  const tells = !receiver.version.covers(sender.floor) && model.salts.chance(0.7)
  if (tells) take(model, sender, bundleSince(receiver, sender.version))
  model.messages.push({ from, to, kind: 'bundle', bundle: bundleFor(model, from, to) })
  return tells ? from : undefined
}

/** What a store lacks of another: by sketch where a full join is due and the sender can. */
function bundleFor(model: Model, from: number, to: number): Bundle {
  const [sender, receiver] = [model.stores[from] as Store, model.stores[to] as Store]
  const bundle = bundleSince(sender, receiver.version)
  if (bundle.full && model.members?.counts(to) === true && model.mutant.onBundle === undefined)
    model.faults.push(`store ${to} counts, and was sent the whole state`)
  if (!bundle.full || model.mutant.rules !== undefined) return bundle
  // Whoever has to cross is not asked what it holds: the same dots may mean something else. And where too much differs, the
  // whole state is the shorter answer.
  if (bundle.epochs !== undefined || (model.members !== undefined && model.salts.chance(0.3))) {
    model.tally.joinsWhole += 1
    return bundle
  }
  const run = playJoin(sender, receiver, drawSalt(model.salts))
  model.tally[run === undefined ? 'joinsWhole' : 'joinsBySketch'] += 1
  if (run === undefined) return bundle
  if (run.joined.kind !== 'whole') {
    model.faults.push(`a join came to ${JSON.stringify(run.joined)}`)
    return bundle
  }
  const difference = differsFrom(receiver, run.joined.bundle, bundle)
  if (difference !== undefined) model.faults.push(`a join by sketch: ${difference}`)
  return run.joined.bundle
}

function deliver(model: Model): number | undefined {
  const { random, messages, stores } = model
  if (messages.length === 0) return undefined
  const index = random.chance(0.6) ? 0 : random.int(messages.length)
  const next = messages[index] as Message
  // What is on its way when a link goes down comes when it is up again, or never.
  if (model.members?.hear(next.from, next.to) === false && random.chance(0.8)) return undefined
  const [message] = messages.splice(index, 1)
  if (message === undefined || random.chance(0.08)) return undefined
  const store = stores[message.to] as Store
  if (message.kind === 'change') {
    const change = model.mutant.onChange?.(message.change, store, model.log) ?? spelled(model, message)
    if (change === undefined) return undefined
    const outcome = store.applyChange(change)
    if (outcome === 'invalid' || outcome === 'closed') model.faults.push(`a change was turned away as ${outcome}`)
    if (outcome === 'applied') {
      const told = model.told.get(store) ?? new Map<string, Change>()
      model.told.set(store, told.set(nameOf(change), change))
    }
  } else {
    const arriving = arrivals(model, message.bundle, store)
    for (const [i, bundle] of arriving.entries()) {
      if (i === 0) take(model, store, bundle)
      else messages.splice(random.int(messages.length + 1), 0, { ...message, bundle })
    }
  }
  return message.to
}

/** A change as it comes out of bytes that are written as late as can be: its store may have given back rows since. */
function spelled(model: Model, { from, to, change }: Extract<Message, { kind: 'change' }>): Change | undefined {
  const key = `${from} ${to}`
  // A connection ends now and then, and the next one knows no names yet.
  const known = model.salts.chance(0.15) ? undefined : model.streams.get(key)
  const stream = known ?? { encoder: createChangeEncoder(), decoder: createChangeDecoder() }
  model.streams.set(key, stream)
  const decoded = stream.decoder.decode(stream.encoder.encode([change]))
  if (!decoded.ok) model.faults.push(`a change was not read from its bytes: ${decoded.error.message}`)
  return decoded.ok ? decoded.value[0] : undefined
}

function nameOf({ author, seq }: Dot): string {
  return `${author} ${seq}`
}

function arrivals(model: Model, bundle: Bundle, to: Store): readonly Bundle[] {
  const { mutant, stores, log } = model
  if (mutant.onBundle === undefined) return [bundle]
  return mutant.onBundle(bundle, to, log, new Set(stores.flatMap(({ author }) => author ?? [])))
}

function take(model: Model, store: Store, bundle: Bundle): void {
  const contextOf = (dot: Dot): Version | undefined => model.log.changeAt(dot)?.context
  const outcome = applyBundle(store, bundle, { contextOf })
  if (outcome === 'invalid' || outcome === 'closed') model.faults.push(`a bundle was turned away as ${outcome}`)
}

/** The store is gone; its last image comes back, without what was written since. */
function restart(model: Model, at: number): number {
  const before = model.stores[at] as Store
  const author = model.mutant.continuesSeq === true ? before.author : undefined
  const store = openStore(model, author)
  model.stores[at] = store
  // Whoever grants rights is an anchor: what it has written is durable before anybody hears of it.
  const image = at === 0 ? bundleSince(before, Version.empty) : imageOf(model, at)
  if (image !== undefined) applyBundle(store, image, { origin: 'load' })
  return at
}

/** What is on a disk; in mixed schedules sometimes a copy that was put back, older than what was told to be durable. */
function imageOf(model: Model, at: number): Bundle | undefined {
  const { members, random, images, backups } = model
  if (members === undefined || !random.chance(0.3)) return images[at]
  const backup = backups[at]
  images[at] = backup
  members.wasPutBack(at, backup?.version ?? Version.empty)
  return backup
}

/**
 * Frees removal records: those that all but a laggard have, or all that it knows. Both are safe, as whoever is below
 * the floor gets a full join.
 */
function collect(model: Model, at: number): number | undefined {
  if (model.mutant.collects === false) return undefined
  const { random, stores } = model
  const store = stores[at] as Store
  if (model.members !== undefined) return collectAsMember(model, model.members, at)
  const laggard = random.int(stores.length)
  const others = random.chance(0.5) ? [] : stores.filter((_, i) => i !== laggard)
  freeRemovals(
    store,
    others.reduce((stable, other) => stable.meet(other.version), store.version),
  )
  return at
}

/** Who may frees what everybody who counts has on disk; whoever may not frees nothing by itself. */
function collectAsMember(model: Model, members: Members, drawn: number): number {
  const { random, stores, mutant } = model
  const at = random.chance(0.7) ? random.int(2) : drawn
  // Mostly those who hear of it flush first, as that is what acknowledges, and who does not is given up after a while.
  const givesUp = random.chance(0.5)
  for (const i of stores.keys()) {
    if (members.hear(at, i)) {
      if (random.chance(0.9)) takeImage(model, i)
    } else if (givesUp && i > 0) members.evict(i)
  }
  const store = stores[at] as Store
  const stable =
    mutant.forgetsWhoCounts === true ? store.version : members.stable((stores[0] as Store).version, stores.length)
  const before = store.floor
  freeRemovals(store, stable.meet(store.version))
  if (!isAnchor(at)) return at
  if (store.floor !== before) model.tally.collections += 1
  members.allowed(store.floor)
  return at
}

/** One store is the anchor that proposes; what it begins others hear of as of any other state. */
function propose(model: Model, at: number): number | undefined {
  const proposer = model.mutant.everybodyProposes === true ? at : 0
  const store = model.stores[proposer] as Store
  const before = canonicalText(storeToPlain(store))
  const cut = store.version
  const bundle = beginEpoch(store)
  if (bundle === undefined) return undefined
  const { author } = bundle.epochs?.at(-1) ?? {}
  if (author !== undefined) {
    model.log.recordEpoch(author, cut)
    model.members?.epochBegan(author, cut, model.stores.length)
  }
  if (canonicalText(storeToPlain(store)) !== before) model.faults.push('an epoch changed what its proposer reads')
  model.tally.epochs += 1
  return proposer
}

function check(model: Model, at: number): string | undefined {
  if (model.faults.length > 0) return model.faults[0]
  const store = model.stores[at] as Store
  const version = JSON.stringify(store.version.toJSON())
  let expected = model.texts.get(version)
  if (expected === undefined) {
    expected = canonicalText(plainAt(model.log, store.version))
    model.texts.set(version, expected)
  }
  const found = canonicalText((model.mutant.read ?? ((any: Store) => storeToPlain(any)))(store))
  if (found !== expected) return `the state is not the op log's at ${version}\n  store  ${found}\n  oracle ${expected}`
  const fault = boundsFault(store) ?? model.members?.floorFault(store.floor)
  if (fault !== undefined) return fault
  const digest = digestOf(store)
  const known = model.digests.get(version)
  if (known !== undefined && known !== digest) return `digests ${known} and ${digest} at one version ${version}`
  model.digests.set(version, digest)
  return undefined
}

/** Bounds hold at every store after every step, and nobody has spent more than its rights. */
function boundsFault(store: Store): string | undefined {
  const state = boundedState(store, ['potions'])
  if (state === undefined) return undefined
  const { value = potions.initial } = state
  if (value < potions.min || value > potions.max) return `the bounded counter reads ${value}`
  const overdrawn = [...state.rows.keys()].find((author) => {
    const { spend, room } = state.rightsOf(author)
    return state.terms !== undefined && (spend < 0 || room < 0)
  })
  return overdrawn === undefined ? undefined : `${overdrawn} has spent more than its rights`
}

/** Anti-entropy until nobody lacks anything. */
function settle(model: Model): string | undefined {
  const { stores } = model
  for (let round = 0; round < stores.length + 1; round += 1) {
    for (const [to, receiver] of stores.entries()) {
      for (const [from, sender] of stores.entries()) {
        if (receiver.version.covers(sender.version)) continue
        for (const arriving of arrivals(model, bundleFor(model, from, to), receiver)) take(model, receiver, arriving)
        const fault = check(model, to)
        if (fault !== undefined) return `settling, store ${to}: ${fault}`
      }
    }
  }
  const behind = stores.findIndex((store) => !store.version.equals((stores[0] as Store).version))
  return behind < 0 ? undefined : `store ${behind} did not converge`
}
