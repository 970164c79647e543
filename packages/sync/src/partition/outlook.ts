import type { DocumentStream } from '../document-stream.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { Session } from '../session.ts'
import { absentIn, type ContactDesk } from './contact-desk.ts'
import type { Detector } from './detector/detector.ts'
import type { IncidentDesk } from './incident-desk.ts'
import type { Neighbours } from './neighbours.ts'
import type { PartitionMetrics } from './partitions.ts'
import { readingOf } from './reading.ts'
import type { NodeId } from './roster.ts'
import type { RosterDesk } from './roster-desk.ts'
import { OneWayProof } from './verdict/one-way-proof.ts'
import type { Reachability, ReachabilityRow } from './verdict/reachability.ts'
import {
  createVerdictMachine,
  type Verdict,
  type VerdictMachine,
  type VerdictOptions,
} from './verdict/verdict-machine.ts'

/** The least time between looks that nothing calls for but time. */
const lookMs = 1000
const never = Number.POSITIVE_INFINITY

/** What an outlook stands on. */
export interface OutlookGround {
  readonly core: ReplicaCore
  readonly self: NodeId
  readonly verdicts: VerdictOptions
  readonly isVoter: boolean
  /** After which time what others told proves nothing, milliseconds. */
  readonly staleAfterMs: number
  /** How long after the start others have had the time to be heard of, milliseconds. */
  readonly warmAfterMs: number
  readonly neighbours: Neighbours
  readonly reachability: Reachability
  readonly roster: RosterDesk
  readonly detector: Detector
  readonly contact: ContactDesk
  readonly incidents: IncidentDesk
  readonly counts: PartitionMetrics
  /** The own row may say something else: of contact. */
  readonly says: () => void
}

/**
 * What one replica makes of what it and others see: the verdict, and everybody who has to know of it. It looks when something happens,
 * and by time only while time decides: while a heal goes on, while a pause keeps it from accusing, until something counts as proved.
 */
export class Outlook {
  readonly listeners: Set<(verdict: Verdict) => void> = new Set()
  /** Whether the platform says that it is offline. */
  isOffline = false
  readonly #ground: OutlookGround
  readonly #verdicts: VerdictMachine
  readonly #oneWay: OneWayProof
  /** What was judged last: judging the same again comes to the same. */
  #basis: readonly unknown[] = []
  #warmAt = 0
  #lookedAt = -never
  /** Whether others have had the time to be heard of. */
  #isWarm = false
  /** Whether the roster changed since it began, while all were there. */
  #isChanged = false
  /** Whether there is a verdict that nobody was told yet. */
  #isUntold = false

  constructor(ground: OutlookGround) {
    this.#ground = ground
    this.#verdicts = createVerdictMachine(ground.verdicts)
    this.#oneWay = new OneWayProof(ground.staleAfterMs)
  }

  /** Undefined while no roster is known. */
  get verdict(): Verdict | undefined {
    const { verdict } = this.#verdicts
    return verdict === undefined ? undefined : this.#oneWay.proved(verdict, this.#ground.core.clock.monotonic())
  }

  /** The verdict, once others have had the time to be heard of, also since a pause of this replica. */
  get warmVerdict(): Verdict | undefined {
    const { verdict } = this
    return this.#isWarm && verdict?.powerless !== 'paused' ? verdict : undefined
  }

