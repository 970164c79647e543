import { isQuorum } from '../policy.ts'
import type { NodeId, Roster } from '../roster.ts'
import { compareRosters, markOf } from '../roster-record.ts'
import {
  type AcceptedLease,
  type AcceptorMemory,
  type AcceptorState,
  type BallotPromise,
  type KeptLease,
  leftOf,
  memoryOf,
  notTaught,
} from './acceptor-state.ts'
import { type Reading, readClock } from './clock.ts'
import {
  type HolderQuestion,
  isHolderQuestion,
  type LeaseAnswer,
  type LeaseMessage,
  type LeaseRefusal,
  type LeaseRequest,
} from './messages.ts'
import { defaultEpsilon, isLeaseName, type LeaseOptions, mostBallotJump, mostLeases } from './options.ts'
import { type Ballot, compareBallots, isBallot, isCount } from './token.ts'

/**
 * The vote of one voter about the leases of one document.
 *
 * Invariants
 * 1. What it promised or voted for is durable before it says so: `persist` stands before the `send` that depends on it.
 * 2. It never promises or votes below what it promised. A voter that lost its memory is silent until a quorum of others has
 *    told what they promised, which includes whatever it may have voted for.
 * 3. While a lease that it voted for may live, nobody else gets its vote: ttl * (1 + epsilon) by its slowest clock, anew after a boot.
 * 4. It votes under one roster. Under a new one it only renews for maxTtl * (1 + epsilon): whoever was granted a lease under
 *    the one before no longer holds it then, or holds it by votes of the new one. Of two rosters of one epoch the later in the order of
 *    all (`compareRosters`) is the new one; leases have to be granted anew there, as it is not seen of a vote under which it was given.
 * 5. It grants nothing while it lacks something that counted under a roster before, which is for the driver to say (`isBehind`): a
 *    write counts once votes of a quorum of one roster covered it, and a quorum of the next need not have it.
 * 6. Ballots grow by `mostBallotJump` at a time, so that nobody who may write can use up all that an epoch has.
 */
export interface AcceptorOptions extends LeaseOptions {
  readonly self: NodeId
  /** How often an acceptor without memory asks the others. Default 1000. */
  readonly learnMs?: number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

export type AcceptorInput<V> =
  /**
   * The roster as of now; an earlier one is left aside. Under the one before a quorum must have ceased to vote when it
   * comes into force.
   */
  | ({ readonly kind: 'roster'; readonly roster: Roster } & Reading)
  | ({ readonly kind: 'tick' } & Reading)
  /**
   * From whom the connection is; `version` is that of the document here, durable as of now. `isBehind`: it is not known to cover all
   * that counted under the rosters before.
   */
  | ({
      readonly kind: 'receive'
      readonly from: NodeId
      readonly message: LeaseMessage<V>
      readonly version: V
      readonly isBehind?: boolean
    } & Reading)

/** To be carried out in order; nothing is sent before everything persisted up to there is on the disk. */
export type AcceptorEffect<V> =
  | { readonly kind: 'persist'; readonly memory: AcceptorMemory }
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: LeaseMessage<V> }

export interface Acceptor<V> {
  step(input: AcceptorInput<V>): AcceptorEffect<V>[]
  readonly state: AcceptorState
  /** When `tick` is wanted, by the monotonic clock. */
  readonly wakeAt: number | undefined
  /** Whether it waits for nothing, and no lease that it voted for may live: it may be made again from what it had persisted. */
  readonly isAtRest: boolean
}

type Asked<K extends LeaseRequest['kind']> = Extract<LeaseRequest, { kind: K }>

