import { authorIdFrom, Version } from '@rejoin/state'
import { createMemoryDisk, type MemoryDisk } from '../index.ts'
import { deferred, resolved } from '../later.ts'
import type { Limits } from '../limits.ts'
import { insideOf } from '../replica.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { StorageOp, StoredRow } from '../seams.ts'
import { World } from '../world.test-helper.ts'
import { Handover } from './handover.ts'
import { rosterOf } from './lease/lease.test-helper.ts'
import type { Neighbours } from './neighbours.ts'
import type { NodeId } from './roster.ts'
import type { RosterDesk } from './roster-desk.ts'
import { initialRosterLogState, type RosterLogState } from './roster-record.ts'
import type { CountedVersion, PartitionMessage } from './wire.ts'

export type Told = Extract<PartitionMessage, { kind: 'handover' | 'handed' }>

const author = authorIdFrom('00000000000000a1')
export const upTo = (seq: number): Version => Version.from([[author, seq]])
export const before = rosterOf(1, 'a', 'b', 'c')
export const roster = rosterOf(2, 'a', 'd', 'e')
/** A voter that has just taken this roster. */
export const taken: RosterLogState = { ...initialRosterLogState(roster), votesFrom: 1, previous: before, settled: 1 }

/** The disk finds a row by its key, not by going through all. */
export function readByKey(core: ReplicaCore, disk: MemoryDisk): void {
  core.storage.read = (key) => {
    const bytes = disk.rows.get(key)
    return resolved(bytes === undefined ? [] : [{ key, bytes }])
  }
}

/** What is read from now on is told when the test says so. */
export function holdReads({ storage }: ReplicaCore): { go(): void } {
  const read = storage.read.bind(storage)
  const waiting: (() => void)[] = []
  storage.read = (prefix) => {
    const rows = deferred<readonly StoredRow[]>()
    waiting.push(() => read(prefix).then(rows.resolve, rows.reject))
    return rows.later
  }
  return {
    go: () => {
      for (const tell of waiting.splice(0)) tell()
    },
  }
}

/** How many rows each reading below a prefix has found since this was asked last. */
export function countReads({ storage }: ReplicaCore): (below: string) => number[] {
  const read = storage.read.bind(storage)
  let found: [string, number][] = []
  storage.read = (prefix) =>
    read(prefix).then((rows) => {
      found.push([prefix, rows.length])
      return rows
    })
  return (below) => {
    const counts = found.flatMap(([prefix, count]) => (prefix.startsWith(below) ? count : []))
    found = found.filter(([prefix]) => !prefix.startsWith(below))
    return counts
  }
}

/** The handover of one voter, whose log and connections are played by the test. */
export function voter(
  self: NodeId,
  first: RosterLogState,
  disk: MemoryDisk = createMemoryDisk(),
  limits: Partial<Limits> = {},
) {
  const world = new World()
  const { replica } = world.replica({ role: 'server', name: self, disk, limits })
  const core = insideOf(replica)
  const pushed: string[] = []
  const push = core.queue.push.bind(core.queue)
  core.queue.push = (ops: readonly StorageOp[], done?: () => void) => {
    pushed.push(...ops.map((op) => `${op.kind} ${op.kind === 'delete-prefix' ? op.prefix : op.key}`))
    push(ops, done)
  }
  const sent: [NodeId, Told][] = []
  const held: (() => void)[] = []
  const at = { state: first, isDurable: true }
  const desk = {
    log: {
      get state() {
        return at.state
      },
    },
    step: (input: { kind: string; epoch?: number }) => {
      if (input.kind !== 'settle') return
      pushed.push('settled')
      at.state = { ...at.state, settled: input.epoch as number }
    },
    afterAll: (run: () => void) => (at.isDurable ? run() : held.push(run)),
  }
  const neighbours = { send: (to: NodeId, told: Told) => sent.push([to, told]) }
  const handover = new Handover({
    core,
    self,
    neighbours: neighbours as unknown as Neighbours,
    desk: desk as unknown as RosterDesk,
  })
  core.batch(() => handover.begin())
  const hand = (from: NodeId, counted: readonly CountedVersion[], more: Partial<Told> = {}): void => {
    const told = { kind: 'handed', epoch: 2, after: '', settled: 1, counted, isLast: true, ...more } as Told
    core.batch(() => handover.receive(from, told))
  }
  const ask = (from: NodeId, epoch = 2, after = ''): Told | undefined => {
    const count = sent.length
    core.batch(() => handover.receive(from, { kind: 'handover', epoch, after }))
    return sent.slice(count).find(([, told]) => told.kind === 'handed')?.[1]
  }
  const asked = (): string => sent.flatMap(([to, { kind }]) => (kind === 'handover' ? to : [])).join('')
  /** Whether leases of a document, of which this version is on the disk, are granted by nobody; as votes judge it. */
  const isBehind = (document: string, version: Version, isKept: boolean): boolean => {
    let isLacking = true
    handover.counted(document).then(
      (counted) => {
        isLacking = !version.covers(counted)
        if (!isLacking && isKept) core.batch(() => handover.covered(document))
      },
      () => {},
    )
    return isLacking
  }
  return { at, world, core, disk, handover, pushed, sent, held, hand, ask, asked, isBehind, replica }
}
