import type { FencingToken } from '@rejoin/state'
import { isQuorum } from '../policy.ts'
import type { NodeId, Roster } from '../roster.ts'
import { type Reading, readClock } from './clock.ts'
import type { HolderPhase, HolderState, LeaseQuestion } from './holder-state.ts'
import { denialOf, type LeaseDenial } from './holder-words.ts'
import type { LeaseMessage } from './messages.ts'
import { defaultEpsilon, type HolderOptions } from './options.ts'
import { isCount } from './token.ts'

/**
 * One replica that wants one lease.
 *
 * Invariants
 * 1. It holds the lease for ttl * (1 - epsilon) by its fastest clock from when it asked for the votes that made a quorum; so
 *    it lets go before any of those acceptors, which count longer from later on, votes for another.
 * 2. It may be used only while it is held and the document covers the version of every acceptor of the grant: what the holder
 *    before did, as far as it counted (a quorum stored it that voted under the holder's roster then), stands at one of them at least.
 * 3. Only votes of the present roster for the latest question count.
 * 4. A renewal keeps the token. Every other grant has a greater one.
 */
export type HolderInput<V> =
  | ({ readonly kind: 'acquire' | 'release' | 'tick' } & Reading)
  /** Not only at a third but now. */
  | ({ readonly kind: 'renew' } & Reading)
  /** The process stood still, by the pause guard. */
  | ({ readonly kind: 'paused' } & Reading)
  /** The roster as of now; one of an earlier epoch is left aside. */
  | ({ readonly kind: 'roster'; readonly roster: Roster } & Reading)
  /** The document covers all the versions that came with this token. */
  | ({ readonly kind: 'covered'; readonly token: FencingToken } & Reading)
  | ({ readonly kind: 'receive'; readonly from: NodeId; readonly message: LeaseMessage<V> } & Reading)

export type HolderEffect<V> =
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: LeaseMessage<V> }
  /** Granted, but not to be used before the document covers `versions`: answer with `covered` when it does. */
  | { readonly kind: 'acquired'; readonly token: FencingToken; readonly versions: readonly V[] }
  | { readonly kind: 'usable'; readonly token: FencingToken }
  | { readonly kind: 'renewed'; readonly token: FencingToken }
  | { readonly kind: 'lost'; readonly token: FencingToken; readonly reason: string }
  /** An attempt failed; the next is under way by itself. */
  | ({ readonly kind: 'denied' } & LeaseDenial)

export interface Holder<V> {
  step(input: HolderInput<V>): HolderEffect<V>[]
  readonly state: HolderState<V>
  /** When `tick` is wanted, by the monotonic clock. */
  readonly wakeAt: number | undefined
  /** The token, while it may be used. To be asked right before each use. */
  usableToken(reading: Reading): FencingToken | undefined
}

type Held<V> = Extract<HolderPhase<V>, { phase: 'held' }>
type Asking<V> = Extract<HolderPhase<V>, { phase: 'asking' }>

