import type { AcceptorMemory, AcceptorState, HolderState, LeaseQuestion } from '@rejoin/sync/partition'

/** An acceptor with its disk. */
export interface AcceptorNode {
  readonly self: string
  readonly state: AcceptorState
  readonly disk?: AcceptorMemory
  readonly boots: number
}

/** A holder, and the rounds that the voters of its grant knew. */
export interface HolderNode {
  readonly self: string
  readonly state: HolderState<number>
  readonly needs: number
}

/** What the open question of a holder bears. The others bear 0: only whether an answer is to the open one makes a difference. */
export const openRequest = 1
/** Milliseconds. */
export const ttlMs = 1200
export const epsilon = 0.05

/** The same state with the clocks at 0, and everything long past as long past as the other. */
export function plainAcceptor(node: AcceptorNode): AcceptorNode {
  const { state, ...rest } = node
  const { elapsed } = state.clock
  const since = (at: number): number => round(Math.max(at - elapsed, 0))
  const { recovery } = state
  return {
    ...rest,
    state: {
      ...state,
      clock: { now: 0, wall: 0, elapsed: 0 },
      newRosterUntil: since(state.newRosterUntil),
      recovery:
        recovery === undefined
          ? undefined
          : { ...recovery, until: since(recovery.until), askAt: since(recovery.askAt) },
      leases: state.leases.map((kept) => ({
        ...kept,
        acceptedAt: kept.accepted === undefined ? 0 : round(Math.max(kept.acceptedAt - elapsed, -2 * ttlMs)),
      })),
    },
  }
}

export function plainHolder(node: HolderNode): HolderNode {
  const { state, ...rest } = node
  const { elapsed } = state.clock
  const { phase } = state
  const since = (at: number): number => round(Math.max(at - elapsed, 0))
  const asked = (question: LeaseQuestion<number>): LeaseQuestion<number> => ({
    ...question,
    request: openRequest,
    sentAt: round(question.sentAt - elapsed),
    until: since(question.until),
    // Who answered first, and in which words, makes no difference.
    granted: [...question.granted].sort(),
    refused: question.refused
      .map(({ by }) => ({ by, why: { kind: 'outbid' as const } }))
      .sort((a, b) => (a.by < b.by ? -1 : 1)),
    versions: question.versions.length === 0 ? [] : [Math.max(...question.versions)],
  })
  const plain = (): typeof phase => {
    switch (phase.phase) {
      case 'idle':
        return phase
      case 'waiting':
        return { ...phase, at: since(phase.at) }
      case 'asking':
        return { ...phase, question: asked(phase.question) }
      case 'held': {
        const { question, ...held } = phase
        const moved = { ...held, since: openRequest, until: since(held.until), renewAt: since(held.renewAt) }
        return question === undefined ? moved : { ...moved, question: asked(question) }
      }
    }
  }
  return {
    ...rest,
    state: { ...state, clock: { now: 0, wall: 0, elapsed: 0 }, nextRequest: openRequest, failures: 0, phase: plain() },
  }
}

/** Sums of fractions that differ in their last digit are one instant. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000 + 0
}
