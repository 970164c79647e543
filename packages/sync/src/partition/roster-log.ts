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
 *    others begin it for that purpose. That holds for the rosters that come after theirs: under one that was forced elsewhere, of which they had not
 *    heard, or of a group for which theirs was given up, it may have voted before, and is again one that knows nothing (`mayHaveVoted`).
 * 5. With each roster the wait begins after which leases may be granted to another holder than before: those of earlier
 *    rosters have run out by then.
 * 6. Nobody goes on to the next roster who has not taken over what counted under those before the present one. So a quorum of each roster has
 *    all of it, and can hand it over to the next.
 * 7. Rosters are in one order everywhere (`compareRosters`), and of those that are of one group the latest holds: epochs are decided one
 *    after the other, each by a quorum of the one before. What a voter of the roster here tells is of one group. So is what another
 *    server of the cluster tells, which is trusted as one that passes on votes is, where it was forced or came after a forced one: that is
 *    the word of an operator, and of two such words one has to hold. Any other has to follow on the roster here, or the one before it names
 *    somebody of the roster here; else it may be what a server decided all by itself that founded a group of its own, as one does
 *    that is started without a roster, and its epochs count for nothing here.
 * 8. A voter without memory votes under a forced roster at once where it was running, as this process and without memory, before that was forced:
 *    it cannot have voted there and forgotten it. Who forced it knows, by the nonces of those who asked before. Else a roster of those who were at
 *    hand would be one of which nobody is a quorum.
 * 9. Uniqueness of a roster rests on the quorum of the present alone. Who only joins votes about no other roster of that epoch, and
 *    may do so though its disk was lost, once it knows that the epoch is not decided yet: it then votes from that one on.
 * 10. Who is the only voter of itself, as a server is that was started alone, joins another group of the cluster where somebody asks there for its vote: it
 *    gives up its own, and knows nothing of what it may have voted for in that one, however it comes to hear of its roster.
 */
