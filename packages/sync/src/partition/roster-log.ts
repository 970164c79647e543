/**
 * The roster as a numbered record that the voters keep together, one change at a time. Voters may crash, lose messages and
 * disks; none lies.
 *
 * Each epoch is decided once, as in single-decree Paxos (Lamport, Paxos made simple, 2001), asked for beforehand as in Raft's
 * pre-vote (Ongaro, 2014).
 *
 * Invariants
 * 1. What was promised or accepted is on disk before it is told: `persist` stands before the `send` in the effects, which are
 *    carried out in order, those after a `persist` only once it is durable. A restart between any two harms nothing.
 * 2. A roster is in force once a quorum of the one before accepted it, and a quorum of its own (`mayDecide`). Who has
 *    accepted it votes for nothing under the one before (`mayVote`), so no quorum is left there.
 * 3. Whoever attempts a change finishes first what may have been decided: the roster accepted under the greatest ballot that a
 *    quorum knows of.
 * 4. A voter that lost its disk votes for nothing of which it may have promised something. Learning what others have promised
 *    is not enough, as of five: 1. `prepare(5)` of e reaches c, which promises. 2. c loses its disk and asks a, b and d, who have
 *    heard of nothing. 3. a decides a roster under ballot 3 with c and d. 4. `prepare(5)` reaches b: e has its own promise and those
 *    of c and b, hears of nothing accepted, and decides another with b and c. So c waits until a quorum without itself is sure that
 *    the next epoch is undecided, and votes from that epoch's roster on, about which it cannot have voted before. The
 *    others begin it for that purpose.
 * 5. With each roster the wait begins after which leases may be granted to another holder than before: those of earlier
 *    rosters have run out by then.
 */
import { isQuorum } from './policy.ts'
import type { NodeId, Roster } from './roster.ts'
import { rosterFault } from './roster.ts'
import { createRosterProposer } from './roster-proposer.ts'
import {
  compareBallots,
  compareRosters,
  forcedEpochAfter,
  neverVotes,
  noBallot,
  type RosterLogState,
  type RosterMessage,
  rosterText,
} from './roster-record.ts'

export interface RosterLogOptions {
  readonly self: NodeId
  /** What is on disk; `initialRosterLogState` or `lostRosterLogState` where nothing is. */
  readonly stored: RosterLogState
  /** The longest that a lease may last in this group, milliseconds, the same at every voter. */
  readonly maxTtlMs: number
  /** How long an answer is waited for. Longer than a round trip and two flushes. Default 2,000. */
  readonly answerTimeoutMs?: number | undefined
  /** How long a proposed change is attempted. After a long split nobody wants it any more. Default 60,000. */
  readonly proposalMs?: number | undefined
  /** Whether voters of the role `browser` are taken: closing tabs would count as absent voters. Default no. */
  readonly mayBrowsersVote?: boolean | undefined
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** `now` is what acceptors of leases count by: of monotonic and wall clock the one that went less. */
export type RosterLogInput =
  | { readonly kind: 'start'; readonly now: number }
  | { readonly kind: 'tick'; readonly now: number }
  /** `from` is who was authenticated on the connection. */
  | { readonly kind: 'receive'; readonly from: NodeId; readonly message: RosterMessage; readonly now: number }
  /** Somebody is connected: the rosters of both are compared. */
  | { readonly kind: 'contact'; readonly peer: NodeId; readonly now: number }
  /** Change the roster to this one, of the epoch after the present. */
  | { readonly kind: 'propose'; readonly roster: Roster; readonly now: number }
  /** A roster in force that the caller vouches for, as of a server to its client. */
  | { readonly kind: 'learn'; readonly roster: Roster; readonly now: number }
  /**
   * An operator asserts that the voters of the present roster are not coming back, or may not act any more. Nothing is asked. Whoever
   * hears of it has this roster, and those of lower epochs can merge and never act.
   */
  | { readonly kind: 'force'; readonly roster: Omit<Roster, 'epoch'>; readonly now: number }

export type RosterLogEffect =
  | { readonly kind: 'persist'; readonly state: RosterLogState }
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: RosterMessage }
  /** Another roster is in force. */
  | { readonly kind: 'roster'; readonly roster: Roster; readonly how: 'decided' | 'learned' | 'forced' }
  /** Two rosters of one epoch, as two operators forced them: which holds, everywhere. */
  | { readonly kind: 'conflict'; readonly kept: Roster; readonly dropped: Roster }
  /**
   * What became of a proposed or forced roster. `superseded`: another came first. `expired`: no longer attempted, though it
   * may come into force if somebody has accepted it. `refused`: for the reason.
   */
  | {
      readonly kind: 'settled'
      readonly outcome: 'decided' | 'superseded' | 'expired' | 'refused'
      readonly reason?: string
    }

