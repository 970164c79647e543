/**
 * What counted under the rosters before goes over to the voters of the next.
 *
 * A fenced write counts once votes of a quorum of one roster covered it (`Lease.reached`). A quorum of the next roster may be of others,
 * and need not have it: so each voter asks those of the roster before, as soon as it has another, and grants nothing before it
 * knows. That is done for all documents at once: the voters before may be switched off for good afterwards.
 *
 * Invariants
 * 1. Whoever answers has ceased to vote under the roster before, on its disk: what counts there by its vote is in the answer. It had all
 *    that counted earlier (`mayHandOver`).
 * 2. A voter is settled once a quorum of the roster before has answered in full, which has somebody of each quorum by which something
 *    counted, or one that is settled itself, and was while it gave all of its answer.
 * 3. What it has to hold is queued for the disk before that it is settled.
 * 4. What a document has to hold is kept until it was here once, on the disk: then it is here for good. And until a row of votes is there too:
 *    of documents with neither nothing is told.
 * 5. A forced roster begins with nothing: what its voters do not have counts no more.
 */
import { Version } from '@rejoin/state'
import type { ReplicaCore } from '../replica-core.ts'
import { documentKeys, nameInKey, sealRow, unsealRow } from '../rows.ts'
import type { StorageOp, StoredRow } from '../seams.ts'
import { wholeVersion } from '../version-codec.ts'
import { decoded, encoded } from '../wire-fields.ts'
import type { Neighbours } from './neighbours.ts'
import { isQuorum } from './policy.ts'
import type { NodeId, Roster } from './roster.ts'
import type { RosterDesk } from './roster-desk.ts'
import { forceOf, mayHandOver, type RosterLogState } from './roster-record.ts'
import { votesPrefix } from './votes.ts'
import { type CountedVersion, mostCounted, type PartitionMessage } from './wire.ts'

/** Where it stands on the disk what documents have to hold, since a roster was forced last. Invariant 5. */
const prefixAt = (epoch: number): string => `p/h${forceOf(epoch) || ''}/`
const firstPrefix = prefixAt(0)
const askMs = 1000
/** An answer in full costs whoever gives it a reading of all documents with votes. */
const againMs = 5000
/** Of one answer, about. */
const answerBytes = 65_536
/** Documents of which somebody who is not settled keeps what they have to hold. */
const mostDocuments = 65_536

type Handed = Extract<PartitionMessage, { readonly kind: 'handed' }>

/** What a handover stands on. */
export interface HandoverGround {
  readonly core: ReplicaCore
  readonly self: NodeId
  readonly neighbours: Neighbours
  readonly desk: RosterDesk
}

/** How far one has answered. */
interface Giver {
  after: string
  /** The least that it was settled for while it answered. */
  settled: number
  isDone: boolean
  /** When one that has answered in full, and was not settled, is asked anew: it may be by then. */
  againAt: number
}

export class Handover {
  readonly #ground: HandoverGround
  /** What a document has to hold before this replica grants leases of it. Undefined until it is read. */
  #counted: Map<string, Version> | undefined
  /** Rows of that which cannot be read. */
  #damaged: string[] = []
  #isReading = false
  #prefix = firstPrefix
  readonly #givers = new Map<NodeId, Giver>()
  /** Who has answered in full, settled or not. */
  readonly #full = new Set<NodeId>()
  /** Whom it is being told. */
  readonly #takers = new Set<NodeId>()
  #askAt = 0

  constructor(ground: HandoverGround) {
    this.#ground = ground
  }

  get wakeAt(): number | undefined {
    return this.#isDue ? this.#askAt : undefined
  }