import { areForcedApart, forcedEpochAfter, forceOf, isAfterForce, isForced } from './forced-epoch.ts'
import { isQuorum } from './policy.ts'
import type { NodeId, Roster } from './roster.ts'
import { rosterFault } from './roster.ts'
import type { RosterLog, RosterLogEffect, RosterLogOptions } from './roster-log-interface.ts'
import { RosterProcesses } from './roster-processes.ts'
import { createRosterProposer } from './roster-proposer.ts'
import {
  compareBallots,
  compareRosters,
  isOfOne,
  isWaiting,
  lostRosterLogState,
  neverVotes,
  noBallot,
  type RosterLogState,
  type RosterMessage,
  rosterText,
} from './roster-record.ts'

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
  /** Who would have this replica, the only voter of itself, in another group. */
  let invitedBy: NodeId | undefined
  /** Invariant 8. */
  const processes = new RosterProcesses(answerTimeoutMs)

  const isVoter = (id: NodeId, roster = state.roster): boolean => roster.voters.some((voter) => voter.id === id)
  /** Whether this replica is a group of its own. Invariant 10. */
  const isOwn = (): boolean => isOfOne(state.roster) && isVoter(self)
  const remembers = (): boolean => state.votesFrom <= state.roster.epoch
  const isSettled = (): boolean => state.settled >= state.roster.epoch
  const persist = (change: Partial<RosterLogState>): void => {
    state = { ...state, ...change }
    effects.push({ kind: 'persist', state })
  }
  const send = (to: NodeId, message: RosterMessage, now: number): void => {
    if (to === self) receive(self, message, now)
    else effects.push({ kind: 'send', to, message })
  }
  const tellRoster = (to: NodeId, now: number, answers?: number): void => {
    if (isWaiting(state, self)) return
    const { roster, accepted, previous } = state
    send(to, { kind: 'roster', roster, isPending: accepted !== undefined, answers, previous }, now)
  }
  const admit = (to: NodeId, now: number): void => {
    const seen = state.admitted?.find(({ id }) => id === to)
    if (seen !== undefined) send(to, { kind: 'admit', roster: state.roster, nonce: seen.nonce }, now)
  }
  /** So that who may be told to force another roster knows of this process. */
  const introduce = (to: NodeId, now: number): void => {
    const hasLostNothing = state.votesFrom === 1 && !isOwn()
    if (to !== self && !hasLostNothing && processes.tells(to, now)) send(to, { kind: 'ask', nonce }, now)
  }
  const others = (): NodeId[] => state.roster.voters.flatMap(({ id }) => (id === self ? [] : id))

  const proposer = createRosterProposer({
    self,
    random,
    answerTimeoutMs,
    proposalMs: options.proposalMs ?? 60_000,
    state: () => state,
    send,
    settle: (outcome, reason) => effects.push({ kind: 'settled', outcome, ...(reason !== undefined && { reason }) }),
    decide: (roster, now) => {
      const all = new Set([...others(), ...roster.voters.map(({ id }) => id)])
      adopt(roster, 'decided', now, state.roster)
      for (const id of all) if (id !== self) tellRoster(id, now)
    },
  })

  const adopt = (roster: Roster, how: 'decided' | 'learned' | 'forced', now: number, previous?: Roster): void => {
    let { votesFrom } = state
    if (how === 'learned' && mayHaveVoted(roster, previous)) votesFrom = neverVotes
    // Whoever is forced to act has no others to ask.
    if (how === 'forced' && (isOwn() || votesFrom > 1)) votesFrom = roster.epoch
    const settled = isForced(roster.epoch) ? roster.epoch : state.settled
    // Of two rosters of one epoch the next has the same number: no answer about the one may count for the other.
    const promised = roster.epoch === state.roster.epoch ? state.promised : noBallot
    // On the disk with the roster: who forced it may be started anew before it has told them.
    const admitted = how === 'forced' ? processes.seen : undefined
    persist({ roster, promised, accepted: undefined, votesFrom, previous, settled, admitted })
    grantsHeldUntil = holdFrom(now)
    recalled.clear()
    effects.push({ kind: 'roster', roster, how })
    proposer.superseded(roster)
    if (!remembers()) askAt = now
  }
  /** Whether it may have voted under a roster before its disk was lost: what it was told since is of its group alone. Invariant 4. */
  const mayHaveVoted = (roster: Roster, previous: Roster | undefined): boolean => {
    const mine = state.roster
    if (isOwn()) return true
    // Who votes since the first epoch has lost nothing.
    if (state.votesFrom === 1) return false
    const isNext = previous !== undefined && rosterText(previous) === rosterText(mine)
    return forceOf(roster.epoch) !== forceOf(mine.epoch) || (isOfOne(mine) && !isNext)
  }
  const holdFrom = (now: number): number => now + options.maxTtlMs * (1 + clockDrift)

  const consider = (roster: Roster, before: Roster | undefined, from: NodeId, now: number): void => {
    if (rosterFault(roster) !== undefined) return
    const isBefore = before?.epoch === roster.epoch - 1 && rosterFault(before) === undefined
    const previous = isBefore ? before : undefined
    const mine = state.roster
    const order = compareRosters(roster, mine)
    const isOfOneEpoch = order !== 0 && roster.epoch === mine.epoch
    // Of two that nobody forced one was given to somebody at its start by mistake: whoever remembers keeps its own.
    const isMistaken = isOfOneEpoch && !isAfterForce(roster.epoch) && state.votesFrom !== neverVotes
    const isOfOtherLine = previous?.epoch === mine.epoch && rosterText(previous) !== rosterText(mine)
    if (isOfOneEpoch || isOfOtherLine || areForcedApart(roster.epoch, mine.epoch)) {
      const [kept, dropped] = order > 0 && !isMistaken ? [roster, mine] : [mine, roster]
      if (told !== rosterText(dropped)) effects.push({ kind: 'conflict', kept, dropped })
      told = rosterText(dropped)
    }
    if (order > 0 && !isMistaken) {
      adopt(roster, 'learned', now, previous)
      // Rows tell of another epoch, and not of another roster of the same one.
      const all = isOfOneEpoch ? [...mine.voters, ...roster.voters] : []
      for (const id of new Set(all.map((voter) => voter.id))) if (id !== self) tellRoster(id, now)
    } else if (order < 0) tellRoster(from, now)
    else if (state.previous === undefined && previous !== undefined) persist({ previous })
  }

  /** Invariant 7, of what no voter of the roster here tells. */
  const isOfGroup = ({ roster, previous }: RosterMessage & { kind: 'roster' }): boolean => {
    if (isAfterForce(roster.epoch)) return true
    const mine = state.roster
    if (roster.epoch <= mine.epoch || previous?.epoch !== roster.epoch - 1) return false
    if (previous.epoch === mine.epoch) return rosterText(previous) === rosterText(mine)
    // Who has no vote by what it knows has none to lose either.
    const isMade = !isVoter(self) && [roster, previous].some((one) => isVoter(self, one))
    return isMade || previous.voters.some(({ id }) => isVoter(id))
  }

  /** Takes the roster of another group, as one that knows nothing of what it may have voted for there. */
  const join = (roster: Roster, previous: Roster | undefined, now: number): void => {
    if (rosterFault(roster) !== undefined) return
    state = lostRosterLogState(state.roster)
    invitedBy = undefined
    adopt(roster, 'learned', now, previous?.epoch === roster.epoch - 1 ? previous : undefined)
  }
  /** Invariant 10. */
  const isLone = (): boolean => isOwn() && state.accepted === undefined && proposer.proposed === undefined

  const isJoining = (from: NodeId, roster: Roster): boolean => {
    // Who waits has nothing to give up, whatever it is told: it has no memory, and gets none by that.
    if (invitedBy === from || isWaiting(state, self)) return true
    return roster.epoch > state.roster.epoch && isVoter(self, roster)
  }

  /** Invariant 4. */
  const recall = (from: NodeId, message: RosterMessage & { kind: 'roster' }, now: number): void => {
    const { roster, previous } = message
    const isSure = !message.isPending && message.answers === nonce
    if (state.votesFrom !== neverVotes || !isSure || from === self) return
    // What it was started with was not what the others were: they remember theirs.
    const isOfStart = roster.epoch === state.roster.epoch && !isAfterForce(roster.epoch)
    if (isOfStart && rosterText(roster) !== rosterText(state.roster)) join(roster, previous, now)
    if (rosterText(roster) !== rosterText(state.roster)) return
    recalled.add(from)
    if (isQuorum(state.roster, recalled)) persist({ votesFrom: state.roster.epoch + 1 })
  }
  const ask = (now: number): void => {
    askAt = remembers() ? undefined : now + answerTimeoutMs
    if (askAt === undefined) return
    if (state.votesFrom === neverVotes) for (const id of others()) send(id, { kind: 'ask', nonce }, now)
    else if (isVoter(self)) for (const id of others()) send(id, { kind: 'readmit', epoch: state.votesFrom }, now)
  }

  const vote = (from: NodeId, message: RosterMessage & { kind: 'request' }, now: number): void => {
    const { phase, epoch, ballot, roster } = message
    // Who joins accepts too, as one of the quorum of the next roster. Invariant 9.
    const isAsked = isVoter(self) ? remembers() : state.votesFrom <= epoch && isVoter(self, roster ?? state.roster)
    if (ballot.by !== from || !Number.isSafeInteger(ballot.round) || !isAsked) return
    // Invariant 6. Who only joins leaves nothing behind.
    if (isVoter(self) && !isSettled()) return
    const { accepted } = state
    const order = compareBallots(ballot, state.promised)
    const isTaken = phase === 'query' && proposer.isBusyWithOther(from, now)
    if (isTaken || order < 0 || (order === 0 && phase !== 'accept')) {
      send(from, { kind: 'refused', epoch, promised: state.promised }, now)
      return
    }
    if (phase === 'accept') {
      if (roster?.epoch !== epoch || rosterFault(roster) !== undefined) return
      persist({ promised: ballot, accepted: { ballot, roster } })
    } else if (phase === 'prepare') {
      persist({ promised: ballot })
    }
    if (phase !== 'query') proposer.heard(from, now)
    send(from, { kind: 'answer', phase, epoch, ballot, ...(phase === 'prepare' && { accepted }) }, now)
  }

  const readmit = (from: NodeId, epoch: number, now: number): void => {
    const { roster, accepted } = state
    if (epoch <= roster.epoch) tellRoster(from, now)
    else if (epoch === roster.epoch + 1 && isVoter(from) && isVoter(self) && remembers() && isSettled() && !accepted)
      proposer.propose({ ...roster, epoch }, now, random() * answerTimeoutMs)
  }

  const receive = (from: NodeId, message: RosterMessage, now: number, isOfServer = false): void => {
    switch (message.kind) {
      case 'ask':
        tellRoster(from, now, remembers() ? message.nonce : undefined)
        if (!isVoter(from) && !isOfServer) return
        processes.heard(from, message.nonce)
        admit(from, now)
        return
      case 'admit': {
        if (!isVoter(from) && !isOfServer) return
        const { roster } = message
        if (!isForced(roster.epoch)) return
        consider(roster, undefined, from, now)
        const isMine = message.nonce === nonce && state.votesFrom === neverVotes
        if (isMine && rosterText(roster) === rosterText(state.roster)) persist({ votesFrom: roster.epoch })
        return
      }
      case 'roster':
        if (isOfServer && isLone() && isJoining(from, message.roster)) {
          if (rosterText(message.roster) !== rosterText(state.roster)) join(message.roster, message.previous, now)
        } else if (isVoter(from) || (isOfServer && isOfGroup(message))) {
          consider(message.roster, message.previous, from, now)
          recall(from, message, now)
        }
        if (isOfServer && message.answers === undefined) introduce(from, now)
        return
      case 'readmit':
        readmit(from, message.epoch, now)
        return
    }
    const isInvited = message.kind === 'request' && message.roster !== undefined && isVoter(self, message.roster)
    if (isInvited && isOfServer && isLone() && !isVoter(from)) {
      invitedBy = from
      send(from, { kind: 'ask', nonce }, now)
      return
    }
    const ahead = message.epoch - state.roster.epoch
    if (ahead > 1) send(from, { kind: 'ask', nonce }, now)
    else if (message.kind === 'request') {
      if (ahead < 1) tellRoster(from, now)
      else if (isVoter(from)) vote(from, message, now)
    } else if (ahead === 1 && (isVoter(from) || (message.kind === 'answer' && message.phase !== 'prepare')))
      proposer.answered(from, message, now)
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
      (isSettled() ? undefined : 'This replica does not have yet what counted under the roster before.') ??
      (proposer.proposed === undefined && !state.accepted ? undefined : 'Another change is on its way.')
    if (reason === undefined) proposer.propose(roster, now, 0)
    else effects.push({ kind: 'settled', outcome: 'refused', reason })
  }
  const force = (asserted: Omit<Roster, 'epoch'>, now: number, wall: number): void => {
    const before = others()
    const roster = { ...asserted, epoch: forcedEpochAfter(state.roster.epoch, random(), wall) }
    const reason = faultOf(roster)
    if (reason !== undefined) effects.push({ kind: 'settled', outcome: 'refused', reason })
    else {
      adopt(roster, 'forced', now)
      for (const id of new Set([...before, ...others()])) {
        tellRoster(id, now)
        admit(id, now)
      }
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
          if (input.from !== self) receive(input.from, input.message, now, input.isOfServer)
          break
        case 'contact':
          if (input.peer === self) break
          // What it asked over another connection it may want no more.
          if (input.peer === invitedBy) invitedBy = undefined
          tellRoster(input.peer, now)
          processes.met(input.peer)
          introduce(input.peer, now)
          break
        case 'propose':
          propose(input.roster, now)
          break
        case 'learn':
          if (compareRosters(input.roster, state.roster) >= 0) consider(input.roster, input.previous, self, now)
          break
        case 'settle':
          if (input.epoch === state.roster.epoch && !isSettled()) persist({ settled: input.epoch })
          break
        case 'force':
          force(input.roster, now, input.wall)
      }
      return effects
    },
  }
}
