import type { FencingToken } from '@rejoin/state'
import { isQuorum } from '../policy.ts'
import type { NodeId, Roster } from '../roster.ts'
import { compareRosters, isVoidUnder } from '../roster-record.ts'
import { type Reading, readClock } from './clock.ts'
import type { HolderPhase, HolderState, LeaseQuestion } from './holder-state.ts'
import { denialOf, type LeaseDenial } from './holder-words.ts'
import type { LeaseMessage } from './messages.ts'
import { defaultEpsilon, type HolderOptions, mostBallotJump } from './options.ts'
import { type Ballot, compareBallots, isCount, writtenUnder } from './token.ts'

/**
 * One replica that wants one lease.
 *
 * Invariants
 * 1. It holds the lease for ttl * (1 - epsilon) by its fastest clock from when it asked for the votes that made a quorum; so
 *    it lets go before any of those acceptors, which count longer from later on, votes for another.
 * 2. It may be used only while it is held and the document covers the version of every acceptor of the grant: what the holder
 *    before did, as far as it counted, stands at one of them at least. Under the same roster one of them is of the quorum by whose votes it
 *    counted; of earlier rosters each of them has all (`isBehind` of an acceptor).
 * 3. Only votes of the present roster for the latest question count.
 * 4. A renewal keeps the token. Every other grant has a greater one.
 * 5. A grant has a greater number than any under which the document is known to be written, as far as ballots reach: what is written under
 *    another would be refused. Where that is of a later roster than the present there is none.
 * 6. A vote for the present grant is told whenever it comes, with what its voter had on the disk: a write of the holder counts by such votes.
 */
export type HolderInput<V> =
  | ({ readonly kind: 'acquire' | 'release' | 'tick' } & Reading)
  /** Not only at a third but now. */
  | ({ readonly kind: 'renew' } & Reading)
  /** The process stood still, by the pause guard. */
  | ({ readonly kind: 'paused' } & Reading)
  /** The roster as of now. What is held under a later one than that is void. */
  | ({ readonly kind: 'roster'; readonly roster: Roster } & Reading)
  /** The document refused a token, as this greater one has written there: it is of another group that became one with this. */
  | ({ readonly kind: 'outdone'; readonly by: Ballot } & Reading)
  /** The document covers all the versions that came with this token. */
  | ({ readonly kind: 'covered'; readonly token: FencingToken } & Reading)
  | ({ readonly kind: 'receive'; readonly from: NodeId; readonly message: LeaseMessage<V> } & Reading)

