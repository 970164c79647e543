import { checkToken, type FencingToken, isQuorum, type Roster } from '@rejoin/sync/partition'
import { createInterned, type Interned, memoOfTwo } from './intern.ts'
import { epsilon, openRequest } from './lease-node.ts'
import {
  type AcceptorAct,
  createLeaseNodes,
  type HolderAct,
  type LeaseMutant,
  type LeaseNodes,
  type Moved,
} from './lease-nodes.ts'
import type { Rest } from './lease-rest.ts'
import { createSoups, type Soups } from './soups.ts'

export interface LeaseWorldOptions {
  readonly voters: number
  /**
   * Reboots, lost disks, wall clocks that jump, processes that stand still, releases, a new roster, and messages that reach
   * fewer than a quorum, or arrive late or again or without an answer: so many in all. (A bound as in M. Emmi, S. Qadeer,
   * Z. Rakamaric, Delay-bounded scheduling, 2011.)
   */
  readonly faults: number
  /** How much time goes by in one action, in milliseconds. */
  readonly quantumMs: number
  readonly mutant?: LeaseMutant
  /** From this start only, by number. */
  readonly from?: number
}

export const holderNames = ['alice', 'bob'] as const
const mostStill = 3

/** The nodes of a world and the state that an action changes: it is set to one, acted on and read. */
export interface LeaseScene {
  readonly nodes: LeaseNodes
  readonly soups: Soups
  readonly names: readonly string[]
  readonly rosters: readonly [Roster, Roster]
  /** The smallest sets of acceptors that may act, by epoch less one. */
  readonly quorumsOf: readonly number[][][]
  readonly tokens: Interned<FencingToken | 'none'>
  /** Where in a state the messages stand, and what `packRest` makes. */
  readonly soupAt: number
  readonly restAt: number
  readonly next: Int32Array
  readonly boots: readonly number[][]
  readonly adopts: readonly number[]
  readonly holderActs: {
    readonly acquire: number
    readonly tick: number
    readonly release: number
    readonly boots: readonly number[]
    readonly adopts: readonly number[]
  }
  docOf(state: Int32Array, node: number): number
  setDoc(state: Int32Array, node: number, rounds: number): void
  receiveAct(sent: number, version: number): number
  crashAct(sent: number, version: number): number
  hearAct(sent: number, _: 0): number
  coveredAct(holder: number, _: 0): number
  holderAt(id: number, still: number): HolderView
  acceptorAt(id: number, _: 0): { readonly epoch: number; readonly isLearning: boolean }
  sift(faults: number): void
  stepAcceptor(v: number, act: number): undefined
  stepHolder(h: number, act: number): undefined
  openQuestion(state: Int32Array, h: number): number | undefined
  exchange(h: number, question: number, at: readonly number[]): undefined
  learn(v: number): undefined
  passTime(holderRate: number, acceptorRate: number, rest: Rest, jump?: { node: number; ms: number }): undefined
  write(h: number, at: readonly number[], rest: Rest): string | undefined
}

/** What a holder is after it stood still for so long. */
export interface HolderView {
  readonly usable: FencingToken | undefined
  readonly token: FencingToken | undefined
  readonly isCovered: boolean
  readonly isIdle: boolean
  readonly isDue: boolean
  readonly needs: number
  readonly epoch: number
}

