/**
 * One lease in a store elsewhere that writes a record only where nobody wrote since (NATS KV, etcd). No clock of the store counts.
 *
 * Invariants
 * 1. A holder counts ttl * (1 - epsilon) from before it asked the store, by its fastest clock. Another takes the lease only once
 *    it has seen the same revision for ttl * (1 + epsilon) by its slowest clock, and the write says that it is the same still.
 * 2. A store that lost what it had gives out its revisions again. So leases stand below the id of their life, and a grant or a
 *    renewal counts only where the life is the same after the write.
 * 3. In a new life nothing is granted before every lease of the one before has ended; tokens of it are above, by their epoch.
 * 4. A token is the revision of its grant, above every revision that was seen here in this life.
 * 5. Where it is not known whether a write took effect it counts as what is worse: not as a grant, not as given back.
 */
import { type FencingToken, rejoinError } from '@rejoin/state'
import { epochAt } from '../../forced-epoch.ts'
import type { LeaseRefusalCause } from '../backend.ts'
import { readClock } from '../clock.ts'
import { defaultEpsilon, leaseOptionsFault } from '../options.ts'
import { judgeLease, judgeLife, judgeOpening, type ReadRecord } from './judge.ts'
import { decodeLease, decodeLife, encodeRecord, isWord, type StoredLease, type StoreLife } from './records.ts'
import type {
  FoundLife,
  HeldOfStore,
  StoreAnswer,
  StoreKey,
  StoreLeaseEffect,
  StoreLeaseInput,
  StoreLeaseOptions,
  StoreLeaseState,
  StoreTask,
  Watched,
} from './store-lease-types.ts'

export interface StoreLeaseMachine {
  /** While it is not concluded, by `granted` or `refused`, what was asked before, neither `acquire` nor `renew` may be asked. */
  step(input: StoreLeaseInput): StoreLeaseEffect[]
  readonly state: StoreLeaseState
  /** When `tick` is wanted, by the monotonic clock. */
  readonly wakeAt: number | undefined
}

const lifeKey: StoreKey = ['life']
/** Where it stands that a life is open: what was granted in the one before has ended. */
const openKey = (lifeId: string): StoreKey => ['open', lifeId]

