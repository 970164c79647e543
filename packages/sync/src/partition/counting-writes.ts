/**
 * The fenced writes of one lease until they count.
 *
 * Invariants
 * 1. A write counts by votes for the grant under which it was written, of a quorum of the roster in force, each of a voter that had the write
 *    on its disk when it voted. Who has it and gives no more votes, as another roster is coming, is none of them: a
 *    later roster takes over what was voted for, and nothing else.
 * 2. Votes are asked for once a quorum stored the write, one renewal at a time for all that wait, and not again at once.
 */
import { type AuthorId, lastSeq, type Version } from '@rejoin/state'
import { Alarm } from '../alarm.ts'
import { delayUntil } from '../delay.ts'
import { type Deferred, deferred, type Later } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import type { ReplicaCore } from '../replica-core.ts'
import { isQuorum } from './policy.ts'
import type { NodeId, Roster } from './roster.ts'

/** From one renewal to the next. */
const renewMs = 50

/** What these writes stand on. */
interface CountingGround {
  readonly core: Pick<ReplicaCore, 'clock' | 'timers' | 'batch'>
  readonly roster: () => Roster | undefined
  /** Whether votes were asked for that may still come. */
  readonly isAsking: () => boolean
  readonly renew: () => void
}

interface Write {
  /** Undefined where nothing was written. */
  readonly dot: readonly [AuthorId, number] | undefined
  readonly pair: Deferred<void>
  isStored: boolean
}

export class CountingWrites {
  readonly #ground: CountingGround
  readonly #writes = new Set<Write>()
  readonly #alarm: Alarm
  /** What each voter had when it voted for this grant, under `#roster`. */
  readonly #had = new Map<NodeId, Version>()
  #roster: Roster | undefined
  #renewedAt = Number.NEGATIVE_INFINITY

  constructor(ground: CountingGround) {
    this.#ground = ground
    this.#alarm = new Alarm(ground.core.timers)
  }

  /** Settles when a write counts. `stored` settles when a quorum has it on their disks. */
  wait({ change }: Receipt, stored: Later<void>): Later<void> {
    const pair = deferred<void>()
    const write: Write = { dot: change && [change.author, lastSeq(change)], pair, isStored: false }
    this.#writes.add(write)
    stored.then(
      () => {
        write.isStored = true
        this.#settle()
        this.renew()
      },
      (error: unknown) => {
        this.#writes.delete(write)
        pair.reject(error)
      },
    )
    return pair.later
  }

  /** A vote for this grant under the roster in force. */
  voted(by: NodeId, version: Version): void {
    this.#refresh()
    this.#had.set(by, this.#had.get(by)?.merge(version) ?? version)
    this.#settle()
  }

  /** Invariant 2. */
  renew(): void {
    const { core, isAsking, renew } = this.#ground
    if (![...this.#writes].some(({ isStored }) => isStored) || isAsking()) return
    const now = core.clock.monotonic()
    const at = this.#renewedAt + renewMs
    if (now < at) {
      this.#alarm.set(delayUntil(at, now), () => this.renew())
      return
    }
    this.#renewedAt = now
    core.batch(renew)
  }

  /** The grant is over. */
  fail(error: () => unknown): void {
    this.#alarm.clear()
    this.#had.clear()
    for (const { pair } of [...this.#writes]) pair.reject(error())
    this.#writes.clear()
  }

  #refresh(): Roster | undefined {
    const roster = this.#ground.roster()
    if (roster !== undefined && roster !== this.#roster) this.#had.clear()
    this.#roster = roster ?? this.#roster
    return roster
  }

  /** Invariant 1. */
  #settle(): void {
    const roster = this.#refresh()
    for (const write of [...this.#writes]) {
      const { dot, pair, isStored } = write
      const voters = [...this.#had].filter(([, had]) => dot !== undefined && had.get(dot[0]) >= dot[1])
      const counts = roster !== undefined && isQuorum(roster, new Set(voters.map(([id]) => id)))
      if (!counts && (dot !== undefined || !isStored)) continue
      this.#writes.delete(write)
      pair.resolve(undefined)
    }
  }
}
