import {
  type AcceptorEffect,
  type AcceptorInput,
  type AcceptorMemory,
  bootAcceptor,
  createAcceptor,
  createHolder,
  emptyMemory,
  type HolderEffect,
  type HolderInput,
  type LeaseMessage,
  type Roster,
  startHolder,
} from '@rejoin/sync/partition'
import { createInterned, type Interned, memoOfTwo } from './intern.ts'
import {
  type AcceptorNode,
  epsilon,
  type HolderNode,
  openRequest,
  plainAcceptor,
  plainHolder,
  ttlMs,
} from './lease-node.ts'

/** Versions of the document are numbers of rounds here. */
export type Message = LeaseMessage<number>

/** A message on its way; `to` is undefined where each voter gets it. */
export interface Sent {
  readonly from: string
  readonly to?: string
  readonly message: Message
}

/** Readings are differences to the last one: a node in a state has just looked at its clocks. */
type Without<T> = T extends unknown ? Omit<T, 'now' | 'wall'> : never
export type AcceptorAct =
  | (Without<AcceptorInput<number>> & { now: number; wall: number; crashesAfter?: number })
  | { readonly kind: 'boot'; readonly roster: Roster; readonly loses: boolean }
export type HolderAct =
  | (Without<HolderInput<number>> & { now: number; wall: number })
  | { readonly kind: 'boot'; readonly roster: Roster }

/** Where a node is after an act, and what it sent. */
export interface Moved {
  readonly id: number
  readonly sent: readonly number[]
  /** Whether what it asked before is no longer open. */
  readonly movesOn: boolean
}

/** What a test breaks on purpose. */
export interface LeaseMutant {
  readonly holderEpsilon?: number
  readonly acceptorEpsilon?: number
  /** A lost disk goes unnoticed. */
  readonly forgets?: boolean
  /** What is granted may be used without the state that came with it. */
  readonly handsOverNothing?: boolean
  /** A new roster is no reason to wait. */
  readonly grantsUnderNewRoster?: boolean
  readonly persistsLate?: boolean
  /** Who gets a new roster does not fetch what the voters of the one before had. */
  readonly joinsEmpty?: boolean
  /** A holder counts from when it heard. */
  readonly countsFromAnswer?: boolean
}

/** The real machines, each act on each of their states carried out once. */
export interface LeaseNodes {
  readonly messages: Interned<Sent>
  acceptor(self: string, roster: Roster, epoch: number): number
  holder(self: string, roster: Roster): number
  acceptorAct(act: AcceptorAct): number
  holderAct(act: HolderAct): number
  moveAcceptor(id: number, act: number): Moved
  moveHolder(id: number, act: number): Moved
  acceptorOf(id: number): AcceptorNode
  holderOf(id: number): HolderNode
  /** An acceptor that will not boot any more: nobody asks what its disk holds, nor which leases are over. */
  lasting(id: number, _: 0): number
}