/** Makes a holder from `startHolder(...)` or a kept state. A step costs O(voters). */
export function createHolder<V>(options: HolderOptions, from: HolderState<V>): Holder<V> {
  const { lease, ttlMs, epsilon = defaultEpsilon, random } = options
  const { answerMs = ttlMs / 12, retryBaseMs = answerMs, retryCapMs = ttlMs } = options
  let state = from

  const elapsed = (): number => state.clock.elapsed
  const enter = (phase: HolderPhase<V>): void => {
    state = { ...state, phase }
  }
  const toVoters = (message: LeaseMessage<V>): HolderEffect<V>[] =>
    (state.roster?.voters ?? []).map(({ id }) => ({ kind: 'send', to: id, message }))

  const newQuestion = (): LeaseQuestion<V> => {
    const request = state.nextRequest
    state = { ...state, nextRequest: request + 1 }
    const sentAt = elapsed()
    return { request, sentAt, until: sentAt + answerMs, granted: [], refused: [], versions: [], ballot: 0 }
  }

  const ask = (stage: Asking<V>['stage'], ballot: number): HolderEffect<V>[] => {
    const epoch = state.roster?.epoch
    if (epoch === undefined) return []
    const question = newQuestion()
    const { request } = question
    enter({ phase: 'asking', stage, ballot, question })
    if (stage === 'accept')
      return toVoters({ kind: 'accept', lease, epoch, request, token: { epoch, ballot }, ttlMs, renewal: false })
    return toVoters({ kind: 'prepare', lease, epoch, request, ballot, preVote: stage === 'preVote' })
  }

  const renew = (held: Held<V>): HolderEffect<V>[] => {
    const { roster } = state
    if (roster === undefined) return []
    const question = newQuestion()
    enter({ ...held, question })
    const { epoch, ballot } = held.token
    const { request } = question
    return toVoters({
      kind: 'accept',
      lease,
      epoch: roster.epoch,
      request,
      token: { epoch, ballot },
      ttlMs,
      renewal: true,
    })
  }

  const wait = (): void => {
    const ceiling = Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(state.failures, 30))
    state = { ...state, failures: state.failures + 1 }
    // Full jitter: of several that want it at once one is first.
    enter({ phase: 'waiting', at: elapsed() + Math.ceil(random() * ceiling) })
  }

  /** Votes that were given for nothing would keep others out until they lapse. */
  const giveUp = (asking: Asking<V>): HolderEffect<V>[] => {
    const { epoch } = state.roster as Roster
    return asking.stage === 'preVote'
      ? []
      : toVoters({ kind: 'release', lease, token: { epoch, ballot: asking.ballot } })
  }

  const fail = (asking: Asking<V>, because: LeaseDenial): HolderEffect<V>[] => {
    const released = giveUp(asking)
    wait()
    return [...released, { kind: 'denied', ...because }]
  }

  const lose = ({ token }: Held<V>, reason: string): HolderEffect<V>[] => {
    wait()
    return [{ kind: 'lost', token, reason }]
  }

  /** What time alone brings about. Invariant 1: it comes first in every step. */
  const pass = (): HolderEffect<V>[] => {
    const { phase, roster } = state
    if (roster === undefined) return []
    if (phase.phase === 'waiting') return elapsed() >= phase.at ? ask('preVote', 0) : []
    if (phase.phase === 'asking')
      return elapsed() >= phase.question.until ? fail(phase, denialOf(roster, phase.question)) : []
    if (phase.phase !== 'held') return []
    const { question, until, renewAt } = phase
    if (elapsed() >= until) {
      const why = question === undefined ? '' : ` ${denialOf(roster, question).reason}`
      return lose(phase, `It was not renewed in time.${why}`)
    }
    return elapsed() >= (question?.until ?? renewAt) ? renew(phase) : []
  }

  const adopt = (roster: Roster): HolderEffect<V>[] => {
    if (roster.epoch <= (state.roster?.epoch ?? 0)) return []
    const { phase } = state
    const released = phase.phase === 'asking' ? giveUp(phase) : []
    state = { ...state, roster }
    // Invariant 3: what was answered under the roster before is void.
    if (phase.phase === 'asking') return [...released, ...ask('preVote', 0)]
    return phase.phase === 'held' ? renew(phase) : []
  }

  const granted = (asking: Asking<V>, question: LeaseQuestion<V>): HolderEffect<V>[] => {
    const { stage, ballot } = asking
    const { epoch } = state.roster as Roster
    if (stage === 'preVote') return ask('prepare', question.ballot + 1)
    if (stage === 'prepare') return ask('accept', ballot)
    const until = question.sentAt + ttlMs * (1 - epsilon)
    const token: FencingToken = { lease, epoch, ballot }
    state = { ...state, failures: 0 }
    enter({ phase: 'held', token, until, isCovered: false, renewAt: question.sentAt + ttlMs / 3 })
    return [{ kind: 'acquired', token, versions: question.versions }]
  }

  const renewed = (held: Held<V>, { sentAt }: LeaseQuestion<V>): HolderEffect<V>[] => {
    const { question: _, ...rest } = held
    enter({ ...rest, until: sentAt + ttlMs * (1 - epsilon), renewAt: sentAt + ttlMs / 3 })
    return [{ kind: 'renewed', token: held.token }]
  }

  const receive = (by: NodeId, message: LeaseMessage<V>): HolderEffect<V>[] => {
    const { phase, roster } = state
    if (phase.phase !== 'asking' && phase.phase !== 'held') return []
    const { question } = phase
    if (roster === undefined || question === undefined || !isAnswer(message)) return []
    if (message.request !== question.request) return []
    // Invariant 3. A refusal counts anyway: it may be for the sake of the roster.
    if (message.epoch !== roster.epoch && message.kind !== 'refused') return []
    if (!roster.voters.some(({ id }) => id === by)) return []
    if (question.granted.includes(by) || question.refused.some((refused) => refused.by === by)) return []
    const heard = withAnswer(question, by, message, phase.phase === 'asking' && phase.stage !== 'accept')
    if (heard === undefined) return []
    enter({ ...phase, question: heard })
    if (isQuorum(roster, new Set(heard.granted)))
      return phase.phase === 'asking' ? granted(phase, heard) : renewed(phase, heard)
    const refusing = new Set(heard.refused.map((refused) => refused.by))
    const rest = roster.voters.flatMap(({ id }) => (refusing.has(id) ? [] : [id]))
    // A renewal is asked for again by and by, an attempt that cannot succeed any more waits first.
    if (phase.phase === 'asking' && !isQuorum(roster, new Set(rest))) return fail(phase, denialOf(roster, heard))
    return []
  }

  const release = (): HolderEffect<V>[] => {
    const { phase } = state
    enter({ phase: 'idle' })
    state = { ...state, failures: 0 }
    if (phase.phase === 'asking') return giveUp(phase)
    if (phase.phase !== 'held') return []
    const { token } = phase
    return [{ kind: 'lost', token, reason: 'It was released.' }, ...toVoters({ kind: 'release', lease, token })]
  }

  const act = (input: HolderInput<V>): HolderEffect<V>[] => {
    const { phase } = state
    switch (input.kind) {
      case 'tick':
        return []
      case 'acquire':
        if (phase.phase === 'idle') enter({ phase: 'waiting', at: elapsed() })
        return pass()
      case 'release':
        return release()
      case 'renew':
        return phase.phase === 'held' ? renew(phase) : []
      case 'paused':
        if (phase.phase === 'asking') return fail(phase, { reason: stoodStill, missing: [] })
        return phase.phase === 'held' ? lose(phase, stoodStill) : []
      case 'roster':
        return [...adopt(input.roster), ...pass()]
      case 'covered': {
        if (phase.phase !== 'held' || phase.isCovered) return []
        const { epoch, ballot } = phase.token
        if (input.token.epoch !== epoch || input.token.ballot !== ballot) return []
        enter({ ...phase, isCovered: true })
        return [{ kind: 'usable', token: phase.token }]
      }
      case 'receive':
        return receive(input.from, input.message)
    }
  }

  return {
    get state(): HolderState<V> {
      return state
    },
    get wakeAt(): number | undefined {
      const { phase, clock } = state
      const at = dueAt(phase)
      return at === undefined ? undefined : clock.now + Math.max(0, at - clock.elapsed)
    },
    usableToken: (reading) => {
      const { phase, clock } = state
      if (phase.phase !== 'held' || !phase.isCovered) return undefined
      return readClock(clock, reading, Math.max).elapsed < phase.until ? phase.token : undefined
    },
    step: (input) => {
      state = { ...state, clock: readClock(state.clock, input, Math.max) }
      return [...(input.kind === 'paused' ? [] : pass()), ...act(input)]
    },
  }
}

