/**
 * Stores without a network: writes, changes, relays, bundles, duplicates, restarts and collection of removal records in
 * random order, compared with the op log after every step. One wrong shortcut at a time can be planted.
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
  applyBundle,
  authorIdFromBytes,
  type Bundle,
  beginEpoch,
  boundedState,
  bundleSince,
  type Change,
  type Dot,
  digestOf,
  freeRemovals,
  type Store,
  storeToPlain,
  Version,
} from '@rejoin/state'
import { createStoreWith, type Rules, soundRules } from '@rejoin/state/testing'
import { differsFrom, drawSalt, playJoin } from './joins.ts'
import { potions, randomRawWrite, rawWriteKinds } from './raw-writes.ts'

/** A wrong shortcut, planted at one of the places where bundles, changes and restarts pass. */
export interface Mutant {
  readonly rules?: Partial<Rules>
  /** What arrives instead of a bundle: nothing, itself, or several. */
  readonly onBundle?: (bundle: Bundle, to: Store, log: OpLog) => readonly Bundle[]
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
  /** Kinds of write in which it shows, where that is a narrow case. */
  readonly leaves?: readonly number[]
}

/** Size of one schedule. */
export interface ModelOptions {
  readonly stores?: number
  readonly steps?: number
  /** Whether epochs begin, and writes are mostly of what they fold. */
  readonly epochs?: boolean
  readonly mutant?: Mutant
  /** Hands out the op log, for looking at a failing seed. */
  readonly onLog?: (log: OpLog) => void
  /** Told of each full join: whether a sketch took its place. */
  readonly onJoin?: (isSketch: boolean) => void
  /** Told of each epoch that began. */
  readonly onEpoch?: () => void
}

type Message = { readonly to: number } & (
  | { readonly kind: 'change'; readonly change: Change }
  | { readonly kind: 'bundle'; readonly bundle: Bundle }
)

interface Model {
  readonly random: RandomStream
  /** Of its own, so that joins change nothing else in a schedule. */
  readonly salts: RandomStream
  readonly onJoin: (isSketch: boolean) => void
  readonly onEpoch: () => void
  readonly log: OpLog
  readonly stores: Store[]
  readonly images: (Bundle | undefined)[]
  readonly messages: Message[]
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
  const random = createRandom(seed, 'store-model')
  const model: Model = {
    random,
    salts: createRandom(seed, 'salts'),
    onJoin: options.onJoin ?? (() => undefined),
    onEpoch: options.onEpoch ?? (() => undefined),
    log: createOpLog(),
    stores: [],
    images: [],
    messages: [],
    mutant: options.mutant ?? {},
    profile: drawProfile(random, (options.epochs ?? options.mutant?.epochs) === true),
    texts: new Map(),
    digests: new Map(),
    faults: [],
    clockMs: Date.UTC(2026, 0, 1),
    authors: 0,
  }
  options.onLog?.(model.log)
  const count = options.stores ?? 3 + random.int(3)
  for (let i = 0; i < count; i += 1) model.stores.push(openStore(model))
  try {
    for (let step = 0; step < (options.steps ?? 60); step += 1) {
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
      },
    },
  )
  store.subscribe(({ origin, change }) => {
    if (origin === 'local' && change !== undefined) model.log.record(change)
  })
  return store
}

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
  model.images[at] = bundleSince(model.stores[at] as Store, Version.empty)
  return undefined
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
  const lacks = log.changes.filter((change) => sender.version.has(change) && !(stores[to] as Store).version.has(change))
  if (lacks.length === 0) return undefined
  const first = random.chance(0.7) ? 0 : random.int(lacks.length)
  for (const change of lacks.slice(first, first + 1 + random.int(4))) {
    model.messages.push({ to, kind: 'change', change })
    if (random.chance(0.1)) model.messages.push({ to, kind: 'change', change })
  }
  return undefined
}

function sendBundle(model: Model, from: number): number | undefined {
  const { random, stores } = model
  const to = (from + 1 + random.int(stores.length - 1)) % stores.length
  const [sender, receiver] = [stores[from] as Store, stores[to] as Store]
  // Whoever returns mostly tells first what it wrote meanwhile, as on a connection.
  const tells = !receiver.version.covers(sender.floor) && model.salts.chance(0.7)
  if (tells) take(model, sender, bundleSince(receiver, sender.version))
  model.messages.push({ to, kind: 'bundle', bundle: bundleFor(model, sender, receiver) })
  return tells ? from : undefined
}

/** What a store lacks of another: by sketch where a full join is due and the sender can. */
function bundleFor(model: Model, sender: Store, receiver: Store): Bundle {
  const bundle = bundleSince(sender, receiver.version)
  // Whoever has to cross is not asked what it holds: the same dots may mean something else.
  if (!bundle.full || model.mutant.rules !== undefined || bundle.epochs !== undefined) return bundle
  const run = playJoin(sender, receiver, drawSalt(model.salts))
  model.onJoin(run !== undefined)
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
  const [message] = messages.splice(index, 1)
  if (message === undefined || random.chance(0.08)) return undefined
  const store = stores[message.to] as Store
  if (message.kind === 'change') {
    const change = model.mutant.onChange?.(message.change, store, model.log) ?? message.change
    const outcome = store.applyChange(change)
    if (outcome === 'invalid' || outcome === 'closed') model.faults.push(`a change was turned away as ${outcome}`)
  } else {
    const arriving = model.mutant.onBundle?.(message.bundle, store, model.log) ?? [message.bundle]
    for (const [i, bundle] of arriving.entries()) {
      if (i === 0) take(model, store, bundle)
      else messages.splice(random.int(messages.length + 1), 0, { to: message.to, kind: 'bundle', bundle })
    }
  }
  return message.to
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
  const image = at === 0 ? bundleSince(before, Version.empty) : model.images[at]
  if (image !== undefined) applyBundle(store, image, { origin: 'load' })
  return at
}

/**
 * Frees removal records: those that all but a laggard have, or all that it knows. Both are safe, as whoever is below
 * the floor gets a full join.
 */
function collect(model: Model, at: number): number | undefined {
  if (model.mutant.collects === false) return undefined
  const { random, stores } = model
  const store = stores[at] as Store
  const laggard = random.int(stores.length)
  const others = random.chance(0.5) ? [] : stores.filter((_, i) => i !== laggard)
  freeRemovals(
    store,
    others.reduce((stable, other) => stable.meet(other.version), store.version),
  )
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
  if (author !== undefined) model.log.recordEpoch(author, cut)
  if (canonicalText(storeToPlain(store)) !== before) model.faults.push('an epoch changed what its proposer reads')
  model.onEpoch()
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
  const fault = boundsFault(store)
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
      for (const sender of stores) {
        if (receiver.version.covers(sender.version)) continue
        const bundle = bundleFor(model, sender, receiver)
        for (const arriving of model.mutant.onBundle?.(bundle, receiver, model.log) ?? [bundle]) {
          take(model, receiver, arriving)
        }
        const fault = check(model, to)
        if (fault !== undefined) return `settling, store ${to}: ${fault}`
      }
    }
  }
  const behind = stores.findIndex((store) => !store.version.equals((stores[0] as Store).version))
  return behind < 0 ? undefined : `store ${behind} did not converge`
}
