import type { DocumentStream } from '../document-stream.ts'
import type { HealEvent } from '../incidents.ts'
import { listen } from '../listeners.ts'
import type { Replica } from '../replica.ts'
import type { ReplicaCore } from '../replica-core.ts'
import { ApartLedger, type Divergence, type HealingProgress } from './apart.ts'
import type { Neighbours } from './neighbours.ts'
import type { PartitionEvents, PartitionSituation } from './partitions.ts'
import type { NodeId } from './roster.ts'
import type { ReachabilityRow } from './verdict/reachability.ts'
import type { Verdict } from './verdict/verdict-machine.ts'

/** A voter may be gone for long, while others come and go. */
const mostReports = 1000

type Listeners = { readonly [K in keyof PartitionEvents]: Set<(event: PartitionEvents[K]) => void> }

/** Where a replica stands with the other sides: together, apart, or coming together, and who is told of it. */
export class ContactDesk {
  readonly ledger: ApartLedger
  readonly #replica: Replica
  readonly #core: ReplicaCore
  readonly #listeners: Listeners = { suspected: new Set(), split: new Set(), healing: new Set(), healed: new Set() }
  /** Told apart while somebody wants to hear of it: spelling out reports costs. */
  readonly #reports: HealEvent[] = []
  #stop: (() => void) | undefined
  /** Wall clock. */
  #splitAt = 0
  #progress: HealingProgress | undefined

  constructor(replica: Replica, core: ReplicaCore, neighbours: Neighbours) {
    this.#replica = replica
    this.#core = core
    this.ledger = new ApartLedger(core, neighbours)
  }

  /** Whether a heal goes on, which is to be looked at by and by. */
  get isHealing(): boolean {
    return this.#progress !== undefined
  }

  on<K extends keyof PartitionEvents>(kind: K, listener: (event: PartitionEvents[K]) => void): () => void {
    const reports = this.#reports
    if (kind === 'healed')
      this.#stop ??= this.#replica.onHealed((event) => {
        const isWanted = this.ledger.isApart && this.#listeners.healed.size > 0
        if (isWanted && reports.push(event) > mostReports) reports.shift()
      })
    return listen(this.#listeners[kind] as Set<(event: PartitionEvents[K]) => void>, listener)
  }

  suspected(peer: NodeId): void {
    this.#core.tell(this.#listeners.suspected, { peer })
  }

  /** What is to be said of a verdict as it stands; nothing of one undefined. */
  situation(verdict: Verdict | undefined): PartitionSituation {
    const { ledger } = this
    if (verdict === undefined) return { state: 'unknown' }
    const { since, mode } = verdict
    const absent = absentIn(verdict)
    if (absent.length === 0 && mode === 'unknown') return { state: 'unknown' }
    // What it costs is paid by who looks at it.
    const own = {
      get ours(): Divergence {
        return ledger.divergence()
      },
    }
    if (absent.length > 0) {
      const began = ledger.isApart ? this.#splitAt : since
      return Object.assign(own, { state: 'split', since: began, absent, theirs: 'unknown' } as const)
    }
    if (this.#progress === undefined) return { state: 'whole', since }
    return Object.assign(own, { state: 'healing', since: this.#splitAt, progress: this.#progress } as const)
  }

  /**
   * Looks at a verdict, new or not, and at how other voters stand; `unsynced` says which documents are not in sync
   * with voters, `isCovered` whether each side has what the other had.
   */
  look(
    verdict: Verdict | undefined,
    others: readonly ReachabilityRow[],
    unsynced: () => readonly DocumentStream[],
    isCovered: () => boolean,
  ): void {
    if (verdict === undefined) return
    const { ledger } = this
    const absent = absentIn(verdict)
    ledger.others(others)
    if (absent.length > 0) {
      const isNew = !ledger.isApart
      ledger.lost(absent)
      this.#progress = undefined
      if (!isNew) return
      this.#splitAt = verdict.since
      this.#core.tell(this.#listeners.split, { verdict, absent })
    } else if (ledger.isApart && verdict.mode !== 'unknown') this.#heal(unsynced(), isCovered())
  }

  close(): void {
    this.#stop?.()
    for (const listeners of Object.values(this.#listeners)) listeners.clear()
  }

  #heal(unsynced: readonly DocumentStream[], isDone: boolean): void {
    const { ledger } = this
    const before = this.#progress
    const progress = ledger.progress(unsynced, isDone)
    this.#progress = isDone ? undefined : progress
    const ours = isDone ? ledger.divergence() : undefined
    if (isDone) ledger.end()
    // Whoever follows it sees its end, too.
    if (isDone || before?.changes !== progress.changes || before.documents !== progress.documents)
      this.#core.tell(this.#listeners.healing, progress)
    if (ours === undefined) return
    const since = this.#splitAt
    const forMs = Math.max(0, this.#core.clock.now() - since)
    this.#core.tell(this.#listeners.healed, { since, forMs, ours, reports: this.#reports.splice(0) })
  }
}

/** Voters that are not on the own side. */
export function absentIn({ roster, sides }: Verdict): NodeId[] {
  const here = sides[0] ?? []
  return roster.voters.map(({ id }) => id).filter((id) => !here.includes(id))
}