/** Makes an acceptor from `bootAcceptor(...)` or a kept state. A step costs O(leases). */
export function createAcceptor<V>(options: AcceptorOptions, from: AcceptorState): Acceptor<V> {
  const { self, maxTtlMs, epsilon = defaultEpsilon, learnMs = 1000, random } = options
  const longer = 1 + epsilon
  let state = from
  let isBehind = false

  const persist = (): AcceptorEffect<V> => ({ kind: 'persist', memory: memoryOf(state, maxTtlMs * longer) })
  const elapsed = (): number => state.clock.elapsed
  const left = (kept: KeptLease): number => leftOf(kept, elapsed(), epsilon)

  const adopt = (roster: Roster): AcceptorEffect<V>[] => {
    const { epoch, recovery, mark = markOf(roster) } = state
    if (roster.epoch < epoch || (state.roster !== undefined && compareRosters(roster, state.roster) <= 0)) return []
    state = { ...state, roster, mark: markOf(roster) }
    // The votes that were lost may have been of the new roster as well.
    if (recovery !== undefined) {
      const request = Math.floor(random() * 2 ** 48)
      const until = elapsed() + maxTtlMs * longer
      state = { ...state, epoch: roster.epoch, recovery: notTaught(request, elapsed(), until) }
      return []
    }
    if (roster.epoch === epoch && state.mark === mark) return []
    // Of another roster of this epoch: no vote that was given under that one is prolonged, and no ballot used again.
    const floor = roster.epoch === epoch ? highest() + 1 : 0
    state = { ...state, epoch: roster.epoch, floor, newRosterUntil: elapsed() + maxTtlMs * longer }
    return [persist()]
  }

  /** Invariant 2. */
  const recover = (): AcceptorEffect<V>[] => {
    const { recovery, roster, epoch } = state
    if (recovery === undefined || roster === undefined) return []
    if (recovery.isTaught && elapsed() >= recovery.until) {
      state = { ...state, floor: recovery.ballot, recovery: undefined }
      return [persist()]
    }
    if (recovery.isTaught || elapsed() < recovery.askAt) return []
    state = { ...state, recovery: { ...recovery, askAt: elapsed() + learnMs } }
    const message = { kind: 'learn', epoch, request: recovery.request } as const
    return roster.voters.filter(({ id }) => id !== self).map(({ id }) => ({ kind: 'send', to: id, message }))
  }

  const learn = (by: NodeId, { epoch, request, ballot }: Extract<LeaseAnswer<V>, { kind: 'learnt' }>): void => {
    const { recovery, roster } = state
    if (recovery === undefined || roster === undefined || recovery.isTaught || !isCount(ballot)) return
    // Of an earlier boot: what was promised since then is not in it.
    if (request !== recovery.request || epoch !== state.epoch) return
    if (by === self || !isVoter(roster, by) || recovery.taughtBy.includes(by)) return
    const taughtBy = [...recovery.taughtBy, by]
    const isTaught = isQuorum(roster, new Set(taughtBy))
    state = { ...state, recovery: { ...recovery, taughtBy, isTaught, ballot: Math.max(recovery.ballot, ballot) } }
  }

  const highest = (): number =>
    state.leases.reduce((most, { promised }) => Math.max(most, ballotIn(promised, state.epoch)), state.floor)

  /** Whether it may vote at all, and for this one. */
  const barTo = (
    by: NodeId,
    epoch: number,
    kept: KeptLease | undefined,
    isRenewal: boolean,
  ): LeaseRefusal | undefined => {
    if (state.recovery !== undefined) return { kind: 'recovering' }
    if (state.roster?.epoch !== state.epoch || epoch !== state.epoch) return { kind: 'epoch' }
    // Invariant 3.
    const heldFor = kept === undefined ? 0 : left(kept)
    if (kept?.accepted !== undefined && kept.accepted.holder !== by && heldFor > 0)
      return { kind: 'held', holder: kept.accepted.holder, forMs: Math.ceil(heldFor) }
    // Invariant 4.
    const newFor = state.newRosterUntil - elapsed()
    if (newFor > 0 && !isRenewal) return { kind: 'newRoster', forMs: Math.ceil(newFor) }
    // Invariant 5. Who renews was granted the lease by who had all, and has what it wrote itself.
    return isBehind && !isRenewal ? { kind: 'behind' } : undefined
  }

  /** Takes the place of what was kept of a lease. Where there is no room, one that does not live makes it, and raises the floor. */
  const keep = (lease: KeptLease): boolean => {
    const at = state.leases.findIndex((kept) => kept.lease === lease.lease)
    if (at >= 0) {
      state = { ...state, leases: state.leases.with(at, lease) }
      return true
    }
    let { leases, floor } = state
    if (leases.length >= mostLeases) {
      const goes = leases.find((kept) => left(kept) <= 0)
      if (goes === undefined) return false
      floor = Math.max(floor, ballotIn(goes.promised, state.epoch))
      leases = leases.filter((kept) => kept !== goes)
    }
    state = { ...state, floor, leases: [...leases, lease] }
    return true
  }

  /** Invariant 6. */
  const isJump = ({ epoch, ballot }: Ballot, kept: KeptLease | undefined): boolean => {
    const known = Math.max(state.floor, kept === undefined ? 0 : ballotIn(kept.promised, state.epoch))
    return epoch === state.epoch && ballot > known + mostBallotJump
  }

  const prepare = (
    by: NodeId,
    asked: Asked<'prepare'>,
    kept: KeptLease | undefined,
  ): LeaseRefusal | AcceptorEffect<V>[] => {
    const { lease, preVote, ballot } = asked
    const bar = barTo(by, asked.epoch, kept, false)
    if (bar !== undefined || preVote) return bar ?? []
    const promised: BallotPromise = { epoch: state.epoch, ballot, to: by }
    const order = kept === undefined ? 1 : compareBallots(promised, kept.promised)
    // The question came twice.
    if (order === 0 && kept?.promised.to === by) return []
    if (order <= 0 || ballot <= state.floor || isJump(promised, kept)) return { kind: 'outbid' }
    return keep({ acceptedAt: 0, ...kept, lease, promised }) ? [persist()] : { kind: 'full' }
  }

  const accept = (
    by: NodeId,
    asked: Asked<'accept'>,
    kept: KeptLease | undefined,
  ): LeaseRefusal | AcceptorEffect<V>[] => {
    const { lease, token, ttlMs, renewal } = asked
    const bar = barTo(by, asked.epoch, kept, renewal)
    if (bar !== undefined) return bar
    const promised: BallotPromise = { ...token, to: by }
    const order = kept === undefined ? 1 : compareBallots(token, kept.promised)
    if (order < 0 || (order === 0 && kept?.promised.to !== by)) return { kind: 'outbid' }
    if ((token.epoch === state.epoch && token.ballot < state.floor) || isJump(token, kept)) return { kind: 'outbid' }
    const accepted: AcceptedLease = { ...token, holder: by, ttlMs }
    const isKnown = order === 0 && kept?.accepted?.ttlMs === ttlMs && compareBallots(kept.accepted, token) === 0
    if (!keep({ lease, promised, accepted, acceptedAt: elapsed() })) return { kind: 'full' }
    // A renewal changes nothing that a boot would find.
    return isKnown ? [] : [persist()]
  }

  const release = (by: NodeId, { token }: Asked<'release'>, kept: KeptLease): AcceptorEffect<V>[] => {
    const { accepted, ...rest } = kept
    const { promised } = kept
    const isPromised = promised.to === by && compareBallots(promised, token) === 0
    const isAccepted = accepted?.holder === by && compareBallots(accepted, token) === 0
    if (!isPromised && !isAccepted) return []
    keep({
      ...(isAccepted ? rest : kept),
      // To nobody, so that a vote asked for earlier and arriving later is not given.
      promised: isPromised ? { ...promised, to: undefined } : promised,
    })
    return [persist()]
  }

  const receive = (by: NodeId, message: LeaseMessage<V>, version: V): AcceptorEffect<V>[] => {
    const answer = (given: LeaseAnswer<V>): AcceptorEffect<V> => ({ kind: 'send', to: by, message: given })
    const { roster } = state
    if (roster === undefined || !isVoter(roster, self)) return []
    if (message.kind === 'learn') {
      const { epoch, request } = message
      if (state.recovery !== undefined || epoch !== state.epoch || roster.epoch !== epoch || by === self) return []
      return isVoter(roster, by) ? [answer({ kind: 'learnt', epoch, request, ballot: highest() })] : []
    }
    if (message.kind === 'learnt') learn(by, message)
    if (!isHolderQuestion(message) || !isSound(message, maxTtlMs)) return []
    const kept = state.leases.find(({ lease }) => lease === message.lease)
    if (message.kind === 'release')
      return kept === undefined || state.recovery !== undefined ? [] : release(by, message, kept)
    const did = message.kind === 'prepare' ? prepare(by, message, kept) : accept(by, message, kept)
    const { epoch } = state
    const { request } = message
    if (!Array.isArray(did)) return [answer({ kind: 'refused', epoch, request, why: did as LeaseRefusal })]
    if (message.kind === 'accept') return [...did, answer({ kind: 'accepted', epoch, request, version })]
    const known = kept === undefined ? 0 : ballotIn(kept.promised, epoch)
    return [...did, answer({ kind: 'promised', epoch, request, ballot: Math.max(state.floor, known) })]
  }

  return {
    get state(): AcceptorState {
      return state
    },
    get isAtRest(): boolean {
      const { recovery, newRosterUntil, leases } = state
      return recovery === undefined && newRosterUntil <= elapsed() && leases.every((kept) => left(kept) <= 0)
    },
    get wakeAt(): number | undefined {
      const { recovery, clock, roster } = state
      if (recovery === undefined || roster === undefined) return undefined
      return clock.now + Math.max(0, (recovery.isTaught ? recovery.until : recovery.askAt) - clock.elapsed)
    },
    step: (input) => {
      state = { ...state, clock: readClock(state.clock, input, Math.min) }
      const did = input.kind === 'roster' ? adopt(input.roster) : recover()
      isBehind = input.kind === 'receive' && input.isBehind === true
      return input.kind === 'receive' ? [...did, ...receive(input.from, input.message, input.version)] : did
    },
  }
}

function isVoter({ voters }: Roster, id: NodeId): boolean {
  return voters.some((voter) => voter.id === id)
}

/** The ballot of a promise as far as it was made in this epoch. */
function ballotIn(promised: Ballot, epoch: number): number {
  return promised.epoch === epoch ? promised.ballot : 0
}

/** Whether what is asked makes sense at any time. */
function isSound(asked: HolderQuestion, maxTtlMs: number): boolean {
  if (!isLeaseName(asked.lease)) return false
  if (asked.kind === 'prepare') return isCount(asked.ballot)
  if (!isBallot(asked.token)) return false
  if (asked.kind === 'release') return true
  const { ttlMs, renewal, token, epoch } = asked
  return ttlMs > 0 && ttlMs <= maxTtlMs && (renewal ? token.epoch <= epoch : token.epoch === epoch)
}
