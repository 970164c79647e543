/**
 * The leases of one replica: the votes that it gives as a voter, and those that it holds itself. A lease belongs to a document.
 *
 * Invariants
 * 1. What an acceptor promised is on the disk before the answer is on its way.
 * 2. Whoever may not write a document is given no vote about its leases.
 * 3. A token is usable here only while the lease is held and the document holds what the voters knew of it.
 */
import { type FencingToken, rejoinError, type Version } from '@rejoin/state'
import type { DocumentCore } from '../document-core.ts'
import { deferred, type Later } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import { listen } from '../listeners.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { StoredRow } from '../seams.ts'
import type { Session } from '../session.ts'
import { DurableLine } from './durable-line.ts'
import { putJson, readJson } from './json-row.ts'
import { type Acceptor, type AcceptorEffect, type AcceptorInput, createAcceptor } from './lease/acceptor.ts'
import { type AcceptorMemory, bootAcceptor, emptyMemory } from './lease/acceptor-state.ts'
import type { Reading } from './lease/clock.ts'
import { createHolder, type Holder, type HolderEffect, type HolderInput } from './lease/holder.ts'
import { startHolder } from './lease/holder-state.ts'
import type { LeaseMessage } from './lease/messages.ts'
import { leaseOptionsFault } from './lease/options.ts'
import { type Neighbours, nodeIdOf } from './neighbours.ts'
import type { NodeId, Roster } from './roster.ts'

/** A lease that this replica wants, and holds while it may. */
export interface Lease {
  readonly document: string
  readonly name: string
  /**
   * The token, while it may be used: for `change(write, { token })` and for outside resources. To be asked right before each use;
   * undefined while the lease is not held, or the document here lacks something that the voters knew of.
   */
  readonly token: FencingToken | undefined
  /** Why the last attempt failed, in words; undefined while it is held. */
  readonly denial: string | undefined
  /**
   * Settles when a fenced write counts: a quorum of the voters had it on their disks while the lease was held, so that whoever
   * holds it next begins with it. Rejects with RejoinError `fencing-token-stale` when the lease was lost before: then it may have been
   * lost with it, and the next holder may do the same again. Until it settles nothing should be done that cannot be undone.
   * It speaks of the voters of one roster: a change of the roster is to be made once all have what was written before it.
   */
  reached(receipt: Receipt): Later<void>
  /** Settles with the token when the lease is usable; goes on trying for ever. Rejects with `closed` when it is released before. */
  held(): Later<FencingToken>
  /** Calls back with the token when the lease becomes usable, and with why when it is lost. Returns the way to stop. */
  onChange(listener: (event: LeaseChange) => void): () => void
  /** Gives it back, or wants it no longer. Idempotent. */
  release(): void
}

/** What became of a lease. */
export type LeaseChange =
  | { readonly kind: 'usable'; readonly token: FencingToken }
  | { readonly kind: 'lost'; readonly reason: string }

/** How a lease is asked for. */
export interface LeaseRequestOptions {
  /** How long it lasts without a renewal, milliseconds: `maxTtlMs` of the partition layer at most, and that by default. */
  readonly ttlMs?: number
}

/** What the leases of a replica stand on. */
export interface LeaseGround {
  readonly core: ReplicaCore
  readonly self: NodeId
  readonly neighbours: Neighbours
  readonly maxTtlMs: number
  /** Settles when a quorum has a change of a document on their disks. */
  readonly stored: (document: DocumentCore, receipt: Receipt) => Later<void>
  readonly standing: () => Standing | undefined
}

/** Where this replica stands as a voter. */
interface Standing {
  /** The one in force. */
  readonly roster: Roster
  readonly mayVote: boolean
  /** Whether its disk has all that it ever promised. */
  readonly isDiskWhole: boolean
  /** For how long no lease may be granted yet, milliseconds: what voters of an earlier roster granted may last until then. */
  readonly holdMs: number
}

const prefix = 'p/l/'

interface HeldLease {
  readonly holder: Holder<Version>
  readonly document: DocumentCore
  readonly step: (input: HolderInput<Version>) => void
}

export class LeaseTable {
  readonly #ground: LeaseGround
  /** By document; undefined where the record was damaged. */
  readonly #memories = new Map<string, AcceptorMemory | undefined>()
  readonly #acceptors = new Map<string, Acceptor<Version>>()
  /** Invariant 1, by document. */
  readonly #lines = new Map<string, DurableLine<AcceptorEffect<Version>>>()
  readonly #held = new Set<HeldLease>()

  constructor(ground: LeaseGround) {
    this.#ground = ground
  }