export interface RosterLog {
  step(input: RosterLogInput): RosterLogEffect[]
  /** What is on disk once the effects so far are carried out. */
  readonly state: RosterLogState
  readonly roster: Roster
  /** The roster that is being changed to, as far as known here. */
  readonly pending: Roster | undefined
  /** Whether this replica may vote under `roster` now, for leases and all else. */
  readonly mayVote: boolean
  /** Until then leases are only renewed, on the clock of `now`. Infinite before `start`. */
  readonly grantsHeldUntil: number
  readonly wakeAt: number | undefined
}

/** What is wrong with options, in words; undefined where nothing is. */
export function rosterLogOptionsFault(options: RosterLogOptions): string | undefined {
  const { maxTtlMs, answerTimeoutMs = 2000, proposalMs = 60_000, stored } = options
  if (!(maxTtlMs >= 1000 && maxTtlMs <= 86_400_000)) return 'A lease lasts 1 s to a day.'
  if (!(answerTimeoutMs >= 100 && answerTimeoutMs <= 60_000)) return 'An answer is waited for 100 ms to a minute.'
  if (!(proposalMs >= 4 * answerTimeoutMs && proposalMs <= 86_400_000))
    return 'A change is attempted for four times the wait for an answer at least, and a day at most.'
  return rosterFault(stored.roster)
}

/** What clocks of voters may differ in speed. */
const clockDrift = 0.05