/** Makes a machine from `startStoreLease(...)` or a kept state. A step costs O(1). */
export function createStoreLease(options: StoreLeaseOptions, from: StoreLeaseState): StoreLeaseMachine {
  const { document, lease, self, name, maxTtlMs, epsilon = defaultEpsilon, newId } = options
  const fault = leaseOptionsFault({ lease, maxTtlMs, epsilon })
  if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
  const limits = { maxTtlMs, epsilon, self }
  let state = from

  const leaseKey = (lifeId: string): StoreKey => ['lease', lifeId, document, lease]
  const next = (task: Omit<StoreTask, 'request'>): { readonly request: number; readonly withinMs: number } => {
    const request = state.nextRequest
    state = { ...state, nextRequest: request + 1, task: { ...task, request } }
    return { request, withinMs: Math.max(10, Math.ceil(task.ttlMs / 6)) }
  }
  const read = (task: Omit<StoreTask, 'request'>, key: StoreKey): StoreLeaseEffect[] => [
    { kind: 'read', key, ...next(task) },
  ]
  const write = (
    task: Omit<StoreTask, 'request'>,
    key: StoreKey,
    record: StoreLife | StoredLease | object,
    expected: number,
  ): StoreLeaseEffect[] => [{ kind: 'write', key, text: encodeRecord(record), expected, ...next(task) }]

  /** How long a record has not changed. */
  const watch = (what: 'life' | 'lease', { revision, text }: ReadRecord): Watched => {
    const known = state.watched[what]
    const isKnown = known?.revision === revision && known.text === text
    const watched = isKnown ? known : { revision, text, since: state.slow.elapsed }
    state = { ...state, watched: { ...state.watched, [what]: watched } }
    return watched
  }

  const free = (): StoreLeaseEffect[] => {
    const { toFree } = state
    if (toFree === undefined) return []
    const task = { purpose: 'release', stage: 'write', sentAt: state.fast.elapsed, ttlMs: maxTtlMs } as const
    return write(task, leaseKey(toFree.lifeId), recordOf(0, toFree.word), toFree.revision)
  }
  const conclude = (...effects: StoreLeaseEffect[]): StoreLeaseEffect[] => {
    const { task: _, ...rest } = state
    state = rest
    return [...effects, ...free()]
  }
  const refuse = (because: LeaseRefusalCause, reason: string): StoreLeaseEffect[] =>
    conclude({ kind: 'refused', because, reason })
  const lose = ({ token }: HeldOfStore, reason: string): StoreLeaseEffect => {
    const { held: _, ...rest } = state
    state = rest
    return { kind: 'lost', token, reason }
  }
  const recordOf = (ttlMs: number, word: string | undefined): StoredLease => ({
    holder: self,
    name,
    ttlMs,
    ...wordOf(word),
  })

  /** Invariant 1: it comes first in every step. */
  const pass = (): StoreLeaseEffect[] => {
    const { held, fast } = state
    return held !== undefined && fast.elapsed >= held.until ? [lose(held, 'It was not renewed in time.')] : []
  }

  const acquire = (ttlMs: number): StoreLeaseEffect[] => {
    if (state.held !== undefined) return renew(state.held.token, ttlMs, undefined)
    const wrong = leaseOptionsFault({ lease, maxTtlMs, ttlMs })
    if (wrong !== undefined) return refuse('unsound', wrong)
    return read({ purpose: 'acquire', stage: 'life', sentAt: state.fast.elapsed, ttlMs }, lifeKey)
  }

  const renew = (token: FencingToken, ttlMs: number, word: string | undefined): StoreLeaseEffect[] => {
    const { held } = state
    if (held === undefined || !isSame(held.token, token)) return refuse('taken', 'It is not held here.')
    const wrong = leaseOptionsFault({ lease, maxTtlMs, ttlMs })
    if (wrong !== undefined) return refuse('unsound', wrong)
    if (word !== undefined && !isWord(word)) return refuse('unsound', 'What is left with a lease is a short text.')
    return prolong(held, { purpose: 'renew', sentAt: state.fast.elapsed, ttlMs, ...wordOf(word ?? held.word) })
  }
  const prolong = (held: HeldOfStore, task: Omit<StoreTask, 'request' | 'stage'>): StoreLeaseEffect[] => {
    // Shorter than it may go on it is not asked for: whether that was heard is not known.
    const ttlMs = Math.max(task.ttlMs, (held.until - state.fast.elapsed) / (1 - epsilon))
    const record = recordOf(Math.min(ttlMs, maxTtlMs), task.word)
    return write({ ...task, stage: 'write' }, leaseKey(held.lifeId), record, held.revision)
  }

  const release = (token: FencingToken): StoreLeaseEffect[] => {
    const { held, task } = state
    if (held === undefined || !isSame(held.token, token))
      return state.toFree === undefined ? [{ kind: 'released' }] : []
    // It is given up before that is told.
    const lost = lose(held, 'It was released.')
    state = { ...state, toFree: held }
    return [lost, ...(task === undefined ? free() : [])]
  }

  const lifeRead = (task: StoreTask, entry: ReadRecord): StoreLeaseEffect[] => {
    const { since } = watch('life', entry)
    const judgement = judgeLife(state, entry, maxTtlMs)
    if (judgement.kind === 'refused') return conclude(judgement)
    if (judgement.kind === 'ended') {
      if (task.hasBegunLife === true) return refuse('unsound', lifeNotKept)
      // Invariant 3. The wall clock is above that of any life before, as far as it was not put back.
      const epoch = Math.max(epochAt(state.fast.wall), state.floor + 1)
      return write({ ...task, stage: 'found' }, lifeKey, { id: newId(), epoch, maxTtlMs }, entry.revision)
    }
    const { life } = judgement
    const { revision } = entry
    if (life.id === state.life?.id) return inLife(task, life, revision)
    return read({ ...task, stage: 'opened', found: { life, since } }, openKey(life.id))
  }

  const openedRead = (task: StoreTask, { revision }: ReadRecord): StoreLeaseEffect[] => {
    const { found } = task
    if (found === undefined) return []
    if (revision > 0) return inLife(task, found.life, revision)
    const refused = judgeOpening(state, found.since, limits)
    // In a record of its own: in the one of the life it might land in another life of the same revision.
    return refused === undefined ? write({ ...task, stage: 'open' }, openKey(found.life.id), {}, 0) : conclude(refused)
  }

  const inLife = (task: StoreTask, life: StoreLife, revision: number): StoreLeaseEffect[] => {
    if (life.id !== state.life?.id) {
      const { lease: _, ...watched } = state.watched
      state = { ...state, life, floor: life.epoch, highest: 0, watched }
    }
    state = { ...state, highest: Math.max(state.highest, revision) }
    return read({ ...task, stage: 'lease' }, leaseKey(life.id))
  }

  const leaseRead = (task: StoreTask, entry: ReadRecord): StoreLeaseEffect[] => {
    const judgement = judgeLease(state, entry, watch('lease', entry), limits)
    if (judgement.kind === 'refused') return conclude(judgement)
    state = { ...state, highest: Math.max(state.highest, entry.revision) }
    const { id } = state.life as StoreLife
    const { word } = judgement.lease ?? {}
    const record = recordOf(task.ttlMs, word)
    return write({ ...task, stage: 'write', ...wordOf(word) }, leaseKey(id), record, entry.revision)
  }

  /** The store gave out a revision that it had given out before: it has lost what came after. */
  const wentBack = (): void => {
    const { life: _, ...rest } = state
    state = { ...rest, floor: state.floor + 1 }
  }

  const written = (task: StoreTask, revision: number): StoreLeaseEffect[] => {
    const { held, life } = state
    if (task.purpose === 'acquire') {
      // Invariant 4.
      if (revision <= state.highest || life === undefined) {
        wentBack()
        return refuse('taken', 'The store went back to what it was before: what it granted since has to end first.')
      }
      state = { ...state, highest: revision }
      return read({ ...task, stage: 'check', revision }, lifeKey)
    }
    if (held === undefined) return refuse('taken', notHeld)
    if (revision <= held.revision) {
      wentBack()
      return [lose(held, 'The store went back to what it was before.'), ...refuse('taken', notHeld)]
    }
    const { word: _, ...rest } = held
    state = { ...state, held: { ...rest, revision, ...wordOf(task.word) }, highest: revision }
    return read({ ...task, stage: 'check', revision }, lifeKey)
  }

  /** Somebody wrote it: this opening, without having heard of it, or another. */
  const reread = (task: StoreTask, { revision, text }: ReadRecord): StoreLeaseEffect[] => {
    const { held, toFree } = state
    const record = decodeLease(text, maxTtlMs)
    const isOurs = record?.holder === self
    if (task.purpose === 'release') {
      if (!isOurs || toFree === undefined) return freed()
      const again = { ...task, stage: 'write', isSecond: true } as const
      return write(again, leaseKey(toFree.lifeId), recordOf(0, toFree.word), revision)
    }
    if (held === undefined) return refuse('taken', notHeld)
    if (!isOurs) {
      const by = record === undefined ? 'Somebody wrote over it.' : `It went to ${record.name}.`
      return [lose(held, by), ...refuse('taken', by)]
    }
    state = { ...state, held: { ...held, revision } }
    return prolong({ ...held, revision }, { ...task, isSecond: true })
  }

  const freed = (): StoreLeaseEffect[] => {
    const { toFree: _, ...rest } = state
    state = rest
    return conclude({ kind: 'released' })
  }

  const conflict = (task: StoreTask): StoreLeaseEffect[] => {
    if (task.purpose === 'acquire') return refuse('taken', 'Somebody else was faster.')
    if (task.isSecond === true)
      return task.purpose === 'release' ? freed() : refuse('unavailable', 'It is written by several at once.')
    const ours = task.purpose === 'release' ? state.toFree : state.held
    // Lost while it was renewed.
    if (ours === undefined) return refuse('taken', notHeld)
    return read({ ...task, stage: 'reread' }, leaseKey(ours.lifeId))
  }

  /** Invariant 2. */
  const checked = (task: StoreTask, entry: ReadRecord): StoreLeaseEffect[] => {
    const { held } = state
    const life = decodeLife(entry.text)
    const until = task.sentAt + task.ttlMs * (1 - epsilon)
    if (task.purpose === 'renew') {
      if (held === undefined) return refuse('taken', notHeld)
      if (life?.id !== held.lifeId) return [lose(held, lifeEnded), ...refuse('taken', lifeEnded)]
      state = { ...state, held: { ...held, until } }
      return [...pass(), ...grant(task)]
    }
    if (life === undefined || life.id !== state.life?.id) return refuse('taken', lifeEnded)
    const { revision = 0, word } = task
    const token: FencingToken = { lease, epoch: life.epoch, ballot: revision }
    state = { ...state, held: { token, lifeId: life.id, revision, until, ...wordOf(word) } }
    return state.fast.elapsed < until ? grant(task) : [lose(state.held as HeldOfStore, tooLate), ...grant(task)]
  }
  const grant = ({ ttlMs }: StoreTask): StoreLeaseEffect[] => {
    const { held } = state
    if (held === undefined) return refuse('unavailable', tooLate)
    return conclude({ kind: 'granted', token: held.token, validMs: ttlMs * (1 - epsilon), ...wordOf(held.word) })
  }

  const answered = (task: StoreTask, answer: StoreAnswer): StoreLeaseEffect[] => {
    const { purpose, stage } = task
    switch (answer.kind) {
      case 'failed':
        // Invariant 5. Of what could not be given back nobody here makes use; it lapses.
        return purpose === 'release' ? freed() : refuse(answer.because, answer.reason)
      case 'conflict':
        return conflict(task)
      case 'written':
        if (purpose === 'release') return freed()
        if (stage === 'found') return read({ ...task, stage: 'life', hasBegunLife: true }, lifeKey)
        if (stage === 'open') return inLife(task, (task.found as FoundLife).life, answer.revision)
        return written(task, answer.revision)
      case 'entry':
        if (stage === 'life') return lifeRead(task, answer)
        if (stage === 'opened') return openedRead(task, answer)
        if (stage === 'lease') return leaseRead(task, answer)
        return stage === 'reread' ? reread(task, answer) : checked(task, answer)
    }
  }

  const act = (input: StoreLeaseInput): StoreLeaseEffect[] => {
    switch (input.kind) {
      case 'tick':
        return []
      case 'acquire':
        return acquire(input.ttlMs)
      case 'renew':
        return renew(input.token, input.ttlMs, input.word)
      case 'release':
        return release(input.token)
      case 'answer': {
        const { task } = state
        return task?.request === input.request ? answered(task, input.answer) : []
      }
    }
  }

  return {
    get state(): StoreLeaseState {
      return state
    },
    get wakeAt(): number | undefined {
      const { held, fast } = state
      return held === undefined ? undefined : fast.now + Math.max(0, held.until - fast.elapsed)
    },
    step: (input) => {
      state = {
        ...state,
        fast: readClock(state.fast, input, Math.max),
        slow: readClock(state.slow, input, Math.min),
      }
      return [...pass(), ...act(input)]
    },
  }
}

const lifeEnded = 'The store is not the one any more that it was: what it granted then has to end first.'
const lifeNotKept =
  'What the store said it had written of its life is not there, or no life: it does not keep what it is told, or somebody else writes over it.'
const notHeld = 'It is not held here any more.'
const tooLate = 'It took too long until it was granted.'

function isSame(left: FencingToken, right: FencingToken): boolean {
  return left.epoch === right.epoch && left.ballot === right.ballot
}

function wordOf(word: string | undefined): { readonly word?: string } {
  return word === undefined ? {} : { word }
}