  /** Another roster is in force. */
  begin(): void {
    this.#givers.clear()
    this.#full.clear()
    this.#askAt = 0
    const prefix = prefixAt(this.#state?.roster.epoch ?? 0)
    if (prefix !== this.#prefix) {
      const { queue } = this.#ground.core
      for (const old of new Set([firstPrefix, this.#prefix])) queue.push([{ kind: 'delete-prefix', prefix: old }])
      this.#prefix = prefix
      this.#counted = undefined
      this.#damaged = []
      this.#isReading = false
    }
    this.tick()
  }

  /** Asks those who have not answered in full. */
  tick(): void {
    if (this.#counted === undefined) this.#read()
    const now = this.#ground.core.clock.monotonic()
    if (!this.#isDue || now < this.#askAt) return
    this.#askAt = now + askMs
    const { self, desk } = this.#ground
    this.#settle()
    const { roster, previous } = this.#state as RosterLogState
    const voters = votersOf(roster)
    for (const id of votersOf(roster, previous)) {
      const giver = this.#givers.get(id)
      if (giver?.isDone === true && voters.has(id) && now >= giver.againAt) this.#givers.delete(id)
      if (!this.#isDue || id === self || this.#givers.get(id)?.isDone === true) continue
      // It may not have heard of the roster.
      desk.step({ kind: 'contact', peer: id })
      this.#ask(id, this.#givers.get(id)?.after ?? '')
    }
  }

  receive(from: NodeId, told: Extract<PartitionMessage, { readonly kind: 'handover' | 'handed' }>): void {
    if (told.kind === 'handed') this.#take(from, told)
    else this.#give(from, told.epoch, told.after)
  }

  /** Whether a document, of which this version is on the disk, may lack something that counted. `isKept`: so is a row of its votes. */
  isBehind(document: string, version: Version, isKept: boolean): boolean {
    if (!this.#isSettled) return true
    const counted = this.#counted?.get(document)
    if (counted === undefined) return false
    if (!version.covers(counted)) return true
    // Invariant 4.
    if (!isKept) return false
    this.#counted?.delete(document)
    this.#ground.core.queue.push([{ kind: 'delete', key: this.#keyOf(document) }])
    return false
  }

  get #state(): RosterLogState | undefined {
    return this.#ground.desk.log?.state
  }

  get #isWhole(): boolean {
    return this.#counted !== undefined && this.#damaged.length === 0
  }

  get #isSettled(): boolean {
    const state = this.#state
    return this.#isWhole && state !== undefined && state.settled >= state.roster.epoch
  }

  /** Whether it votes, and has to ask. */
  get #isDue(): boolean {
    const state = this.#state
    if (state === undefined || this.#counted === undefined || this.#isSettled) return false
    return state.votesFrom <= state.roster.epoch && votersOf(state.roster).has(this.#ground.self)
  }

  #read(): void {
    const { core } = this.#ground
    if (this.#isReading) return
    this.#isReading = true
    const prefix = this.#prefix
    core.storage.read(prefix).then(
      (rows) => {
        if (prefix === this.#prefix) core.batch(() => this.#sort(rows))
      },
      (error: unknown) => {
        if (prefix === this.#prefix) this.#isReading = false
        core.log('error', 'partition-rows-unread', { error: String(error) })
      },
    )
  }

  #sort(rows: readonly StoredRow[]): void {
    const counted = new Map<string, Version>()
    for (const { key, bytes } of rows) {
      const version = decoded(wholeVersion, unsealRow(bytes) ?? new Uint8Array())
      const document = this.#nameIn(key)
      if (version.ok && document !== undefined) counted.set(document, version.value)
      else this.#damaged.push(key)
    }
    this.#counted = counted
    this.tick()
  }

  #ask(id: NodeId, after: string): void {
    const { epoch } = (this.#state as RosterLogState).roster
    this.#ground.neighbours.send(id, { kind: 'handover', epoch, after })
  }

  #take(from: NodeId, { epoch, after, settled, counted, isLast }: Handed): void {
    const { core } = this.#ground
    const state = this.#state
    const known = this.#counted
    if (!this.#isDue || known === undefined || epoch !== state?.roster.epoch) return
    if (!votersOf(state.roster, state.previous).has(from)) return
    const giver = this.#givers.get(from) ?? { after: '', settled: Number.POSITIVE_INFINITY, isDone: false, againAt: 0 }
    const names = [after, ...counted.map(({ document }) => document)]
    const isInOrder = names.every((name, at) => at === 0 || name > (names[at - 1] as string))
    if (giver.isDone || after !== giver.after || !isInOrder || (counted.length === 0 && !isLast)) return
    const isNew = ({ document }: CountedVersion): boolean => !known.has(document)
    if (known.size + counted.filter(isNew).length > mostDocuments) {
      core.log('error', 'handover-too-large', { from, most: mostDocuments })
      return
    }
    const ops: StorageOp[] = []
    for (const { document, version } of counted) {
      const before = known.get(document) ?? Version.empty
      if (before.covers(version)) continue
      const all = before.merge(version)
      known.set(document, all)
      ops.push({ kind: 'put', key: this.#keyOf(document), bytes: sealRow(encoded(wholeVersion, all)) })
    }
    core.queue.push(ops)
    giver.after = names.at(-1) as string
    // Invariant 2.
    giver.settled = Math.min(giver.settled, settled)
    giver.isDone = isLast
    giver.againAt = core.clock.monotonic() + againMs
    this.#givers.set(from, giver)
    if (isLast) {
      this.#full.add(from)
      this.#settle()
    } else this.#ask(from, giver.after)
  }

  /** Invariants 2 and 3. */
  #settle(): void {
    const { core, self, desk } = this.#ground
    const state = this.#state as RosterLogState
    const { epoch } = state.roster
    const all = new Set(this.#full)
    if (this.#isWhole && mayHandOver(state, epoch)) all.add(self)
    const isEnough = state.previous !== undefined && isQuorum(state.previous, all)
    if (!isEnough && ![...this.#givers.values()].some(({ isDone, settled }) => isDone && settled >= epoch)) return
    const lost = this.#damaged.filter((key) => !this.#counted?.has(this.#nameIn(key) ?? ''))
    core.queue.push(lost.map((key) => ({ kind: 'delete', key })))
    this.#damaged = []
    desk.step({ kind: 'settle', epoch })
    core.log('info', 'roster-settled-here', { epoch })
  }

  #keyOf(document: string): string {
    return `${this.#prefix}${documentKeys(document).index.slice(2)}`
  }

  #nameIn(key: string): string | undefined {
    return nameInKey(`h/${key.slice(this.#prefix.length)}`)
  }

  #give(from: NodeId, epoch: number, after: string): void {
    const { core, desk } = this.#ground
    const state = this.#state
    if (state === undefined || !this.#isWhole || !mayHandOver(state, epoch) || this.#takers.has(from)) return
    if (!votersOf(state.roster, state.previous, state.accepted?.roster).has(from)) return
    this.#takers.add(from)
    // Invariant 1.
    desk.afterAll(() => {
      // Before the rows are read: what goes from here meanwhile has one.
      const counted = new Map(this.#counted)
      core.storage.read(votesPrefix).then(
        (rows) => this.#tell(from, { epoch, after, settled: state.settled }, counted, rows),
        () => this.#takers.delete(from),
      )
    })
  }

  /** Tells what the documents with votes have to hold, one after the other: each has to be read. */
  #tell(
    to: NodeId,
    answer: Pick<Handed, 'epoch' | 'after' | 'settled'>,
    known: ReadonlyMap<string, Version>,
    rows: readonly StoredRow[],
  ): void {
    const { core, neighbours } = this.#ground
    const named = rows.flatMap(({ key }) => nameInKey(key.slice(2)) ?? [])
    const names = [...new Set([...named, ...known.keys()])].filter((name) => name > answer.after).sort()
    const counted: CountedVersion[] = []
    let bytes = 0
    const next = (): void => {
      const document = names[counted.length]
      const isLast = document === undefined
      if (isLast || counted.length === mostCounted || bytes > answerBytes) {
        this.#takers.delete(to)
        core.batch(() => neighbours.send(to, { kind: 'handed', ...answer, counted, isLast }))
        return
      }
      core.shelf.acquire(document).then(
        (held) => {
          // Of a document that could not be read nobody knows what this disk holds: who asks asks again.
          const isRead = !core.shelf.needsReading(document)
          const version = held.durable.merge(known.get(document) ?? Version.empty)
          core.shelf.release(document)
          counted.push({ document, version })
          bytes += document.length + 16 * [...version.entries()].length
          if (isRead) next()
          else this.#takers.delete(to)
        },
        () => this.#takers.delete(to),
      )
    }
    next()
  }
}

function votersOf(...rosters: readonly (Roster | undefined)[]): Set<NodeId> {
  return new Set(rosters.flatMap((roster) => roster?.voters.map(({ id }) => id) ?? []))
}