export type HolderEffect<V> =
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: LeaseMessage<V> }
  /** Granted, but not to be used before the document covers `versions`: answer with `covered` when it does. */
  | { readonly kind: 'acquired'; readonly token: FencingToken; readonly versions: readonly V[] }
  | { readonly kind: 'usable'; readonly token: FencingToken }
  | { readonly kind: 'renewed'; readonly token: FencingToken }
  /** A voter of the present roster voted for what is held, and had this version then. */
  | { readonly kind: 'vote'; readonly by: NodeId; readonly version: V }
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
  let effects: HolderEffect<V>[] = []

  const set = (change: Partial<HolderState<V>>): void => {
    state = { ...state, ...change }
  }
  const toVoters = (message: LeaseMessage<V>): void => {
    for (const { id } of state.roster?.voters ?? []) effects.push({ kind: 'send', to: id, message })
  }
  const newQuestion = (): LeaseQuestion<V> => {
    const { nextRequest: request, clock } = state
    set({ nextRequest: request + 1 })
    const sentAt = clock.elapsed
    return { request, sentAt, until: sentAt + answerMs, granted: [], refused: [], versions: [], ballot: 0 }
  }
  const ask = (stage: Asking<V>['stage'], ballot: number): void => {
    const epoch = state.roster?.epoch
    if (epoch === undefined) return
    const question = newQuestion()
    const { request } = question
    set({ phase: { phase: 'asking', stage, ballot, question } })
    if (stage === 'accept')
      toVoters({ kind: 'accept', lease, epoch, request, token: { epoch, ballot }, ttlMs, renewal: false })
    else toVoters({ kind: 'prepare', lease, epoch, request, ballot, preVote: stage === 'preVote' })
  }
  const renew = (held: Held<V>): void => {
    const question = newQuestion()
    set({ phase: { ...held, question } })
    const { request } = question
    const { epoch } = state.roster as Roster
    const { lease: _, ...token } = held.token
    toVoters({ kind: 'accept', lease, epoch, request, token, ttlMs, renewal: true })
  }

  const wait = (): void => {
    const { failures, clock } = state
    const ceiling = Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(failures, 30))
    // Full jitter: of several that want it at once one is first.
    set({ failures: failures + 1, phase: { phase: 'waiting', at: clock.elapsed + Math.ceil(random() * ceiling) } })
  }
  /** Votes that were given for nothing would keep others out until they lapse. */
  const giveUp = ({ stage, ballot }: Asking<V>): void => {
    const { epoch } = state.roster as Roster
    if (stage !== 'preVote') toVoters({ kind: 'release', lease, token: { epoch, ballot } })
  }
  const fail = (asking: Asking<V>, denial: LeaseDenial): void => {
    giveUp(asking)
    wait()
    effects.push({ kind: 'denied', ...denial })
  }
  const begin = ({ epoch }: Roster): void => {
    const { outdone } = state
    if (outdone === undefined || outdone.epoch <= epoch) ask('preVote', 0)
    else {
      wait()
      effects.push({ kind: 'denied', reason: laterRoster(outdone.epoch, epoch), missing: [] })
    }
  }
  const lose = ({ token }: Held<V>, reason: string): void => {
    wait()
    effects.push({ kind: 'lost', token, reason })
  }

  /** What time alone brings about. Invariant 1: it comes first in every step. */
  const pass = (): void => {
    const { phase, roster, clock } = state
    const { elapsed } = clock
    const at = dueAt(phase)
    if (roster === undefined || at === undefined || elapsed < at) return
    if (phase.phase === 'waiting') begin(roster)
    else if (phase.phase === 'asking') fail(phase, denialOf(roster, phase.question))
    else if (phase.phase === 'held' && elapsed < phase.until) renew(phase)
    else if (phase.phase === 'held') {
      const why = phase.question === undefined ? '' : ` ${denialOf(roster, phase.question).reason}`
      lose(phase, `It was not renewed in time.${why}`)
    }
  }

  const adopt = (roster: Roster): void => {
    const { phase } = state
    const before = state.roster
    if (before !== undefined && compareRosters(roster, before) === 0) return
    if (phase.phase === 'asking') giveUp(phase)
    set({ roster })
    // Invariant 3: what was answered under the roster before is void.
    if (phase.phase === 'asking') ask('preVote', 0)
    if (phase.phase !== 'held') return
    if (before !== undefined && isVoidUnder(before, roster)) lose(phase, 'Another roster holds.')
    else renew(phase)
  }

  const granted = ({ stage, ballot }: Asking<V>, question: LeaseQuestion<V>): void => {
    const { epoch } = state.roster as Roster
    if (stage === 'preVote') {
      // Invariant 5. No voter follows further at once.
      const least = state.outdone?.epoch === epoch ? state.outdone.ballot : 0
      ask('prepare', Math.max(question.ballot, Math.min(least, question.ballot + mostBallotJump - 1)) + 1)
    } else if (stage === 'prepare') ask('accept', ballot)
    else {
      const token: FencingToken = { lease, epoch, ballot }
      const { request: since } = question
      set({ failures: 0, phase: { phase: 'held', token, since, isCovered: false, ...timesOf(question) } })
      effects.push({ kind: 'acquired', token, versions: question.versions })
    }
  }
  const timesOf = ({ sentAt }: LeaseQuestion<V>): Pick<Held<V>, 'until' | 'renewAt'> => ({
    until: sentAt + ttlMs * (1 - epsilon),
    renewAt: sentAt + ttlMs / 3,
  })

  /** Invariant 6. */
  const note = (by: NodeId, message: LeaseMessage<V>): void => {
    const { phase, roster, nextRequest } = state
    if (phase.phase !== 'held' || message.kind !== 'accepted' || message.epoch !== roster?.epoch) return
    const isOfGrant = message.request >= phase.since && message.request < nextRequest
    if (isOfGrant && roster.voters.some(({ id }) => id === by))
      effects.push({ kind: 'vote', by, version: message.version })
  }
  const receive = (by: NodeId, message: LeaseMessage<V>): void => {
    const { phase, roster } = state
    const { question } = phase as Asking<V> | Partial<Held<V>>
    if (roster === undefined || question === undefined || !isAnswer(message)) return
    if (message.request !== question.request) return
    // Invariant 3. A refusal counts anyway: it may be for the sake of the roster.
    if (message.epoch !== roster.epoch && message.kind !== 'refused') return
    if (!roster.voters.some(({ id }) => id === by)) return
    if (question.granted.includes(by) || question.refused.some((refused) => refused.by === by)) return
    const heard = withAnswer(question, by, message, phase.phase === 'asking' && phase.stage !== 'accept')
    if (heard === undefined) return
    set({ phase: { ...phase, question: heard } as HolderPhase<V> })
    const isGranted = isQuorum(roster, new Set(heard.granted))
    if (phase.phase === 'held' && isGranted) {
      const { question: _, ...held } = phase
      set({ phase: { ...held, ...timesOf(heard) } })
      effects.push({ kind: 'renewed', token: phase.token })
    }
    // A renewal is asked for again by and by, an attempt that cannot succeed any more waits first.
    if (phase.phase !== 'asking') return
    const rest = new Set(roster.voters.map(({ id }) => id))
    for (const refused of heard.refused) rest.delete(refused.by)
    if (isGranted) granted(phase, heard)
    else if (!isQuorum(roster, rest)) fail(phase, denialOf(roster, heard, false))
  }

  const release = (): void => {
    const { phase } = state
    set({ phase: { phase: 'idle' }, failures: 0 })
    if (phase.phase === 'asking') giveUp(phase)
    if (phase.phase !== 'held') return
    const { token } = phase
    effects.push({ kind: 'lost', token, reason: 'It was released.' })
    toVoters({ kind: 'release', lease, token })
  }

  const outdo = (by: Ballot): void => {
    const { phase, outdone } = state
    if (outdone === undefined || compareBallots(by, outdone) > 0)
      set({ outdone: { epoch: by.epoch, ballot: by.ballot } })
    if (phase.phase !== 'held' || compareBallots(by, phase.token) <= 0) return
    toVoters({ kind: 'release', lease, token: phase.token })
    lose(phase, `${writtenUnder(by)}.`)
  }

  const act = (input: HolderInput<V>): void => {
    const { phase } = state
    switch (input.kind) {
      case 'tick':
        break
      case 'acquire':
        if (phase.phase !== 'idle') break
        set({ phase: { phase: 'waiting', at: state.clock.elapsed } })
        pass()
        break
      case 'release':
        release()
        break
      case 'renew':
        if (phase.phase === 'held') renew(phase)
        break
      case 'paused':
        if (phase.phase === 'asking') fail(phase, { reason: stoodStill, missing: [] })
        if (phase.phase === 'held') lose(phase, stoodStill)
        break
      case 'roster':
        adopt(input.roster)
        pass()
        break
      case 'outdone':
        outdo(input.by)
        break
      case 'covered':
        if (phase.phase !== 'held' || phase.isCovered || compareBallots(input.token, phase.token) !== 0) break
        set({ phase: { ...phase, isCovered: true } })
        effects.push({ kind: 'usable', token: phase.token })
        break
      case 'receive':
        note(input.from, input.message)
        receive(input.from, input.message)
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
      effects = []
      set({ clock: readClock(state.clock, input, Math.max) })
      if (input.kind !== 'paused') pass()
      act(input)
      return effects
    },
  }
}

const stoodStill = 'The process stood still.'
const laterRoster = (later: number, epoch: number): string =>
  `The document was written under a roster of epoch ${later}, and the one that holds is of epoch ${epoch}: a greater one has to be forced.`

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
