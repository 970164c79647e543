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
 * 3. What it has to hold is on the disk before that it is settled, and is not more afterwards.
 * 4. What a document has to hold is kept until it was here once, on the disk: then it is here for good. And until a row of votes is there too:
 *    of documents with neither nothing is told.
 * 5. A forced roster begins with nothing: what its voters do not have counts no more.
 */
import type { Version } from '@rejoin/state'
import { type Later, rejected } from '../later.ts'
import type { ReplicaCore } from '../replica-core.ts'
import { CountedRows } from './counted-rows.ts'
import { forceOf } from './forced-epoch.ts'
import { namesToTell, pageAfter } from './handover-page.ts'
import type { Neighbours } from './neighbours.ts'
import { isQuorum } from './policy.ts'
import type { NodeId, Roster } from './roster.ts'
import type { RosterDesk } from './roster-desk.ts'
import { mayHandOver, type RosterLogState } from './roster-record.ts'
import type { PartitionMessage } from './wire.ts'

/** Where it stands on the disk what documents have to hold, until a roster is forced next. Invariant 5. */
const prefixAt = (epoch: number): string => `p/h${forceOf(epoch)}/`
const firstPrefix = prefixAt(0)
const askMs = 1000
/** An answer in full costs whoever gives it a reading of all documents with votes. */
const againMs = 5000
/** How long names are kept after a page was told: whoever wants more asks long before. */
const namesMs = 60_000

type Asked = Extract<PartitionMessage, { readonly kind: 'handover' }>
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
  /** Once it has answered in full: when it is asked anew, as it may be settled by then. */
  againAt: number
}

export class Handover {
  readonly #ground: HandoverGround
  /** What documents have to hold before this replica grants leases of them. */
  #rows: CountedRows
  /** A page is on its way to the disk: others are asked for again. */
  #isJoining = false
  /** Others from when all have to be asked anew. */
  #givers = new Map<NodeId, Giver>()
  /** Who has answered in full, settled or not. */
  readonly #full = new Set<NodeId>()
  #askAt = 0
  /** Whom it is telling a page. */
  readonly #takers = new Set<NodeId>()
  /** Of all that it tells: gathered anew for each who begins to ask, as there may be more by then. */
  #names: Later<readonly string[]> | undefined
  #toldAt = 0

  constructor(ground: HandoverGround) {
    this.#ground = ground
    this.#rows = this.#rowsAt(firstPrefix)
  }

  get wakeAt(): number | undefined {
    return this.#isDue ? this.#askAt : undefined
  }

