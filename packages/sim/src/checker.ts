/**
 * What must hold in a world, checked after every step of every node.
 *
 * 1. The state of a node is what the op log says at the node's version.
 * 2. Equal versions have equal digests.
 * 3. A version never shrinks while a node runs, unless a server refused its work.
 * 4. What was acknowledged at a node's own disk is there after a crash; what a server acknowledged never leaves it.
 * 5. A server merges the work of a node only while that node, or somebody who may write and has that work, may write.
 * 6. A bounded counter is within its bounds, and nobody has used more rights than it held.
 * 7. What a node was refused is not there again, unless a server had it, or the node crashed before its disk had noted it.
 */
import {
  type AuthorId,
  boundedPaths,
  boundedState,
  type Change,
  digestOf,
  lastSeq,
  type Store,
  storeToPlain,
  Version,
} from '@rejoin/state'
import { createOpLog, type OpLog, OracleError } from './oracle/op-log.ts'
import { canonicalText, plainAt } from './oracle/plain.ts'

/** A broken promise, in words. */
export interface Violation {
  readonly atMs: number
  readonly node: number
  readonly kind:
    | 'state'
    | 'digest'
    | 'shrunk'
    | 'lost'
    | 'log'
    | 'report'
    | 'divergence'
    | 'fork'
    | 'forbidden'
    | 'returned'
    | 'bounds'
  readonly message: string
}

/**
 * How much is checked after each step: `all`, or only versions, acknowledgements and refusals, which costs little. The state and the
 * digest are then compared when all is over.
 */
export type CheckPace = 'all' | 'versions'

/** Follows the nodes of one document through a run. */
export interface Checker {
  readonly log: OpLog
  readonly violations: readonly Violation[]
  /** A node made a change. */
  wrote(node: number, change: Change): void
  /** The state of a node is another one now: after a merge, a write, or loading from disk. */
  stepped(node: number, store: Store, isServer: boolean): void
  /** A change of this node reached its disk, or a server's. */
  acknowledged(node: number, change: Change, level: 'disk' | 'server'): void
  /** A node runs again with what its disk gave back. */
  opened(node: number, store: Store, isServer: boolean): void
  /** A server refused work of this node, which took the server's state instead. */
  fellBack(node: number, store: Store): void
  /** These changes of a node were handed back to it as refused. */
  refused(node: number, changes: readonly Change[]): void
  /** The disk of a node has noted that these changes were refused. */
  refusalKept(node: number, changes: readonly Change[]): void
  /** A node lost its disk by the will of the scenario. */
  wiped(node: number): void
  /** Notes something that others found. */
  report(violation: Violation): void
  /** Whatever any server has acknowledged. */
  readonly serverAcknowledged: Version
  /** What the nodes wrote and their own disks acknowledged, but for those that were lost. */
  readonly diskAcknowledged: Version
}

/** What a checker asks its world. */
export interface CheckerOptions {
  /** The world's clock, for messages. */
  readonly now: () => number
  /** Names nodes in messages. */
  readonly nameOf: (node: number) => string
  /** Whether servers let a node write at this moment. */
  readonly mayWrite: (node: number) => boolean
  readonly pace: CheckPace
  /** Whether there is one server only, which then has all that any server acknowledged. */
  readonly isAlone: boolean
}

