import { isQuorum } from './policy.ts'
import type { NodeId, Roster } from './roster.ts'
import {
  type Ballot,
  compareBallots,
  mayDecide,
  type RosterLogState,
  type RosterMessage,
  rosterText,
} from './roster-record.ts'

/** What a proposer needs of the log that it belongs to. */
interface ProposerOptions {
  readonly self: NodeId
  readonly random: () => number
  readonly answerTimeoutMs: number
  readonly proposalMs: number
  readonly state: () => RosterLogState
  /** What goes to `self` is answered within the call. */
  readonly send: (to: NodeId, message: RosterMessage, now: number) => void
  readonly settle: (outcome: 'decided' | 'superseded' | 'expired') => void
  readonly decide: (roster: Roster, now: number) => void
}

/** The attempts of one voter to change the roster, and to finish what others began. */
interface RosterProposer {
  readonly proposed: Roster | undefined
  readonly wakeAt: number | undefined
  start(now: number): void
  tick(now: number): void
  /** Begins after a delay, unless something is proposed already. */
  propose(roster: Roster, now: number, delayMs: number): void
  answered(from: NodeId, message: RosterMessage, now: number): void
  /** Somebody, maybe oneself, is at work on a change. */
  heard(by: NodeId, now: number): void
  isBusyWithOther(than: NodeId, now: number): boolean
  /** Whether it is a voter of the roster to come, whose answer is waited for. */
  isAskedFor(id: NodeId): boolean
  superseded(by: Roster): void
}

interface Attempt {
  phase: 'query' | 'prepare' | 'accept'
  readonly ballot: Ballot
  votes: Set<NodeId>
  /** What may have been decided, as far as heard. */
  found: RosterLogState['accepted']
  roster: Roster | undefined
}

const answerTo = { query: 'granted', prepare: 'promised', accept: 'accepted' } as const

export function createRosterProposer(options: ProposerOptions): RosterProposer {
  const { self, state, answerTimeoutMs } = options
  let proposal: { readonly roster: Roster; readonly until: number } | undefined
  let attempt: Attempt | undefined
  /** When the attempt is given up, or the next begins. */
  let turnAt: number | undefined
  let seenRound = 0
  let busy: { readonly by: NodeId; readonly until: number } | undefined

  const later = (now: number): number => now + answerTimeoutMs * (1 + options.random())

  const turn = (phase: Attempt['phase'], to: Iterable<NodeId>, message: RosterMessage, now: number): void => {
    const current = attempt as Attempt
    current.phase = phase
    current.votes = new Set()
    turnAt = now + answerTimeoutMs
    // Its own answer first: what it promises is on disk before others hear of the attempt.
    for (const id of new Set([self, ...to])) options.send(id, message, now)
  }
  const voters = (): NodeId[] => state().roster.voters.map(({ id }) => id)
  const epoch = (): number => state().roster.epoch + 1

  const begin = (now: number): void => {
    const round = Math.max(state().promised.round, seenRound) + 1
    const ballot = { round, by: self }
    attempt = { phase: 'query', ballot, votes: new Set(), found: undefined, roster: undefined }
    turn('query', voters(), { kind: 'query', epoch: epoch(), ballot }, now)
  }

  /** Goes on where enough have answered. */
  const advance = (current: Attempt, now: number): void => {
    const { phase, ballot, votes } = current
    if (phase === 'accept') {
      const roster = current.roster as Roster
      if (mayDecide(state().roster, roster, votes)) options.decide(roster, now)
    } else if (!isQuorum(state().roster, votes)) {
      return
    } else if (phase === 'query') {
      turn('prepare', voters(), { kind: 'prepare', epoch: epoch(), ballot }, now)
    } else {
      const roster = current.found?.roster ?? proposal?.roster
      if (roster === undefined) return
      current.roster = roster
      const all = [...voters(), ...roster.voters.map(({ id }) => id)]
      turn('accept', all, { kind: 'accept', epoch: epoch(), ballot, roster }, now)
    }
  }

  const rest = (now: number): void => {
    if (attempt === undefined) {
      if (proposal !== undefined || state().accepted !== undefined) begin(now)
      else turnAt = undefined
      return
    }
    attempt = undefined
    turnAt = later(now)
  }

  return {
    get proposed(): Roster | undefined {
      return proposal?.roster
    },
    get wakeAt(): number | undefined {
      return turnAt
    },
    start: (now) => {
      if (state().accepted !== undefined) turnAt = later(now)
    },
    tick: (now) => {
      if (turnAt === undefined || now < turnAt) return
      if (proposal !== undefined && now >= proposal.until) {
        proposal = undefined
        options.settle('expired')
      }
      rest(now)
    },
    propose: (roster, now, delayMs) => {
      if (proposal !== undefined) return
      proposal = { roster, until: now + options.proposalMs }
      if (delayMs > 0) turnAt = now + delayMs
      else begin(now)
    },
    answered: (from, message, now) => {
      if (message.kind === 'refused') {
        const { round } = message.promised
        if (Number.isSafeInteger(round + 1)) seenRound = Math.max(seenRound, round)
        return
      }
      const isAnswer = message.kind === 'granted' || message.kind === 'promised' || message.kind === 'accepted'
      if (attempt === undefined || !isAnswer || message.kind !== answerTo[attempt.phase]) return
      if (compareBallots(message.ballot, attempt.ballot) !== 0) return
      attempt.votes.add(from)
      if (message.kind === 'promised' && message.accepted !== undefined) {
        const { found } = attempt
        // Invariant 3.
        if (!found || compareBallots(message.accepted.ballot, found.ballot) > 0) attempt.found = message.accepted
      }
      advance(attempt, now)
    },
    heard: (by, now) => {
      busy = { by, until: now + answerTimeoutMs }
      if (by !== self && attempt === undefined) turnAt = later(now + answerTimeoutMs)
    },
    isBusyWithOther: (than, now) => busy !== undefined && busy.by !== than && now < busy.until,
    isAskedFor: (id) => attempt?.roster?.voters.some((voter) => voter.id === id) === true,
    superseded: (by) => {
      const isIt = proposal !== undefined && rosterText(proposal.roster) === rosterText(by)
      if (proposal !== undefined) options.settle(isIt ? 'decided' : 'superseded')
      proposal = undefined
      attempt = undefined
      turnAt = undefined
      seenRound = 0
      busy = undefined
    },
  }
}
