import {
  type AuthorId,
  applyBundle,
  ByteReader,
  bundleSince,
  type Change,
  compactBundle,
  createChangeDecoder,
  createChangeEncoder,
  type DecodeError,
  decodeBundle,
  decodeChanges,
  decodeVersion,
  digestOf,
  encodeBundle,
  encodeChanges,
  encodeSnapshot,
  encodeVersion,
  Key,
  leafKinds,
  loadSnapshot,
  type Result,
  Version,
  versionName,
} from '@rejoin/state'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { history, numbersFrom, openSite, play, type Site, stateOf } from './history.ts'
import { anyAction } from './leaf-table.ts'
import { mutate } from './mutate.ts'

/** 50,000 inputs in `npm test`; `SOAK=1` makes it a million. */
const inputs = process.env['SOAK'] === '1' ? 1_000_000 : 50_000
const seed = Number(process.env['SEED'] ?? 1)

/** What a target makes of bytes: refused as data, or what became of what they meant. */
type Answer = Result<string, DecodeError>

interface Target {
  readonly corpus: readonly Uint8Array[]
  readonly read: (bytes: Uint8Array, victim: Site) => Answer
}

const steps = countSteps()
beforeAll(steps.start)
afterAll(steps.stop)

const targets = makeTargets()
const material = Object.values(targets).flatMap(({ corpus }) => corpus)

describe('mutated input', () => {
  const each = inputs / Object.keys(targets).length
  it.each(Object.entries(targets))(
    `[CO9] ${each} %s never crash, change nothing when refused, and take at most 64 steps per byte`,
    (_name, target) => {
      const draw = numbersFrom(seed)
      const tally: Record<string, number> = {}
      let victim = freshVictim()
      let before = markOf(victim)
      for (let i = 0; i < each; i++) {
        const original = target.corpus[Math.floor(draw() * target.corpus.length)] as Uint8Array
        const bytes = mutate(original, material, draw)
        const answer = attempt(target, bytes, victim, i)
        const outcome = answer.ok ? answer.value : answer.error.kind
        tally[outcome] = (tally[outcome] ?? 0) + 1
        if (!answer.ok) expect(answer.error.offset).toBeLessThanOrEqual(bytes.length)
        if (outcome === 'applied') {
          expectSound(victim)
          victim = freshVictim()
          before = markOf(victim)
        } else if (markOf(victim) !== before) {
          throw new Error(`input ${i} of seed ${seed} was '${outcome}' and still changed the state: ${hex(bytes)}`)
        }
      }
      // The fuzzer must reach both sides of every check: what is refused and what gets through.
      const passed = Object.keys(tally).filter((outcome) => outcome !== 'truncated' && outcome !== 'malformed')
      expect(tally['malformed'] ?? tally['checksum']).toBeGreaterThan(each / 100)
      expect(passed.length).toBeGreaterThan(0)
    },
    process.env['SOAK'] === '1' ? 3_600_000 : 60_000,
  )
})

function attempt(target: Target, bytes: Uint8Array, victim: Site, i: number): Answer {
  steps.reset()
  try {
    const answer = target.read(bytes, victim)
    expect(steps.taken()).toBeLessThanOrEqual(64 * Math.max(1, bytes.length))
    return answer
  } catch (error) {
    throw new Error(`input ${i} of seed ${seed} broke the reader: ${hex(bytes)}`, { cause: error })
  }
}

/** What got through may be nonsense, but it must be readable, and others must be able to take it over. */
function expectSound(site: Site): void {
  const copy = openSite()
  const decoded = decodeBundle(encodeBundle(bundleSince(site.store, Version.empty)))
  if (!decoded.ok) throw new Error(`what was taken in cannot be given on: ${JSON.stringify(decoded.error)}`)
  expect(applyBundle(copy.store, decoded.value)).toBe('applied')
  expect(stateOf(copy)).toEqual(stateOf(site))
}