/** Makes a roster log; it begins with `start`. A step costs O(voters). */
export function createRosterLog(options: RosterLogOptions): RosterLog {
  const { self, random, answerTimeoutMs = 2000 } = options
  const nonce = Math.floor(random() * 2 ** 32)
  let state = options.stored
  let effects: RosterLogEffect[] = []
  let grantsHeldUntil = Number.POSITIVE_INFINITY
  let askAt: number | undefined
  let told: string | undefined
  /** Who answered since the start that the next epoch is undecided, while this replica does not know whether it voted. */
  const recalled = new Set<NodeId>()

  const isVoter = (id: NodeId, roster = state.roster): boolean => roster.voters.some((voter) => voter.id === id)
  const remembers = (): boolean => state.votesFrom <= state.roster.epoch
  const persist = (change: Partial<RosterLogState>): void => {
    state = { ...state, ...change }
    effects.push({ kind: 'persist', state })
  }
  const send = (to: NodeId, message: RosterMessage, now: number): void => {
    if (to === self) receive(self, message, now)
    else effects.push({ kind: 'send', to, message })
  }
  const tellRoster = (to: NodeId, now: number, answers?: number): void => {
    const isPending = state.accepted !== undefined
    send(to, { kind: 'roster', roster: state.roster, isPending, ...(answers === undefined ? {} : { answers }) }, now)
  }
  const others = (): NodeId[] => state.roster.voters.flatMap(({ id }) => (id === self ? [] : id))

  const proposer = createRosterProposer({
    self,
    random,
    answerTimeoutMs,
    proposalMs: options.proposalMs ?? 60_000,
    state: () => state,
    send,
    settle: (outcome) => effects.push({ kind: 'settled', outcome }),
    decide: (roster, now) => {
      const all = new Set([...others(), ...roster.voters.map(({ id }) => id)])
      adopt(roster, 'decided', now)
      for (const id of all) if (id !== self) tellRoster(id, now)
    },
  })

  const adopt = (roster: Roster, how: 'decided' | 'learned' | 'forced', now: number): void => {
    // Whoever is forced to act has no others to ask.
    const votesFrom = how === 'forced' ? roster.epoch : state.votesFrom
    persist({ roster, promised: noBallot, accepted: undefined, votesFrom })
    grantsHeldUntil = holdFrom(now)
    recalled.clear()
    effects.push({ kind: 'roster', roster, how })
    proposer.superseded(roster)
    if (!remembers()) askAt = now
  }
  const holdFrom = (now: number): number => now + options.maxTtlMs * (1 + clockDrift)

  const consider = (roster: Roster, from: NodeId, now: number): void => {
    if (rosterFault(roster) !== undefined) return
    const order = compareRosters(roster, state.roster)
    if (order !== 0 && roster.epoch === state.roster.epoch) {
      const [kept, dropped] = order > 0 ? [roster, state.roster] : [state.roster, roster]
      if (told !== rosterText(dropped)) effects.push({ kind: 'conflict', kept, dropped })
      told = rosterText(dropped)
    }
    if (order > 0) adopt(roster, 'learned', now)
    else if (order < 0) tellRoster(from, now)
  }

  /** Invariant 4. */
  const recall = (from: NodeId, message: RosterMessage & { kind: 'roster' }): void => {
    const isSure = !message.isPending && message.answers === nonce
    if (state.votesFrom !== neverVotes || !isSure || from === self) return
    if (rosterText(message.roster) !== rosterText(state.roster)) return
    recalled.add(from)
    if (isQuorum(state.roster, recalled)) persist({ votesFrom: state.roster.epoch + 1 })
  }
  const ask = (now: number): void => {
    askAt = remembers() ? undefined : now + answerTimeoutMs
    if (askAt === undefined) return
    if (state.votesFrom === neverVotes) for (const id of others()) send(id, { kind: 'ask', nonce }, now)
    else if (isVoter(self)) for (const id of others()) send(id, { kind: 'readmit', epoch: state.votesFrom }, now)
  }

  const vote = (from: NodeId, message: RosterMessage & { kind: 'query' | 'prepare' | 'accept' }, now: number): void => {
    const { kind, epoch, ballot } = message
    const isRightBallot = ballot.by === from && Number.isSafeInteger(ballot.round)
    // Who joins accepts too, as one of the quorum of the next roster.
    const joins = kind === 'accept' && isVoter(self, message.roster)
    if (!isRightBallot || !remembers() || !(isVoter(self) || joins)) return
    const order = compareBallots(ballot, state.promised)
    const isBusy = kind === 'query' && proposer.isBusyWithOther(from, now)
    if (isBusy || order < 0 || (order === 0 && kind !== 'accept')) {
      send(from, { kind: 'refused', epoch, promised: state.promised }, now)
    } else if (kind === 'query') {
      send(from, { kind: 'granted', epoch, ballot }, now)
    } else if (kind === 'prepare') {
      proposer.heard(from, now)
      persist({ promised: ballot })
      send(from, { kind: 'promised', epoch, ballot, accepted: state.accepted }, now)
    } else if (message.roster.epoch === epoch && rosterFault(message.roster) === undefined) {
      persist({ promised: ballot, accepted: { ballot, roster: message.roster } })
      proposer.heard(from, now)
      send(from, { kind: 'accepted', epoch, ballot }, now)
    }
  }

  const receive = (from: NodeId, message: RosterMessage, now: number): void => {
    switch (message.kind) {
      case 'ask':
        tellRoster(from, now, remembers() ? message.nonce : undefined)
        return
      case 'roster':
        if (!isVoter(from)) return
        consider(message.roster, from, now)
        recall(from, message)
        return
      case 'readmit': {
        const { roster, accepted } = state
        const isNext = message.epoch === roster.epoch + 1
        if (!isNext && message.epoch <= roster.epoch) tellRoster(from, now)
        if (!isNext || !isVoter(from) || !isVoter(self) || !remembers() || accepted) return
        proposer.propose({ ...roster, epoch: message.epoch }, now, random() * answerTimeoutMs)
        return
      }
    }
    const isRequest = message.kind === 'query' || message.kind === 'prepare' || message.kind === 'accept'
    if (message.epoch <= state.roster.epoch) {
      if (isRequest) tellRoster(from, now)
    } else if (message.epoch > state.roster.epoch + 1) {
      send(from, { kind: 'ask', nonce }, now)
    } else if (isRequest) {
      if (isVoter(from)) vote(from, message, now)
    } else if (isVoter(from) || proposer.isAskedFor(from)) {
      proposer.answered(from, message, now)
    }
  }

  const faultOf = (roster: Roster): string | undefined => {
    const isBrowser = ({ id, role }: { id: NodeId; role?: string }): boolean => role === 'browser' && !isVoter(id)
    if (options.mayBrowsersVote !== true && roster.voters.some(isBrowser)) return 'A browser is no voter.'
    return rosterFault(roster)
  }
  const propose = (roster: Roster, now: number): void => {
    const reason =
      faultOf(roster) ??
      (roster.epoch !== state.roster.epoch + 1 ? `The next epoch is ${state.roster.epoch + 1}.` : undefined) ??
      (isVoter(self) && remembers() ? undefined : 'This replica does not vote.') ??
      (proposer.proposed === undefined && !state.accepted ? undefined : 'Another change is on its way.')
    if (reason === undefined) proposer.propose(roster, now, 0)
    else effects.push({ kind: 'settled', outcome: 'refused', reason })
  }
  const force = (asserted: Omit<Roster, 'epoch'>, now: number): void => {
    const before = others()
    const roster = { ...asserted, epoch: forcedEpochAfter(state.roster.epoch) }
    const reason = faultOf(roster)
    if (reason !== undefined) effects.push({ kind: 'settled', outcome: 'refused', reason })
    else {
      adopt(roster, 'forced', now)
      for (const id of new Set([...before, ...others()])) tellRoster(id, now)
    }
  }

  return {
    get state(): RosterLogState {
      return state
    },
    get roster(): Roster {
      return state.roster
    },
    get pending(): Roster | undefined {
      return state.accepted?.roster ?? proposer.proposed
    },
    get mayVote(): boolean {
      return isVoter(self) && remembers() && state.accepted === undefined
    },
    get grantsHeldUntil(): number {
      return grantsHeldUntil
    },
    get wakeAt(): number | undefined {
      const at = Math.min(askAt ?? Number.POSITIVE_INFINITY, proposer.wakeAt ?? Number.POSITIVE_INFINITY)
      return Number.isFinite(at) ? at : undefined
    },
    step: (input) => {
      const { now } = input
      effects = []
      const isStarted = Number.isFinite(grantsHeldUntil)
      if (input.kind === 'start' && !isStarted) {
        // What was granted before a restart may be forgotten: wait as after a change.
        grantsHeldUntil = holdFrom(now)
        ask(now)
        proposer.start(now)
      }
      if (!isStarted) return effects
      switch (input.kind) {
        case 'tick':
          if (askAt !== undefined && now >= askAt) ask(now)
          proposer.tick(now)
          break
        case 'receive':
          if (input.from !== self) receive(input.from, input.message, now)
          break
        case 'contact':
          if (input.peer !== self) tellRoster(input.peer, now)
          break
        case 'propose':
          propose(input.roster, now)
          break
        case 'learn':
          if (compareRosters(input.roster, state.roster) > 0) consider(input.roster, self, now)
          break
        case 'force':
          force(input.roster, now)
      }
      return effects
    },
  }
}