/** An empty scene. */
export function createLeaseScene({ voters, quantumMs, mutant = {} }: LeaseWorldOptions): LeaseScene {
  const nodes = createLeaseNodes(mutant)
  const soups = createSoups()
  const tokens = createInterned<FencingToken | 'none'>()
  const names = Array.from({ length: voters + 1 }, (_, at) => `v${at + 1}`)
  const rosterOf = (epoch: number, ids: readonly string[]): Roster => ({
    epoch,
    voters: ids.map((id) => ({ id, weight: 1 })),
    policy: { kind: 'keep-majority' },
  })
  const rosters = [rosterOf(1, names.slice(0, voters)), rosterOf(2, names.slice(1))] as const
  const A = names.length
  const soupAt = A + 2
  const docsAt = A + 3
  const restAt = A + 4
  const width = A + 5
  /** Sets of acceptors by index: each alone, and the smallest quorums of each roster. */
  const subsets = subsetsOf(A)
  const quorumsOf = rosters.map((roster) => {
    const all = subsets.filter((ids) => isQuorum(roster, new Set(ids.map((at) => names[at] as string))))
    return all.filter((ids) => ids.length === Math.min(...all.map(({ length }) => length)))
  })

  const docOf = (state: Int32Array, node: number): number => ((state[docsAt] as number) >> (2 * node)) & 3
  const setDoc = (state: Int32Array, node: number, rounds: number): void => {
    const docs = state[docsAt] as number
    state[docsAt] = (docs & ~(3 << (2 * node))) | (Math.max(rounds, (docs >> (2 * node)) & 3) << (2 * node))
  }

  const standing = { now: 0, wall: 0 }
  const actOfAcceptor = (act: AcceptorAct): number => nodes.acceptorAct(act)
  const receiveAct = memoOfTwo((sent: number, version: number) => {
    const { from, message } = nodes.messages.valueOf(sent)
    return actOfAcceptor({ kind: 'receive', from, message, version, ...standing })
  })
  const crashAct = memoOfTwo((sent: number, version: number) => {
    const { from, message } = nodes.messages.valueOf(sent)
    return actOfAcceptor({ kind: 'receive', from, message, version, crashesAfter: 1, ...standing })
  })
  const hearAct = memoOfTwo((sent: number) => {
    const { from, message } = nodes.messages.valueOf(sent)
    return nodes.holderAct({ kind: 'receive', from, message, ...standing })
  })
  const boots = rosters.map((roster) => [false, true].map((loses) => actOfAcceptor({ kind: 'boot', roster, loses })))
  const adopts = rosters.map((roster) => actOfAcceptor({ kind: 'roster', roster, ...standing }))
  const idleTick = actOfAcceptor({ kind: 'tick', ...standing })
  const simpleHolderAct = (act: HolderAct): number => nodes.holderAct(act)
  const holderActs = {
    acquire: simpleHolderAct({ kind: 'acquire', ...standing }),
    tick: simpleHolderAct({ kind: 'tick', ...standing }),
    release: simpleHolderAct({ kind: 'release', ...standing }),
    boots: rosters.map((roster) => simpleHolderAct({ kind: 'boot', roster })),
    adopts: rosters.map((roster) => simpleHolderAct({ kind: 'roster', roster, ...standing })),
  }
  const holderAt = memoOfTwo((id: number, still: number) => {
    const { state, needs } = nodes.holderOf(id)
    const { phase, roster } = state
    const ms = still === 0 ? 0 : (still - 1) * quantumMs * (1 - epsilon)
    const until = phase.phase === 'held' && phase.isCovered ? phase.until : 0
    return {
      // As `usableToken` has it, for a reading that much later.
      usable: phase.phase === 'held' && ms < until ? phase.token : undefined,
      token: phase.phase === 'held' ? phase.token : undefined,
      isCovered: phase.phase === 'held' && phase.isCovered,
      isIdle: phase.phase === 'idle',
      isDue: phase.phase === 'waiting' && phase.at <= 0,
      needs,
      epoch: roster?.epoch ?? 0,
    }
  })
  const acceptorAt = memoOfTwo((id: number) => {
    const { state } = nodes.acceptorOf(id)
    return { epoch: state.epoch, isLearning: state.recovery?.isTaught === false && state.recovery.askAt <= 0 }
  })
  const coveredAct = memoOfTwo((holder: number) => {
    const { token } = holderAt(holder, 0)
    return simpleHolderAct({ kind: 'covered', token: token as FencingToken, ...standing })
  })

  const next = new Int32Array(width)
  /** Drops what makes no difference once nothing goes wrong any more: what would arrive late, and disks. */
  const sift = (faults: number): void => {
    if (faults > 0) return
    for (let v = 0; v < A; v++) next[v] = nodes.lasting(next[v] as number, 0)
    next[soupAt] = soups.changed(next[soupAt] as number, 0, (id) => (isOpenQuestion(id) ? id : undefined))
  }
  const isOpenQuestion = (id: number): boolean => {
    const { to, message } = nodes.messages.valueOf(id)
    return to === undefined && 'request' in message && message.request === openRequest && message.kind !== 'learn'
  }
  /** The open question of a holder is so no longer: nobody waits for the answers. */
  const close = (h: number): void => {
    const name = holderNames[h]
    next[soupAt] = soups.changed(next[soupAt] as number, 1 + h, (id) => {
      const sent = nodes.messages.valueOf(id)
      const { from, to, message } = sent
      if (to === name) return undefined
      if (from !== name || !('request' in message)) return id
      const isBeforehand = message.kind === 'prepare' && message.preVote
      return isBeforehand ? undefined : nodes.messages.idOf({ ...sent, message: { ...message, request: 0 } })
    })
  }
  const apply = (slot: number, { id, sent }: Moved): undefined => {
    next[slot] = id
    next[soupAt] = soups.with(next[soupAt] as number, sent)
  }
  const stepAcceptor = (v: number, act: number): undefined => apply(v, nodes.moveAcceptor(next[v] as number, act))
  const stepHolder = (h: number, act: number): undefined => {
    const moved = nodes.moveHolder(next[A + h] as number, act)
    if (moved.movesOn) close(h)
    apply(A + h, moved)
  }
  const openQuestion = (state: Int32Array, h: number): number | undefined =>
    soups
      .in(state[soupAt] as number)
      .find((id) => nodes.messages.valueOf(id).from === holderNames[h] && isOpenQuestion(id))
  /** A question reaches these acceptors, and each answer the holder. */
  const exchange = (h: number, question: number, at: readonly number[]): undefined => {
    for (const v of at) {
      if (openQuestion(next, h) !== question) return
      const moved = nodes.moveAcceptor(next[v] as number, receiveAct(question, docOf(next, v)))
      apply(v, moved)
      for (const answer of moved.sent)
        if (nodes.messages.valueOf(answer).to === holderNames[h]) stepHolder(h, hearAct(answer, 0))
    }
  }
  /** An acceptor without memory asks all others, which answer. */
  const learn = (v: number): undefined => {
    const asked = nodes.moveAcceptor(next[v] as number, idleTick)
    apply(v, asked)
    for (const question of asked.sent)
      for (let by = 0; by < A; by++) {
        if (by === v) continue
        const answered = nodes.moveAcceptor(next[by] as number, receiveAct(question, 0))
        apply(by, answered)
        for (const answer of answered.sent) stepAcceptor(v, receiveAct(answer, 0))
      }
  }
  const passTime = (
    holderRate: number,
    acceptorRate: number,
    rest: Rest,
    jump?: { node: number; ms: number },
  ): undefined => {
    const reading = (node: number, rate: number): { now: number; wall: number } => {
      const ms = Math.round(quantumMs * rate)
      return { now: ms, wall: jump?.node === node ? ms + jump.ms : ms }
    }
    for (let v = 0; v < A; v++) stepAcceptor(v, actOfAcceptor({ kind: 'tick', ...reading(v, acceptorRate) }))
    for (const h of [0, 1]) {
      const still = rest.still[h] as number
      if (still > 0) rest.still[h] = Math.min(still + 1, mostStill + 1)
      else stepHolder(h, simpleHolderAct({ kind: 'tick', ...reading(A + h, holderRate) }))
    }
  }
  /** A usable holder begins a round: at the resource, and in the document of these acceptors. */
  const write = (h: number, at: readonly number[], rest: Rest): string | undefined => {
    const { usable, epoch } = holderAt(next[A + h] as number, 0)
    const token = usable as FencingToken
    const round = docOf(next, A + h) + 1
    const seen = tokens.valueOf(rest.guard)
    rest.writes -= 1
    const check = checkToken(seen === 'none' ? [] : [seen], token)
    if (check.kind === 'refused') return check.reason
    rest.guard = tokens.idOf(check.guard[0] as FencingToken)
    for (const node of [A + h, ...at]) setDoc(next, node, round)
    // What is stored under another roster than the one of the holder does not count.
    const stored = at.filter((v) => acceptorAt(next[v] as number, 0).epoch === epoch).map((v) => names[v] as string)
    if (!isQuorum(rosters[epoch - 1] as Roster, new Set(stored))) return undefined
    if (((rest.counted >> round) & 1) === 1) return `Round ${round} counts twice.`
    rest.counted |= 1 << round
    return undefined
  }

  return {
    nodes,
    soups,
    names,
    rosters,
    quorumsOf,
    tokens,
    soupAt,
    restAt,
    next,
    boots,
    adopts,
    holderActs,
    docOf,
    setDoc,
    receiveAct,
    crashAct,
    hearAct,
    coveredAct,
    holderAt,
    acceptorAt,
    sift,
    stepAcceptor,
    stepHolder,
    openQuestion,
    exchange,
    learn,
    passTime,
    write,
  }
}

function subsetsOf(count: number): number[][] {
  return Array.from({ length: 1 << count }, (_, bits) =>
    Array.from({ length: count }, (__, at) => at).filter((at) => (bits >> at) & 1),
  )
}