export function createLeaseNodes(mutant: LeaseMutant): LeaseNodes {
  const messages = createInterned<Sent>()
  const acceptors = createInterned<AcceptorNode>(withoutRoster)
  const holders = createInterned<HolderNode>(withoutRoster)
  const acceptorActs = createInterned<AcceptorAct>()
  const holderActs = createInterned<HolderAct>()

  const acceptorFrom = ({ self, state, boots }: AcceptorNode) =>
    createAcceptor<number>(
      // Each boot asks under a number of its own.
      { self, maxTtlMs: ttlMs, epsilon: mutant.acceptorEpsilon ?? epsilon, random: () => (boots + 1) / 2 ** 20 },
      state,
    )
  const holderFrom = ({ state }: HolderNode) =>
    createHolder<number>(
      {
        lease: 'round',
        ttlMs,
        maxTtlMs: ttlMs,
        epsilon: mutant.holderEpsilon ?? epsilon,
        answerMs: ttlMs,
        random: () => 0,
      },
      state,
    )

  const numbersOf = (effects: readonly (AcceptorEffect<number> | HolderEffect<number>)[], from: string): number[] => {
    const sent = effects.flatMap((effect) => {
      if (effect.kind !== 'send') return []
      const { to, message } = effect
      const isToAll =
        message.kind !== 'promised' &&
        message.kind !== 'accepted' &&
        message.kind !== 'refused' &&
        message.kind !== 'learnt'
      return [messages.idOf(isToAll ? { from, message } : { from, to, message })]
    })
    return [...new Set(sent)]
  }

  const booted = (self: string, disk: AcceptorMemory | undefined, boots: number, roster: Roster): AcceptorNode => {
    const found = disk ?? (mutant.forgets === true ? emptyMemory(roster.epoch) : undefined)
    const state = bootAcceptor(found, { now: 0, wall: 0 })
    const node = { self, state, boots, ...(found === undefined ? {} : { disk: found }) }
    const acceptor = acceptorFrom(node)
    const persisted = acceptor.step({ kind: 'roster', roster, now: 0, wall: 0 }).find(({ kind }) => kind === 'persist')
    const memory = persisted?.kind === 'persist' ? persisted.memory : found
    return plainAcceptor({ ...node, state: acceptor.state, ...(memory === undefined ? {} : { disk: memory }) })
  }

  const moveAcceptor = (id: number, actId: number): Moved => {
    const node = acceptors.valueOf(id)
    const act = acceptorActs.valueOf(actId)
    if (act.kind === 'boot') {
      const next = booted(node.self, act.loses ? undefined : node.disk, node.boots + (act.loses ? 1 : 0), act.roster)
      return { id: acceptors.idOf(next), sent: [], movesOn: false }
    }
    const machine = acceptorFrom(node)
    let effects = machine.step(act as AcceptorInput<number>)
    let state = machine.state
    if (mutant.grantsUnderNewRoster === true) state = { ...state, newRosterUntil: state.clock.elapsed }
    if (mutant.persistsLate === true)
      effects = [...effects.filter(({ kind }) => kind === 'send'), ...effects.filter(({ kind }) => kind !== 'send')]
    const { crashesAfter } = act
    const done = crashesAfter === undefined ? effects : effects.slice(0, crashesAfter)
    const persisted = done.filter((effect) => effect.kind === 'persist').at(-1)
    const disk = persisted?.memory ?? node.disk
    const sent = numbersOf(done, node.self)
    const { roster } = state
    const next =
      crashesAfter !== undefined && roster !== undefined
        ? booted(node.self, disk, node.boots, roster)
        : plainAcceptor({ ...node, state, ...(disk === undefined ? {} : { disk }) })
    return { id: acceptors.idOf(next), sent, movesOn: false }
  }

  const moveHolder = (id: number, actId: number): Moved => {
    const node = holders.valueOf(id)
    const act = holderActs.valueOf(actId)
    if (act.kind === 'boot') return { id: holders.idOf(startedHolder(node.self, act.roster)), sent: [], movesOn: true }
    const machine = holderFrom(node)
    const effects = machine.step(act as HolderInput<number>)
    let { state } = machine
    let { needs } = node
    for (const effect of effects) if (effect.kind === 'acquired') needs = Math.max(...effect.versions)
    const { phase } = state
    if (phase.phase !== 'held') needs = 0
    else if (mutant.countsFromAnswer === true && effects.some(({ kind }) => kind === 'acquired' || kind === 'renewed'))
      state = { ...state, phase: { ...phase, until: state.clock.elapsed + ttlMs * (1 - epsilon) } }
    const last = state.nextRequest - 1
    const numbered = effects.map((effect) => {
      if (effect.kind !== 'send' || !('request' in effect.message)) return effect
      return { ...effect, message: { ...effect.message, request: effect.message.request === last ? openRequest : 0 } }
    })
    return {
      id: holders.idOf(plainHolder({ ...node, state, needs })),
      sent: numbersOf(numbered, node.self),
      movesOn: last >= openRequest || phase.phase === 'idle' || phase.phase === 'waiting',
    }
  }

  const startedHolder = (self: string, roster: Roster): HolderNode => {
    const start = { ...startHolder<number>(() => 0, { now: 0, wall: 0 }), nextRequest: openRequest }
    const node = { self, state: start, needs: 0 }
    const machine = holderFrom(node)
    machine.step({ kind: 'roster', roster, now: 0, wall: 0 })
    return plainHolder({ ...node, state: machine.state })
  }

  return {
    messages,
    acceptor: (self, roster, epoch) => acceptors.idOf(booted(self, emptyMemory(epoch), 0, roster)),
    holder: (self, roster) => holders.idOf(startedHolder(self, roster)),
    acceptorAct: acceptorActs.idOf,
    holderAct: holderActs.idOf,
    moveAcceptor: memoOfTwo(moveAcceptor),
    moveHolder: memoOfTwo(moveHolder),
    acceptorOf: acceptors.valueOf,
    holderOf: holders.valueOf,
    lasting: memoOfTwo((id: number) => {
      const { disk: _, state, ...node } = acceptors.valueOf(id)
      const leases = state.leases.map(({ accepted, ...kept }) => {
        const isOver =
          accepted === undefined || -kept.acceptedAt >= accepted.ttlMs * (1 + (mutant.acceptorEpsilon ?? epsilon))
        return isOver ? { ...kept, acceptedAt: 0 } : { ...kept, accepted }
      })
      return acceptors.idOf({ ...node, state: { ...state, leases } })
    }),
  }
}

/** An epoch has one roster: it stands for that where nodes are compared. */
function withoutRoster<N extends { readonly state: { readonly roster: Roster | undefined } }>(node: N): unknown {
  return { ...node, state: { ...node.state, roster: node.state.roster?.epoch } }
}
