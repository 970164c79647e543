import type { Roster } from '../roster.ts'
import { type Acceptor, type AcceptorEffect, type AcceptorOptions, createAcceptor } from './acceptor.ts'
import { type AcceptorMemory, bootAcceptor, emptyMemory } from './acceptor-state.ts'
import type { LeaseMessage } from './messages.ts'

export const maxTtlMs = 1000
/** What an acceptor waits before another may have a lease of 1000 ms. */
export const waitMs = 1050

export const rosterOf = (epoch: number, ...ids: string[]): Roster => ({
  epoch,
  voters: ids.map((id) => ({ id, weight: 1 })),
  policy: { kind: 'keep-majority' },
})
export const three: Roster = rosterOf(1, 'v1', 'v2', 'v3')

type Message = LeaseMessage<number>

export const prepare = (ballot: number, more: object = {}): Message => ({
  kind: 'prepare',
  lease: 'round',
  epoch: 1,
  request: 7,
  ballot,
  preVote: false,
  ...more,
})
export const accept = (ballot: number, more: object = {}): Message => ({
  kind: 'accept',
  lease: 'round',
  epoch: 1,
  request: 7,
  token: { epoch: 1, ballot },
  ttlMs: 1000,
  renewal: false,
  ...more,
})
export const release = (ballot: number): Message => ({ kind: 'release', lease: 'round', token: { epoch: 1, ballot } })

/** One acceptor with both clocks in hand; what it persisted last is `memory`. */
export function acceptorAt(
  found: AcceptorMemory | 'nothing' = emptyMemory(1),
  options: Partial<AcceptorOptions> = {},
  roster: Roster = three,
) {
  const memory = found === 'nothing' ? undefined : found
  const reading = { now: 5000, wall: 90_000 }
  const all = { self: 'v1', maxTtlMs, random: () => 0.5, ...options }
  const acceptor: Acceptor<number> = createAcceptor(all, bootAcceptor(memory, reading))
  const at = {
    acceptor,
    memory,
    version: 0,
    isBehind: false,
    effects: [] as AcceptorEffect<number>[],
    /** Time goes by; the wall clock may be told to go otherwise. */
    pass: (ms: number, wallMs = ms) => {
      reading.now += ms
      reading.wall += wallMs
    },
    note: (effects: AcceptorEffect<number>[]) => {
      at.effects = effects
      for (const effect of effects) if (effect.kind === 'persist') at.memory = effect.memory
      return effects
    },
    roster: (next: Roster) => at.note(acceptor.step({ kind: 'roster', roster: next, ...reading })),
    tick: () => at.note(acceptor.step({ kind: 'tick', ...reading })),
    /** The kinds of its effects, a refusal with why. */
    ask: (from: string, message: Message): string => {
      const { version, isBehind } = at
      const effects = at.note(acceptor.step({ kind: 'receive', from, message, version, isBehind, ...reading }))
      return effects
        .map((effect) => {
          if (effect.kind === 'persist') return 'persist'
          return effect.message.kind === 'refused' ? effect.message.why.kind : effect.message.kind
        })
        .join(' ')
    },
    boot: () => acceptorAt(at.memory ?? 'nothing', options, roster),
  }
  at.roster(roster)
  return at
}
