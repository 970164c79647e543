/**
 * The verdict over time: what it was and since when, and what may be done.
 *
 * Invariants
 * 1. Powers are lost in the step in which the own side stops being a quorum, and regained only after it was one for
 *    `stableAfterMs` without a break, all of which this machine ran.
 * 2. A power is a fast local no: others may not have noticed the split yet and think the same. What is done for all needs
 *    the votes of a quorum all the same.
 */
import { rangeFault } from '../range-fault.ts'
import { compareRosters } from '../roster-record.ts'
import { type Circumstances, type Judgement, judgePartition, type Powerless } from './verdict.ts'

/** What may be begun here for all. */
export interface Capabilities {
  /** Whether a voter of this side may grant leases. Of this replica: what it asks for itself is `mayHoldLease`. */
  readonly mayGrantLease: boolean
  /** Whether leases may be had from here, by whoever has a vote or not: a quorum of the voters is on this side. */
  readonly mayHoldLease: boolean
  /** Also no change is on its way. */
  readonly mayChangeRoster: boolean
  readonly mayPrune: boolean
}

/** A judgement that stands since some time. */
export interface Verdict extends Judgement {
  /** Since when the mode and the own side are these, whatever is known of others, by the wall clock, milliseconds. */
  readonly since: number
  readonly capabilities: Capabilities
}

/** Times are those of the membership that finds out who is reached. */
export interface VerdictOptions {
  readonly gossipIntervalMs: number
  /** The shortest that a replica is suspected before it counts as unreachable, milliseconds. */
  readonly suspicionMinMs: number
}

/** `now` is milliseconds of a monotonic clock, `wall` of the wall clock. */
export type VerdictInput =
  /** Whenever something of it changed. */
  | { readonly kind: 'observe'; readonly circumstances: Circumstances; readonly now: number; readonly wall: number }
  | { readonly kind: 'tick'; readonly now: number; readonly wall: number }

/** Tell whoever asked for it. */
export type VerdictEffect = { readonly kind: 'verdict'; readonly verdict: Verdict }

/** The verdict of one replica. */
export interface VerdictMachine {
  /** Tells the verdict when something of it but the evidence is another than before. */
  step(input: VerdictInput): VerdictEffect[]
  /** Undefined before the first observation. */
  readonly verdict: Verdict | undefined
  readonly wakeAt: number | undefined
}

/** What is wrong with options, in words; undefined where nothing is. */
export function verdictOptionsFault({ gossipIntervalMs, suspicionMinMs }: VerdictOptions): string | undefined {
  return rangeFault({
    gossipIntervalMs: [gossipIntervalMs, 10, 600_000],
    suspicionMinMs: [suspicionMinMs, 100, 3_600_000],
  })
}

/**
 * How long a side must have been a quorum before it may act: a rumour needs about log2 n rounds to reach all, twice that
 * covers the loss of some, and whoever is suspected by then was found out.
 */
export function stableAfterMs(voters: number, { gossipIntervalMs, suspicionMinMs }: VerdictOptions): number {
  return Math.max(5000, 2 * Math.ceil(Math.log2(Math.max(1, voters))) * gossipIntervalMs + suspicionMinMs)
}

/** Makes a machine without a verdict and without powers. */
export function createVerdictMachine(options: VerdictOptions): VerdictMachine {
  let circumstances: Circumstances | undefined
  let judgement: Judgement | undefined
  let verdict: Verdict | undefined
  let told = ''
  let quorumSince: number | undefined
  let steppedAt = 0

  const waitMs = (): number => stableAfterMs(circumstances?.roster.voters.length ?? 1, options)
  const isSettled = (now: number): boolean => quorumSince !== undefined && now >= quorumSince + waitMs()

  const settle = ({ roster, powerless }: Judgement, now: number): Powerless | undefined => {
    const isOtherRoster = verdict === undefined || compareRosters(verdict.roster, roster) !== 0
    // A tick that is late by so much says that nobody was watching meanwhile.
    const wasAsleep = !isSettled(steppedAt) && now > steppedAt + 2 * waitMs()
    if (powerless !== undefined) quorumSince = undefined
    else if (quorumSince === undefined || isOtherRoster || wasAsleep) quorumSince = now
    return powerless ?? (isSettled(now) ? undefined : 'settling')
  }

  const judge = (now: number, wall: number, isNew: boolean): VerdictEffect[] => {
    if (circumstances === undefined) return []
    // Time alone changes no judgement, only what may be done by it.
    if (isNew || judgement === undefined) judgement = judgePartition(circumstances)
    const powerless = settle(judgement, now)
    steppedAt = now
    if (!isNew && verdict !== undefined && verdict.powerless === powerless) return []
    const may = powerless === undefined
    const isSame = verdict && split(verdict) === split(judgement)
    verdict = {
      ...judgement,
      powerless,
      since: isSame ? (verdict as Verdict).since : wall,
      capabilities: {
        mayGrantLease: may,
        mayHoldLease: judgement.hasQuorum,
        mayChangeRoster: may && judgement.next === undefined,
        mayPrune: may,
      },
    }
    const all = JSON.stringify({ ...verdict, evidence: 0 })
    if (all === told) return []
    told = all
    return [{ kind: 'verdict', verdict }]
  }

  return {
    get verdict(): Verdict | undefined {
      return verdict
    },
    get wakeAt(): number | undefined {
      return quorumSince !== undefined && verdict?.powerless === 'settling' ? quorumSince + waitMs() : undefined
    },
    step: (input) => {
      if (input.kind === 'observe') circumstances = input.circumstances
      return judge(input.now, input.wall, input.kind === 'observe')
    },
  }
}

function split({ mode, sides }: Judgement): string {
  // What the others are to each other comes to light by and by.
  return JSON.stringify([mode, sides[0]])
}
