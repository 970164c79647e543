import type { FencingToken } from '@rejoin/state'
import type { LeaseSubject } from '../../contracts/lease-contract.ts'
import { createAcceptor } from './acceptor.ts'
import { bootAcceptor, emptyMemory } from './acceptor-state.ts'
import type { LeaseBackend, LeaseOutcome } from './backend.ts'
import { createHolder, type HolderEffect, type HolderInput } from './holder.ts'
import { startHolder } from './holder-state.ts'
import { three } from './lease.test-helper.ts'
import type { LeaseMessage } from './messages.ts'

type Message = LeaseMessage<number>

/** Three voters and any replicas in memory; messages take no time, which goes by when told to. */
export function voterLeases(): LeaseSubject {
  const ttlMs = 1000
  const reading = { now: 0, wall: 50_000 }
  const queue: (() => void)[] = []
  const cutOff = new Set<string>()
  let seed = 1
  const random = (): number => {
    seed = (seed * 16_807) % 2_147_483_647
    return seed / 2_147_483_647
  }
  const receivers: { readonly id: string; readonly hear: (from: string, message: Message) => void }[] = []
  const ticks: (() => void)[] = []
  const send = (from: string, to: string, message: Message): void => {
    queue.push(() => {
      if (cutOff.has(from) || cutOff.has(to)) return
      // A replica hands what it hears to the holders of all its leases: the request tells whose it is.
      for (const { id, hear } of receivers) if (id === to) hear(from, message)
    })
  }
  const settle = (): void => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) next()
  }

  for (const { id } of three.voters) {
    const options = { self: id, maxTtlMs: ttlMs, random }
    const acceptor = createAcceptor<number>(options, bootAcceptor(emptyMemory(1), reading))
    acceptor.step({ kind: 'roster', roster: three, ...reading })
    const hear = (from: string, message: Message): void => {
      for (const effect of acceptor.step({ kind: 'receive', from, message, version: 0, ...reading }))
        if (effect.kind === 'send') send(id, effect.to, effect.message)
    }
    receivers.push({ id, hear })
  }

  const open = (replica: string): LeaseBackend => {
    const byLease = new Map<string, ReturnType<typeof leaseOf>>()
    const leaseOf = (lease: string) => {
      const options = { lease, ttlMs, maxTtlMs: ttlMs, random }
      const holder = createHolder<number>(options, startHolder(random, reading))
      const watchers = new Set<(token: FencingToken | undefined) => void>()
      let done: ((outcome: LeaseOutcome) => void) | undefined
      const conclude = (outcome: LeaseOutcome): void => {
        const conclude = done
        done = undefined
        conclude?.(outcome)
      }
      const granted = (token: FencingToken): LeaseOutcome => {
        const { phase, clock } = holder.state
        return { kind: 'granted', token, validMs: phase.phase === 'held' ? phase.until - clock.elapsed : 0 }
      }
      const carryOut = (effect: HolderEffect<number>): void => {
        if (effect.kind === 'send') send(replica, effect.to, effect.message)
        if (effect.kind === 'acquired') step({ kind: 'covered', token: effect.token, ...reading })
        if (effect.kind === 'usable') for (const watcher of watchers) watcher(effect.token)
        if (effect.kind === 'usable' || effect.kind === 'renewed') conclude(granted(effect.token))
        if (effect.kind === 'lost') for (const watcher of watchers) watcher(undefined)
        if (effect.kind === 'lost' || effect.kind === 'denied')
          conclude({ kind: 'refused', because: 'taken', reason: effect.reason })
        if (effect.kind === 'denied') step({ kind: 'release', ...reading })
      }
      const step = (input: HolderInput<number>): void => {
        for (const effect of holder.step(input)) carryOut(effect)
      }
      const outcomeOf = (input: HolderInput<number>): Promise<LeaseOutcome> =>
        new Promise((resolve) => {
          done = resolve
          step(input)
          settle()
        })
      step({ kind: 'roster', roster: three, ...reading })
      receivers.push({ id: replica, hear: (from, message) => step({ kind: 'receive', from, message, ...reading }) })
      ticks.push(() => step({ kind: 'tick', ...reading }))
      return { holder, watchers, step, outcomeOf }
    }
    const at = (lease: string) => {
      const known = byLease.get(lease) ?? leaseOf(lease)
      byLease.set(lease, known)
      return known
    }
    const holds = ({ lease, epoch, ballot }: FencingToken): boolean => {
      const token = at(lease).holder.usableToken(reading)
      return token?.epoch === epoch && token.ballot === ballot
    }
    return {
      acquire: (lease) => at(lease).outcomeOf({ kind: 'acquire', ...reading }),
      renew: async (token) => {
        if (!holds(token)) return { kind: 'refused', because: 'taken', reason: 'It is not held here.' }
        return at(token.lease).outcomeOf({ kind: 'renew', ...reading })
      },
      release: async (token) => {
        if (holds(token)) at(token.lease).step({ kind: 'release', ...reading })
        settle()
      },
      watch: (lease, listener) => {
        const { watchers } = at(lease)
        watchers.add(listener)
        return () => watchers.delete(listener)
      },
    }
  }

  return {
    open,
    ttlMs,
    leavesWord: false,
    cut: (replica) => void cutOff.add(replica),
    pass: async (ms) => {
      const end = reading.now + ms
      while (reading.now < end) {
        const byMs = Math.min(20, end - reading.now)
        reading.now += byMs
        reading.wall += byMs
        for (const tick of ticks) tick()
        settle()
      }
    },
    dispose: () => {},
  }
}