const stoodStill = 'The process stood still.'

/** When time alone brings something about. */
function dueAt<V>(phase: HolderPhase<V>): number | undefined {
  switch (phase.phase) {
    case 'idle':
      return undefined
    case 'waiting':
      return phase.at
    case 'asking':
      return phase.question.until
    case 'held':
      return Math.min(phase.until, phase.question?.until ?? phase.renewAt)
  }
}

type Answer<V> = Extract<LeaseMessage<V>, { kind: 'promised' | 'accepted' | 'refused' }>

function isAnswer<V>(message: LeaseMessage<V>): message is Answer<V> {
  return message.kind === 'promised' || message.kind === 'accepted' || message.kind === 'refused'
}

/** A question with one answer more; undefined where it is none to this one. */
function withAnswer<V>(
  question: LeaseQuestion<V>,
  by: NodeId,
  message: Answer<V>,
  isPromise: boolean,
): LeaseQuestion<V> | undefined {
  if (message.kind === 'refused') return { ...question, refused: [...question.refused, { by, why: message.why }] }
  const granted = [...question.granted, by]
  if (message.kind === 'accepted')
    return isPromise ? undefined : { ...question, granted, versions: [...question.versions, message.version] }
  // One more has to be a number still.
  if (!isPromise || !isCount(message.ballot + 1)) return undefined
  return { ...question, granted, ballot: Math.max(question.ballot, message.ballot) }
}