  /** Another roster is in force, or something of what was told before is lost. */
  begin(): void {
    this.#givers = new Map()
    this.#full.clear()
    this.#askAt = 0
    const prefix = prefixAt(this.#state?.roster.epoch ?? 0)
    const before = this.#rows.prefix
    if (prefix !== before) {
      for (const old of [firstPrefix, before]) this.#ground.core.queue.push([{ kind: 'delete-prefix', prefix: old }])
      this.#rows = this.#rowsAt(prefix)
    }
    this.tick()
  }

  /** Asks those who have not answered in full. */
  tick(): void {
    const now = this.#ground.core.clock.monotonic()
    if (now >= this.#toldAt + namesMs) this.#names = undefined
    if (!this.#isDue || now < this.#askAt) return
    this.#askAt = now + askMs
    const { self, desk } = this.#ground
    this.#settle()
    const { roster, previous } = this.#state as RosterLogState
    for (const id of votersOf(roster, previous)) {
      const { after = '', againAt = now } = this.#givers.get(id) ?? {}
      if (!this.#isDue || id === self || now < againAt) continue
      // It may not have heard of the roster.
      desk.step({ kind: 'contact', peer: id })
      this.#ask(id, after)
    }
  }

  receive(from: NodeId, told: Handed | Asked): void {
    if (told.kind === 'handed') this.#take(from, told)
    else this.#give(from, told)
  }

  /** What a document has to hold before leases of it are granted. Rejects where that is not known. */
  counted(document: string): Later<Version> {
    const givers = this.#givers
    return this.#rows
      .read(document)
      .then((version) => (this.#isSettled && givers === this.#givers ? version : rejected<Version>(document)))
  }

  /** The document holds that, on the disk, where a row of its votes is too. Invariant 4. */
  covered(document: string): void {
    this.#rows.forget(document)
  }

  get #state(): RosterLogState | undefined {
    return this.#ground.desk.log?.state
  }

  get #isSettled(): boolean {
    const state = this.#state
    return this.#rows.isWhole && state !== undefined && state.settled >= state.roster.epoch
  }

  /** Whether it votes, and has to ask. */
  get #isDue(): boolean {
    const state = this.#state
    if (state === undefined || this.#isSettled || state.votesFrom > state.roster.epoch) return false
    return votersOf(state.roster).has(this.#ground.self)
  }

  #rowsAt(prefix: string): CountedRows {
    return new CountedRows(this.#ground.core, prefix, () => this.begin())
  }

  #ask(id: NodeId, after: string): void {
    const { epoch } = (this.#state as RosterLogState).roster
    this.#ground.neighbours.send(id, { kind: 'handover', epoch, after })
  }

  #take(from: NodeId, { epoch, after, settled, counted, isLast }: Handed): void {
    const { core } = this.#ground
    const state = this.#state
    if (!this.#isDue || this.#isJoining || epoch !== state?.roster.epoch) return
    if (!votersOf(state.roster, state.previous).has(from)) return
    const now = core.clock.monotonic()
    const givers = this.#givers
    const giver = givers.get(from) ?? { after: '', settled: 0, againAt: now }
    let last = after
    for (const { document } of counted) {
      if (document <= last) return
      last = document
    }
    if (now < giver.againAt || after !== giver.after || (last === after && !isLast)) return
    this.#isJoining = true
    this.#rows.join(counted, (isKept) => {
      this.#isJoining = false
      if (!isKept || !this.#isDue || givers !== this.#givers) return
      // Invariant 2.
      giver.settled = after === '' ? settled : Math.min(giver.settled, settled)
      giver.after = isLast ? '' : last
      givers.set(from, giver)
      if (!isLast) {
        this.#ask(from, giver.after)
        return
      }
      giver.againAt = votersOf(state.roster).has(from) ? now + againMs : Number.POSITIVE_INFINITY
      this.#full.add(from)
      this.#settle(giver.settled)
    })
  }

  /** Invariant 2. `least`: for what one was settled all the time that it answered in full. */
  #settle(least = 0): void {
    const { core, self, desk } = this.#ground
    const state = this.#state as RosterLogState
    const { epoch } = state.roster
    const all = new Set(this.#full)
    if (this.#rows.isWhole && mayHandOver(state, epoch)) all.add(self)
    const isEnough = least >= epoch || (state.previous !== undefined && isQuorum(state.previous, all))
    // Invariant 3.
    if (!isEnough || this.#isJoining) return
    this.#rows.forgetLost()
    desk.step({ kind: 'settle', epoch })
    core.log('info', 'roster-settled-here', { epoch })
  }

  #give(to: NodeId, { epoch, after }: Asked): void {
    const { core, desk, neighbours } = this.#ground
    const rows = this.#rows
    const state = this.#state
    if (state === undefined || !mayHandOver(state, epoch) || this.#takers.has(to)) return
    if (!votersOf(state.roster, state.previous, state.accepted?.roster).has(to)) return
    const { settled } = state
    this.#takers.add(to)
    this.#toldAt = core.clock.monotonic()
    // Invariant 1.
    desk.afterAll(() => {
      if (after === '') this.#names = undefined
      this.#names ??= namesToTell(core, rows)
      this.#names
        .then((names) => pageAfter(core, rows, names, after))
        .then(
          (page) => {
            this.#takers.delete(to)
            // Of what is gone by then not all was read.
            if (rows === this.#rows)
              core.batch(() => neighbours.send(to, { kind: 'handed', epoch, after, settled, ...page }))
          },
          () => {
            this.#takers.delete(to)
            this.#names = undefined
          },
        )
    })
  }
}

function votersOf(...rosters: readonly (Roster | undefined)[]): Set<NodeId> {
  return new Set(rosters.flatMap((roster) => roster?.voters.map(({ id }) => id) ?? []))
}