function makeTargets(): Readonly<Record<string, Target>> {
  const played = fc.sample(history(anyAction), { seed: 7, numRuns: 30 }).map(play)
  const sites = played.flatMap(({ sites }) => sites)
  const changes = played.map(({ sent }) => sent.map(({ change }) => change))
  const frames = changes.map((all) => {
    const encoder = createChangeEncoder()
    return all.map((change) => encoder.encode([change]))
  })
  const counted = [9, 40, 300].map(countedKeys)
  const halves = halfOf(sites.reduce((all, { store }) => all.merge(store.version), Version.empty))
  const crowd = Version.from(
    Array.from({ length: 60 }, (_, i) => [(i * 7 + 1).toString(16).padStart(16, '0') as AuthorId, 1] as const),
  )
  const holding = (name: string): Version | undefined =>
    [crowd, halves].find((version) => versionName(version) === name)
  return {
    changes: {
      corpus: [...changes.map((all) => encodeChanges(all)), ...changes.flat().map((change) => encodeChanges([change]))],
      read: (bytes, victim) => applied(decodeChanges(bytes), (change) => victim.store.applyChange(change)),
    },
    'frames of a stream': {
      corpus: frames.flat(),
      read: (bytes, victim) => {
        const decoder = createChangeDecoder()
        const intact = frames[bytes.length % frames.length] as Uint8Array[]
        for (const frame of intact.slice(0, bytes.length % 4)) decoder.decode(frame)
        steps.reset()
        return applied(decoder.decode(bytes), (change) => victim.store.applyChange(change))
      },
    },
    bundles: {
      corpus: [
        ...sites.map(({ store }) => encodeBundle(bundleSince(store, Version.empty))),
        ...sites.map(({ store }) => encodeBundle(bundleSince(store, halfOf(store.version)))),
        ...sites.map(({ store }) => encodeBundle(compactBundle(store))),
      ],
      read: (bytes, victim) => {
        const decoded = decodeBundle(bytes)
        return decoded.ok ? { ok: true, value: applyBundle(victim.store, decoded.value) } : decoded
      },
    },
    'packed changes': {
      corpus: [
        ...changes.map((all) => encodeChanges(all, undefined, true)),
        ...counted.map(({ change }) => encodeChanges([change], undefined, true)),
      ],
      read: (bytes, victim) => applied(decodeChanges(bytes), (change) => victim.store.applyChange(change)),
    },
    'packed bundles': {
      corpus: [
        ...sites.map(({ store }) => encodeBundle(bundleSince(store, Version.empty), undefined, true)),
        ...counted.map(({ site }) => encodeBundle(bundleSince(site.store, Version.empty), undefined, true)),
      ],
      read: (bytes, victim) => {
        const decoded = decodeBundle(bytes)
        return decoded.ok ? { ok: true, value: applyBundle(victim.store, decoded.value) } : decoded
      },
    },
    versions: {
      corpus: sites.map(({ store }) => encodeVersion(store.version)),
      read: (bytes, victim) => {
        const decoded = decodeVersion(bytes)
        if (!decoded.ok) return decoded
        encodeBundle(bundleSince(victim.store, decoded.value))
        return { ok: true, value: 'read' }
      },
    },
    'changes by what differs': {
      corpus: [
        ...changes.map((all) => encodeChanges(all, crowd)),
        ...changes
          .flat()
          .map((change) =>
            encodeChanges([{ ...change, ops: change.ops, context: change.context.merge(crowd) }], crowd),
          ),
      ],
      read: (bytes, victim) => applied(decodeChanges(bytes, {}, holding), (change) => victim.store.applyChange(change)),
    },
    'bundles by what differs': {
      corpus: [
        ...sites.map(({ store }) => encodeBundle(bundleSince(store, Version.empty), crowd)),
        ...sites.map(({ store }) => encodeBundle(bundleSince(store, halfOf(store.version)), halves)),
      ],
      read: (bytes, victim) => {
        const decoded = decodeBundle(bytes, holding)
        return decoded.ok ? { ok: true, value: applyBundle(victim.store, decoded.value) } : decoded
      },
    },
    'versions by what differs': {
      corpus: sites.flatMap(({ store }) => [
        encodeVersion(store.version.merge(crowd), crowd),
        encodeVersion(store.version, halves),
      ]),
      read: (bytes, victim) => {
        const decoded = decodeVersion(bytes, holding)
        if (!decoded.ok) return decoded
        encodeBundle(bundleSince(victim.store, decoded.value))
        return { ok: true, value: 'read' }
      },
    },
    snapshots: {
      corpus: sites.flatMap(({ store }) => [encodeSnapshot(store), encodeSnapshot(store, { compact: true })]),
      read: (bytes, victim) => {
        const loaded = loadSnapshot(victim.store, bytes)
        return loaded.ok ? { ok: true, value: 'applied' } : loaded
      },
    },
  }
}

/** Many keys that count, with small numbers: what packing is made for. */
function countedKeys(count: number): { readonly site: Site; readonly change: Change } {
  const site = openSite('c')
  const change = site.store.transact((transaction) => {
    for (let i = 0; i < count; i++) {
      const key = new Key(['cells', `cell${String(i * 7 + (i % 3)).padStart(5, '0')}`], leafKinds.register)
      transaction.put(site.store.tree.make(key), (i * i) % 97)
    }
  })
  if (change === undefined) throw new Error('nothing was written')
  return { site, change }
}

function applied<T>(decoded: Result<readonly T[], DecodeError>, apply: (item: T) => string): Answer {
  if (!decoded.ok) return decoded
  const outcomes = decoded.value.map(apply)
  return { ok: true, value: outcomes.find((outcome) => outcome === 'applied') ?? outcomes[0] ?? 'read' }
}

/** A replica with content of its own, so that there is something to harm. */
function freshVictim(): Site {
  const site = openSite('e')
  loadSnapshot(site.store, victimBytes())
  return site
}

let victimSnapshot: Uint8Array | undefined

function victimBytes(): Uint8Array {
  victimSnapshot ??= encodeSnapshot(
    (play(fc.sample(history(anyAction), { seed: 11, numRuns: 1 })[0] ?? []).sites[0] as Site).store,
  )
  return victimSnapshot
}

function markOf({ store }: Site): string {
  return `${store.revision} ${digestOf(store)} ${store.version.describe()}`
}

function halfOf(version: Version): Version {
  return Version.from([...version.entries()].map(([author, seq]) => [author, seq >> 1] as const))
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** Sees every reader that decoders make, by the first things that decoders do with one. */
function countSteps() {
  const prototype = ByteReader.prototype
  const { u8, u32, varUint } = prototype
  const readers = new Set<ByteReader>()
  return {
    start() {
      prototype.u8 = function () {
        readers.add(this)
        return u8.call(this)
      }
      prototype.u32 = function () {
        readers.add(this)
        return u32.call(this)
      }
      prototype.varUint = function () {
        readers.add(this)
        return varUint.call(this)
      }
    },
    stop() {
      Object.assign(prototype, { u8, u32, varUint })
    },
    reset: () => readers.clear(),
    taken: () => [...readers].reduce((sum, reader) => sum + reader.steps, 0),
  }
}
