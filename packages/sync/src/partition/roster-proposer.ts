import { isQuorum } from './policy.ts'
import { type NodeId, type Roster, rosterFault, type Voter } from './roster.ts'
import {
  type Ballot,
  compareBallots,
  mayDecide,
  noBallot,
  type RosterLogState,
  type RosterMessage,
  type RosterPhase,
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
  readonly settle: (outcome: 'decided' | 'superseded' | 'expired', reason?: string) => void
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
  superseded(by: Roster): void
}

interface Attempt {
  phase: RosterPhase
  readonly ballot: Ballot
  votes: Set<NodeId>
  /** What may have been decided, as far as heard. */
  found: RosterLogState['accepted']
  roster: Roster | undefined
}

/** Why a proposal expired. */
function absenceOf(missing: readonly NodeId[]): string | undefined {
  if (missing.length === 0) return undefined
  return `No quorum of the present and of the next roster took part. Of these nothing came: ${missing.join(', ')}. Reach them, or leave them out.`
}

export function createRosterProposer(options: ProposerOptions): RosterProposer {
  const { self, state, answerTimeoutMs } = options
  let proposal: { readonly roster: Roster; readonly until: number } | undefined
  let attempt: Attempt | undefined
  /** When the attempt is given up, or the next begins. */
  let turnAt: number | undefined
  let seenRound = 0
  let busy: { readonly by: NodeId; readonly until: number } | undefined
  /** Who did not answer the last attempt when it was given up. */
  let missing: readonly NodeId[] = []

  const later = (now: number): number => now + answerTimeoutMs * (1 + options.random())

  const turn = (current: Attempt, phase: RosterPhase, to: readonly Voter[], now: number): void => {
    const { ballot } = current
    current.phase = phase
    current.votes = new Set()
    turnAt = now + answerTimeoutMs
    const roster = phase === 'query' ? wanted() : current.roster
    const message: RosterMessage = { kind: 'request', phase, epoch: state().roster.epoch + 1, ballot, roster }
    // Its own answer first: what it promises is on disk before others hear of the attempt.
    for (const id of new Set([self, ...to.map((voter) => voter.id)])) options.send(id, message, now)
  }

  /** The roster that an attempt would be for. Where one was accepted already those who accepted it have ceased to vote, and nothing is left to spare. */
  const wanted = (): Roster | undefined => (state().accepted === undefined ? proposal?.roster : undefined)

  const begin = (now: number): void => {
    const round = Math.max(state().promised.round, seenRound) + 1
    attempt = { phase: 'query', ballot: { round, by: self }, votes: new Set(), found: undefined, roster: undefined }
    turn(attempt, 'query', [...state().roster.voters, ...(wanted()?.voters ?? [])], now)
  }

  /** Goes on where enough have answered. */
  const advance = (current: Attempt, now: number): void => {
    const { phase, votes, found } = current
    const present = state().roster
    if (current.roster !== undefined) {
      if (mayDecide(present, current.roster, votes)) options.decide(current.roster, now)
    } else if (!isQuorum(present, votes)) {
      return
    } else if (phase === 'query') {
      const next = wanted()
      // Whoever accepts it votes no more under the present one: nobody is asked to before enough of the next would, too.
      if (next === undefined || mayDecide(present, next, votes)) turn(current, 'prepare', present.voters, now)
    } else {
      const roster = found?.roster ?? proposal?.roster
      if (roster === undefined) return
      current.roster = roster
      turn(current, 'accept', [...present.voters, ...roster.voters], now)
    }
  }

  const rest = (now: number): void => {
    if (attempt === undefined) {
      if (proposal !== undefined || state().accepted !== undefined) begin(now)
      else turnAt = undefined
      return
    }
    const { phase, votes, roster } = attempt
    const asked = [...state().roster.voters, ...((phase === 'query' ? wanted() : roster)?.voters ?? [])]
    missing = [...new Set(asked.map(({ id }) => id))].filter((id) => !votes.has(id))
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
        options.settle('expired', absenceOf(missing))
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
      if (message.kind !== 'answer' || message.phase !== attempt?.phase) return
      if (compareBallots(message.ballot, attempt.ballot) !== 0) return
      attempt.votes.add(from)
      const { accepted } = message
      const isSound = accepted?.roster.epoch === message.epoch && rosterFault(accepted.roster) === undefined
      // Invariant 3.
      if (isSound && compareBallots(accepted.ballot, attempt.found?.ballot ?? noBallot) > 0) attempt.found = accepted
      advance(attempt, now)
    },
    heard: (by, now) => {
      busy = { by, until: now + answerTimeoutMs }
      if (by !== self && attempt === undefined) turnAt = later(now + answerTimeoutMs)
    },
    isBusyWithOther: (than, now) => busy !== undefined && busy.by !== than && now < busy.until,
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
