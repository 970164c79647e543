/**
 * What must hold in a world, checked after every step of every node.
 *
 * 1. The state of a node is what the op log says at the node's version.
 * 2. Equal versions have equal digests.
 * 3. A version never shrinks while a node runs, unless a server refused its work.
 * 4. What was acknowledged at a node's own disk is there after a crash; what a server acknowledged never leaves it.
 */
import { type Change, lastSeq, type Store, Version } from '@rejoin/state'
import { createOpLog, type OpLog, OracleError } from './oracle/op-log.ts'
import { canonicalText, plainAt } from './oracle/plain.ts'

/** A broken promise, in words. */
export interface Violation {
  readonly atMs: number
  readonly node: number
  readonly kind: 'state' | 'digest' | 'shrunk' | 'lost' | 'log' | 'report' | 'divergence'
  readonly message: string
}

/** Follows the nodes of one document through a run. */
export interface Checker {
  readonly log: OpLog
  readonly violations: readonly Violation[]
  /** A node made a change. */
  wrote(node: number, change: Change): void
  /** The state of a node is another one now: after a merge, a write, or loading from disk. */
  stepped(node: number, store: Store): void
  /** A change of this node reached its disk, or a server's. */
  acknowledged(node: number, change: Change, level: 'disk' | 'server'): void
  /** A node runs again with what its disk gave back. */
  opened(node: number, store: Store, isServer: boolean): void
  /** A server refused work of this node, which took the server's state instead. */
  fellBack(node: number, store: Store): void
  /** A node lost its disk by the will of the scenario. */
  wiped(node: number): void
  /** Notes something that others found. */
  report(violation: Violation): void
  /** Whatever any server has acknowledged. */
  readonly serverAcknowledged: Version
}

/** A checker. `now` is the world's clock, for messages; `nameOf` names nodes in them. */
export function createChecker(now: () => number, nameOf: (node: number) => string): Checker {
  const log = createOpLog()
  const violations: Violation[] = []
  const texts = new Map<string, string>()
  const digests = new Map<string, string>()
  const seen = new Map<number, Version>()
  const onDisk = new Map<number, Version>()
  let serverAcknowledged = Version.empty

  const report = (node: number, kind: Violation['kind'], message: string): void => {
    // The first violations tell what is wrong; thousands of followers tell nothing.
    if (violations.length < 20) violations.push({ atMs: now(), node, kind, message: `${nameOf(node)}: ${message}` })
  }

  const checkState = (node: number, store: Store): void => {
    const { version } = store
    const key = JSON.stringify(version.toJSON())
    let expected = texts.get(key)
    if (expected === undefined) {
      expected = canonicalText(plainAt(log, version))
      texts.set(key, expected)
    }
    const found = canonicalText(store.toJSON())
    if (found !== expected) {
      report(node, 'state', `at ${version.describe()} it holds\n  ${found}\nwhere the op log has\n  ${expected}`)
    }
    const digest = store.digest()
    const known = digests.get(key)
    if (known === undefined) digests.set(key, digest)
    else if (known !== digest) report(node, 'digest', `digest ${digest} at ${version.describe()}, elsewhere ${known}`)
  }

  return {
    log,
    violations,
    get serverAcknowledged() {
      return serverAcknowledged
    },
    wrote: (node, change) => {
      try {
        log.record(change)
      } catch (error) {
        if (!(error instanceof OracleError)) throw error
        report(node, 'log', error.message)
      }
    },
    stepped: (node, store) => {
      const before = seen.get(node) ?? Version.empty
      if (!store.version.covers(before)) {
        report(node, 'shrunk', `its version went from ${before.describe()} to ${store.version.describe()}`)
      }
      seen.set(node, store.version)
      checkState(node, store)
    },
    acknowledged: (node, change, level) => {
      const reached = Version.from([[change.author, lastSeq(change)]])
      if (level === 'disk') onDisk.set(node, (onDisk.get(node) ?? Version.empty).merge(reached))
      else serverAcknowledged = serverAcknowledged.merge(reached)
    },
    opened: (node, store, isServer) => {
      seen.set(node, store.version)
      const promised = (onDisk.get(node) ?? Version.empty).merge(isServer ? serverAcknowledged : Version.empty)
      if (!store.version.covers(promised)) {
        const lost = [...promised.entries()].filter(([author, seq]) => store.version.get(author) < seq)
        const words = lost.map(([author, seq]) => `${author.slice(0, 4)}:${store.version.get(author) + 1}..${seq}`)
        report(node, 'lost', `acknowledged as durable and gone after opening again: ${words.join(', ')}`)
      }
      checkState(node, store)
    },
    fellBack: (node, store) => {
      onDisk.set(node, (onDisk.get(node) ?? Version.empty).meet(store.version))
      seen.set(node, store.version)
      checkState(node, store)
    },
    wiped: (node) => {
      onDisk.delete(node)
      seen.delete(node)
    },
    report: (violation) => {
      if (violations.length < 20) violations.push(violation)
    },
  }
}