  get wakeAt(): number {
    return Math.min(this.#verdicts.wakeAt ?? never, this.#lookAt)
  }

  begin(): void {
    this.#warmAt = this.#ground.core.clock.monotonic() + this.#ground.warmAfterMs
  }

  tick(): void {
    this.observe()
    const { core, incidents } = this.#ground
    if (core.clock.monotonic() < this.#lookAt) return
    this.look()
    if (incidents.recovery.isVerifying) incidents.step({ kind: 'covered', isCovered: this.#isCovered() })
  }

  /** To be told whenever something may be seen otherwise than before. */
  observe(): void {
    const { self, reachability, roster: desk, detector, core, counts } = this.#ground
    const { log } = desk
    if (log === undefined) return
    const { isOffline } = this
    const { roster, pending: next } = log
    const isPaused = detector.isArmed
    const basis = [reachability.revision, roster, next, isPaused, isOffline]
    const isNew = basis.some((value, at) => value !== this.#basis[at])
    const { verdict } = this.#verdicts
    // Nobody has been heard under a roster that is new: who was here is not gone by that.
    if (this.#isWarm && roster !== this.#basis[1] && verdict !== undefined && !isSplit(verdict)) {
      this.#isWarm = false
      this.#isChanged = true
      this.begin()
    }
    this.#basis = basis
    const { rows } = reachability
    const input = isNew
      ? { kind: 'observe' as const, circumstances: { self, roster, next, rows, isPaused, isOffline } }
      : { kind: 'tick' as const }
    const effects = this.#verdicts.step({ ...input, ...readingOf(core) })
    for (const { verdict: told } of effects) {
      const { mode, sides } = told
      // What it finds when it begins is no news.
      const isNews = this.#isWarm && verdict !== undefined && verdict.mode !== 'unknown'
      if (isNews && isSplit(told) && !isSplit(verdict)) counts.splits += 1
      core.log('info', 'verdict', { mode, sides })
      this.#isUntold = true
      this.look()
    }
    if (isNew && effects.length === 0) this.look()
  }

  /** Takes in how things are now, new verdict or not. */
  look(): void {
    const { core, contact, incidents, says } = this.#ground
    const { contact: before } = contact.ledger
    this.#oneWay.wakeAt = never
    const { verdict } = this
    const now = core.clock.monotonic()
    this.#lookedAt = now
    this.#isWarm ||= this.isOffline || now >= this.#warmAt || this.#isInformed(verdict)
    // Before that whoever has not been met yet seems gone, which is no news to anybody.
    if (this.#isWarm && this.#isUntold && verdict !== undefined) {
      this.#isUntold = false
      core.tell(this.listeners, verdict)
    }
    contact.look(
      this.warmVerdict,
      this.#others,
      () => this.#unsynced,
      () => this.#isCovered(),
    )
    incidents.seen(this.warmVerdict)
    if (before !== contact.ledger.contact) says()
  }

  /** Whether all are there; or whoever has no vote was told by one that has, and that answers. */
  #isInformed(verdict: Verdict | undefined): boolean {
    if (verdict === undefined) return false
    const { mode, evidence, sides } = verdict
    if (mode === 'full') return evidence.length > 0
    const isReached = sides[0]?.[0] !== undefined
    // The first voter that went over to a new roster says nothing of the next. Nor does one that began a moment ago, and has not met the
    // others yet: once it takes that for a split it says so.
    return !this.#ground.isVoter && !this.#isChanged && isReached && (mode === 'mixed' || this.#isToldApart)
  }

  /** When time alone may show something else. */
  get #lookAt(): number {
    const { contact, incidents, detector } = this.#ground
    // Incidents of an earlier opening go on from the first look.
    if (this.#lookedAt === -never) return this.#lookedAt
    const isBusy = contact.isHealing || incidents.recovery.isVerifying || detector.isArmed
    const at = isBusy ? -never : Math.min(this.#isWarm ? never : this.#warmAt, this.#oneWay.wakeAt, incidents.changesAt)
    return Math.max(this.#lookedAt + lookMs, at)
  }

  /** How the other voters stand, as far as anything recent is known of them. */
  get #others(): ReachabilityRow[] {
    const { self, reachability } = this.#ground
    return reachability.rows.flatMap(({ row, isFresh }) => (isFresh && row.observer !== self ? row : []))
  }

  /** Whether some voter says that it lost others, or that it met them again and not all is well yet. */
  get #isToldApart(): boolean {
    return this.#others.some(({ contact }) => contact !== 'kept')
  }

  /**
   * Each side has what the other had: every document is in sync with every voter that is connected. Who has no vote may be connected
   * with one side only, and waits for the word of the voters: these go by themselves, or each would wait for the others.
   */
  #isCovered(): boolean {
    const { core, self, roster } = this.#ground
    if (!roster.voters.has(self) && this.#isToldApart) return false
    for (const companion of core.companions.values())
      if (this.#sessions.some((session) => companion.isBehind?.(session))) return false
    return this.#unsynced.length === 0
  }

  /** Documents on connections with voters that are not in sync there. */
  get #unsynced(): DocumentStream[] {
    return this.#sessions.flatMap(({ streams }) => [...streams.values()]).filter(({ isSynced }) => !isSynced)
  }

  /** With voters. */
  get #sessions(): Session[] {
    const { neighbours, roster } = this.#ground
    return [...roster.voters].flatMap((id) => neighbours.sessionsOf(id))
  }
}

function isSplit(verdict: Verdict): boolean {
  return verdict.mode !== 'unknown' && absentIn(verdict).length > 0
}