  /** Takes up what is on the disk. */
  read(rows: readonly StoredRow[]): void {
    for (const { key, bytes } of rows) {
      if (!key.startsWith(prefix)) continue
      // A damaged record is a lost one: the acceptor has to be taught.
      this.#memories.set(key.slice(prefix.length), readJson(bytes) as AcceptorMemory | undefined)
    }
  }

  get wakeAt(): number | undefined {
    // A holder without voters can do nothing, however often it is woken.
    const holders = this.#ground.standing() === undefined ? [] : [...this.#held].map(({ holder }) => holder)
    const wakes = [...this.#acceptors.values(), ...holders].flatMap(({ wakeAt }) => wakeAt ?? [])
    return wakes.length === 0 ? undefined : Math.min(...wakes)
  }

  tick(): void {
    const reading = this.#reading()
    for (const [document, acceptor] of this.#acceptors)
      this.#carryOut(document, acceptor.step({ kind: 'tick', ...reading }))
    for (const { step } of this.#held) step({ kind: 'tick', ...reading })
  }

  roster(roster: Roster): void {
    const reading = this.#reading()
    for (const [document, acceptor] of this.#acceptors)
      this.#carryOut(document, acceptor.step({ kind: 'roster', roster, ...reading }))
    for (const { step } of this.#held) step({ kind: 'roster', roster, ...reading })
  }

  /** This replica did not run: what it held is void. */
  paused(): void {
    for (const { step } of this.#held) step({ kind: 'paused', ...this.#reading() })
  }

  receive(session: Session, document: string, message: LeaseMessage<Version>): void {
    const from = nodeIdOf(session)
    if (isAnswer(message)) {
      this.#answered(document, from, message)
      return
    }
    // Invariant 2. Voters learn from each other what they promised, whoever may write.
    const isVoter = this.#ground.standing()?.roster.voters.some(({ id }) => id === from) === true
    if (session.streams.get(document)?.rights.isWriter !== true && !(message.kind === 'learn' && isVoter)) return
    this.#ask(document, from, message)
  }

  /** `released` is called once, when it is given back. */
  want(document: DocumentCore, name: string, { ttlMs }: LeaseRequestOptions, released: () => void): Lease {
    const { core, maxTtlMs } = this.#ground
    const random = (): number => core.random.float()
    const options = { lease: name, ttlMs: ttlMs ?? maxTtlMs, maxTtlMs, random }
    const fault = leaseOptionsFault(options)
    if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
    const holder = createHolder<Version>(options, startHolder(random, this.#reading()))
    const listeners = new Set<(event: LeaseChange) => void>()
    let waiting = deferred<FencingToken>()
    let denial: string | undefined
    let toCover: { readonly token: FencingToken; readonly versions: readonly Version[] } | undefined
    let isUsable = false
    let isReleased = false

    const current = (): FencingToken | undefined => holder.usableToken(this.#reading())
    const reached = (receipt: Receipt): Later<void> => {
      const token = current()
      const pair = deferred<void>()
      const stale = (): void => pair.reject(rejoinError('fencing-token-stale', { details: { lease: name } }))
      if (token === undefined) stale()
      const stop = listen(listeners, ({ kind }) => {
        if (kind === 'lost') stale()
      })
      this.#ground.stored(document, receipt).then(() => {
        // Of this very grant: what was stored under an earlier one was not waited for by the next holder.
        const now = current()
        if (now?.ballot === token?.ballot && now?.epoch === token?.epoch) pair.resolve(undefined)
        else stale()
      }, pair.reject)
      pair.later.then(stop, stop)
      return pair.later
    }
    const carryOut = (effect: HolderEffect<Version>): void => {
      switch (effect.kind) {
        case 'send':
          this.#send(effect.to, document.name, effect.message)
          break
        case 'acquired':
          toCover = effect
          core.soon(cover)
          break
        case 'usable':
          denial = undefined
          isUsable = true
          waiting.resolve(effect.token)
          core.tell(listeners, { kind: 'usable', token: effect.token })
          break
        case 'lost':
          toCover = undefined
          denial = effect.reason
          // Whoever waits since before it was usable goes on waiting.
          if (isUsable) waiting = deferred()
          isUsable = false
          core.tell(listeners, { kind: 'lost', reason: effect.reason })
          break
        case 'denied':
          denial = effect.reason
          break
        case 'renewed':
          break
      }
    }
    const step = (input: HolderInput<Version>): void => {
      for (const effect of holder.step(input)) carryOut(effect)
    }
    const cover = (): void => {
      if (toCover === undefined || !toCover.versions.every((version) => document.store.version.covers(version))) return
      const { token } = toCover
      toCover = undefined
      step({ kind: 'covered', token, ...this.#reading() })
    }
    const changed = (): void => core.soon(cover)
    const held: HeldLease = { holder, document, step }
    this.#held.add(held)
    document.listeners.add(changed)
    core.batch(() => {
      const roster = this.#ground.standing()?.roster
      if (roster !== undefined) step({ kind: 'roster', roster, ...this.#reading() })
      step({ kind: 'acquire', ...this.#reading() })
    })

    return {
      document: document.name,
      name,
      get token(): FencingToken | undefined {
        return held.holder.usableToken(readingOf(core))
      },
      get denial(): string | undefined {
        return denial
      },
      reached,
      held: () => waiting.later,
      onChange: (listener) => listen(listeners, listener),
      release: () => {
        if (isReleased) return
        isReleased = true
        document.listeners.delete(changed)
        this.#held.delete(held)
        core.batch(() => step({ kind: 'release', ...this.#reading() }))
        waiting.reject(rejoinError('closed', { reason: `The lease ${name} was released.` }))
        released()
      },
    }
  }

  #reading(): Reading {
    return readingOf(this.#ground.core)
  }

  #send(to: NodeId, document: string, message: LeaseMessage<Version>): void {
    const { core, self, neighbours } = this.#ground
    if (to !== self) {
      neighbours.send(to, { kind: 'lease', document, message })
      return
    }
    // To itself by the same way as to others: later, and one at a time.
    core.soon(() => {
      if (isAnswer(message)) this.#answered(document, self, message)
      else this.#ask(document, self, message)
    })
  }

  #answered(document: string, from: NodeId, message: LeaseMessage<Version>): void {
    const reading = this.#reading()
    for (const { document: of, step } of this.#held)
      if (of.name === document) step({ kind: 'receive', from, message, ...reading })
    const acceptor = this.#acceptors.get(document)
    if (acceptor !== undefined) this.#vote(document, acceptor, { kind: 'receive', from, message })
  }

  #ask(document: string, from: NodeId, message: LeaseMessage<Version>): void {
    const { core } = this.#ground
    if (!this.#mayVote()) return
    // The answer says what the document here holds: it has to be read for that.
    core.shelf.acquire(document).then(
      () => {
        const standing = this.#ground.standing()
        if (standing !== undefined && this.#mayVote())
          core.batch(() => this.#vote(document, this.#acceptor(document, standing), { kind: 'receive', from, message }))
        core.shelf.release(document)
      },
      () => undefined,
    )
  }

  #mayVote(): boolean {
    const standing = this.#ground.standing()
    return standing?.mayVote === true && standing.roster.voters.some(({ id }) => id === this.#ground.self)
  }

  #acceptor(document: string, { roster, isDiskWhole, holdMs }: Standing): Acceptor<Version> {
    const known = this.#acceptors.get(document)
    if (known !== undefined) return known
    const { core, self, maxTtlMs } = this.#ground
    const memory =
      this.#memories.get(document) ??
      (isDiskWhole && !this.#memories.has(document) ? freshMemory(roster, holdMs) : undefined)
    const options = { self, maxTtlMs, random: () => core.random.float() }
    const acceptor = createAcceptor<Version>(options, bootAcceptor(memory, this.#reading()))
    this.#acceptors.set(document, acceptor)
    this.#carryOut(document, acceptor.step({ kind: 'roster', roster, ...this.#reading() }))
    return acceptor
  }

  #vote(
    document: string,
    acceptor: Acceptor<Version>,
    input: Omit<Extract<AcceptorInput<Version>, { kind: 'receive' }>, 'version' | keyof Reading>,
  ): void {
    const held = this.#ground.core.shelf.cores().find(({ name }) => name === document)
    // Of a document that could not be read nobody knows what this disk holds.
    if (held === undefined || this.#ground.core.shelf.needsReading(document)) return
    this.#carryOut(document, acceptor.step({ ...input, version: held.durable, ...this.#reading() }))
  }

  #carryOut(document: string, effects: readonly AcceptorEffect<Version>[]): void {
    let line = this.#lines.get(document)
    if (line === undefined) {
      line = new DurableLine(
        this.#ground.core,
        (effect) => (effect.kind === 'persist' ? putJson(prefix + document, effect.memory) : undefined),
        (effect) => {
          if (effect.kind === 'send') this.#send(effect.to, document, effect.message)
        },
      )
      this.#lines.set(document, line)
    }
    line.push(effects)
  }
}

/** Of a voter that was never asked about a document. Under a first roster nobody granted anything before. */
function freshMemory({ epoch }: Roster, holdMs: number): AcceptorMemory {
  return { ...emptyMemory(epoch), newRosterMs: epoch > 1 ? holdMs : 0 }
}

function readingOf(core: ReplicaCore): Reading {
  return { now: core.clock.monotonic(), wall: core.clock.now() }
}

function isAnswer({ kind }: LeaseMessage<Version>): boolean {
  return kind === 'promised' || kind === 'learnt' || kind === 'accepted' || kind === 'refused'
}