/** A checker of a run that begins. */
export function createChecker({ now, nameOf, mayWrite, pace, isAlone }: CheckerOptions): Checker {
  const log = createOpLog()
  const violations: Violation[] = []
  const texts = new Map<string, string>()
  const digests = new Map<string, string>()
  const seen = new Map<number, Version>()
  const onDisk = new Map<number, Version>()
  /** All that a node ever had, also before it crashed. */
  const had = new Map<number, Version>()
  const writerOf = new Map<AuthorId, number>()
  const refusedOf = new Map<number, Map<AuthorId, number>>()
  const refusedOnDisk = new Map<number, Map<AuthorId, number>>()
  let served = Version.empty
  let serverAcknowledged = Version.empty

  const report = (node: number, kind: Violation['kind'], message: string): void => {
    // The first violations tell what is wrong; thousands of followers tell nothing.
    if (violations.length < 20) violations.push({ atMs: now(), node, kind, message: `${nameOf(node)}: ${message}` })
  }

  /** Whoever begins an epoch is looked at before anybody else can be in it. */
  const noteEpochs = ({ epochs, version }: Store): void => {
    const last = epochs.at(-1)
    if (last !== undefined && log.last(last.author) === 0) log.recordEpoch(last.author, version.without(last.author))
  }

  const checkState = (node: number, store: Store): void => {
    if (pace === 'versions') return
    const { version } = store
    noteEpochs(store)
    const key = JSON.stringify(version.toJSON())
    let expected = texts.get(key)
    if (expected === undefined) {
      expected = canonicalText(plainAt(log, version))
      texts.set(key, expected)
    }
    const found = canonicalText(storeToPlain(store))
    if (found !== expected) {
      report(node, 'state', `at ${version.describe()} it holds\n  ${found}\nwhere the op log has\n  ${expected}`)
    }
    checkBounds(node, store)
    const digest = digestOf(store)
    const known = digests.get(key)
    if (known === undefined) digests.set(key, digest)
    else if (known !== digest) report(node, 'digest', `digest ${digest} at ${version.describe()}, elsewhere ${known}`)
  }

  const checkBounds = (node: number, store: Store): void => {
    for (const path of boundedPaths(store)) {
      const state = boundedState(store, path)
      if (state === undefined) continue
      const { terms, value, holders, rightsOf } = state
      if (terms === undefined || value === undefined) continue
      const { min, max = value } = terms
      if (value < min || value > max) report(node, 'bounds', `a bounded counter of ${min} to ${max} reads ${value}`)
      for (const author of holders) {
        const { spend, room } = rightsOf(author)
        if (spend < 0 || room < 0) report(node, 'bounds', `${author.slice(0, 4)} used more rights than it held`)
      }
    }
  }

  /** Notes that a node has this state; what is new to it is judged. */
  const saw = (node: number, version: Version, isServer: boolean): void => {
    const before = had.get(node) ?? Version.empty
    if (isServer) {
      for (const [author, seq] of version.entries()) {
        if (seq > before.get(author) && !isPermitted(node, author, seq)) {
          report(node, 'forbidden', `merged ${author.slice(0, 4)}:${seq}, which nobody may write who has it`)
        }
      }
      served = served.merge(version)
    }
    had.set(node, before.merge(version))
    seen.set(node, version)
    for (const [author, from] of refusedOf.get(node) ?? []) {
      if (version.get(author) < from || served.get(author) >= from) continue
      report(node, 'returned', `${author.slice(0, 4)}:${from} is there again, which was refused and no server has`)
    }
  }

  const isPermitted = (server: number, author: AuthorId, seq: number): boolean => {
    const writer = writerOf.get(author)
    if (writer === undefined || writer === server || mayWrite(writer)) return true
    for (const [node, version] of had) {
      if (node !== server && mayWrite(node) && version.get(author) >= seq) return true
    }
    return false
  }

  return {
    log,
    violations,
    get serverAcknowledged() {
      return serverAcknowledged
    },
    get diskAcknowledged() {
      return [...onDisk.values()].reduce((all, version) => all.merge(version), Version.empty)
    },
    wrote: (node, change) => {
      writerOf.set(change.author, node)
      if (pace === 'versions') return
      try {
        log.record(change)
      } catch (error) {
        if (!(error instanceof OracleError)) throw error
        report(node, 'log', error.message)
      }
    },
    stepped: (node, store, isServer) => {
      const before = seen.get(node) ?? Version.empty
      if (!store.version.covers(before)) {
        report(node, 'shrunk', `its version went from ${before.describe()} to ${store.version.describe()}`)
      }
      saw(node, store.version, isServer)
      checkState(node, store)
    },
    acknowledged: (node, change, level) => {
      const reached = Version.from([[change.author, lastSeq(change)]])
      if (level === 'disk') onDisk.set(node, (onDisk.get(node) ?? Version.empty).merge(reached))
      else serverAcknowledged = serverAcknowledged.merge(reached)
    },
    opened: (node, store, isServer) => {
      refusedOf.set(node, new Map(refusedOnDisk.get(node)))
      saw(node, store.version, isServer)
      const asServer = isServer && isAlone ? serverAcknowledged : Version.empty
      const promised = (onDisk.get(node) ?? Version.empty).merge(asServer)
      if (!store.version.covers(promised)) {
        const lost = [...promised.entries()].filter(([author, seq]) => store.version.get(author) < seq)
        const words = lost.map(([author, seq]) => `${author.slice(0, 4)}:${store.version.get(author) + 1}..${seq}`)
        report(node, 'lost', `acknowledged as durable and gone after opening again: ${words.join(', ')}`)
      }
      checkState(node, store)
    },
    fellBack: (node, store) => {
      onDisk.set(node, (onDisk.get(node) ?? Version.empty).meet(store.version))
      saw(node, store.version, false)
      checkState(node, store)
    },
    refused: (node, changes) => note(refusedOf, node, changes),
    refusalKept: (node, changes) => note(refusedOnDisk, node, changes),
    wiped: (node) => {
      refusedOf.delete(node)
      refusedOnDisk.delete(node)
      onDisk.delete(node)
      seen.delete(node)
    },
    report: (violation) => {
      if (violations.length < 20) violations.push(violation)
    },
  }
}

/** Notes the first refused seq of each incarnation. */
function note(refusals: Map<number, Map<AuthorId, number>>, node: number, changes: readonly Change[]): void {
  const first = refusals.get(node) ?? new Map<AuthorId, number>()
  refusals.set(node, first)
  for (const { author, seq } of changes) first.set(author, Math.min(seq, first.get(author) ?? seq))
}
