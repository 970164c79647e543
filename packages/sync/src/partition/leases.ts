/**
 * The leases that one replica wants and holds. A lease belongs to a document, and a token is usable here only while the lease is held
 * and the document holds what the voters knew of it.
 */
import { type FencingToken, type RejoinError, rejoinError, type Version } from '@rejoin/state'
import type { DocumentCore } from '../document-core.ts'
import { type Later, rejected } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { Session } from '../session.ts'
import { CountingWrites } from './counting-writes.ts'
import type { Reading } from './lease/clock.ts'
import { createHolder, type HolderEffect, type HolderInput } from './lease/holder.ts'
import { startHolder } from './lease/holder-state.ts'
import { countedDown } from './lease/left-words.ts'
import type { LeaseMessage } from './lease/messages.ts'
import { leaseOptionsFault } from './lease/options.ts'
import { leaseShapes } from './lease-wire.ts'
import type { Neighbours } from './neighbours.ts'
import { readingOf } from './reading.ts'
import type { NodeId, Roster } from './roster.ts'
import { isVoidUnder } from './roster-record.ts'
import { SharedLeases, type Want, type WantedOnce } from './shared-leases.ts'
import { Sweep } from './sweep.ts'
import type { PartitionMessage } from './wire.ts'

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
   * Who holds it otherwise, where the last attempt told, and until when unless it is renewed, Unix milliseconds. `id` is the name of a
   * server; of a client its name, or its id where it has none, as `NAME (client)`, cut after 21 characters.
   */
  readonly holder: { readonly id: NodeId; readonly until: number } | undefined
  /**
   * Settles when a fenced write counts: a quorum of the voters had it on their disks when they renewed the lease, so that whoever
   * holds it next begins with it, also under the rosters that come later. Rejects with RejoinError `lease-lost` when the
   * lease was lost before: then it may have been lost with it, and the next holder may do the same again. Until it settles nothing
   * should be done that cannot be undone. A write that was made before the lease became usable, under an earlier grant, does not count by this
   * one. It takes a round trip to the voters more than to store the write there. A roster that was forced
   * is the word of an operator that what its voters do not have counts no more.
   */
  reached(receipt: Receipt): Later<void>
  /** Settles with the token when the lease is usable; goes on trying for ever. Rejects with `closed` when it is released before. */
  held(): Later<FencingToken>
  /** Calls back with the token when the lease becomes usable, and with why when it is lost. Returns the way to stop. */
  onChange(listener: (event: LeaseChange) => void): () => void
  /** Gives it back, or wants it no longer. Idempotent. Who else wants the same lease at this replica keeps it. */
  release(): void
}

/** What became of a lease. */
export type LeaseChange =
  | { readonly kind: 'usable'; readonly token: FencingToken }
  | { readonly kind: 'lost'; readonly reason: string }

/** How a lease is asked for. */
export interface LeaseRequestOptions {
  /**
   * How long it lasts without a renewal, milliseconds: `maxTtlMs` of the partition layer at most, and that by default. Where the lease is
   * wanted at this replica already, that of whoever wanted it first counts.
   */
  readonly ttlMs?: number
}

/** What the leases of a replica stand on. @internal */
export interface LeaseGround {
  readonly core: ReplicaCore
  readonly self: NodeId
  readonly neighbours: Neighbours
  readonly maxTtlMs: number
  /** Whether a voter answers over its connection, which may be dead without having noticed. */
  readonly isHeard: (voter: NodeId) => boolean
  /** Settles when a quorum has a change of a document on their disks. */
  readonly stored: (document: DocumentCore, receipt: Receipt) => Later<void>
  readonly roster: () => Roster | undefined
  /** The way to its own votes; undefined at who never votes. */
  readonly votes: { ask(document: string, message: LeaseMessage<Version>): void } | undefined
}

/** The leases of one replica, wherever they come from. What is optional is for those that voters grant. @internal */
export interface LeaseDesk {
  /** Wants a lease of a document of that name, which stays open until the lease is given back. */
  open(document: string, name: string, options: LeaseRequestOptions): Later<Lease>
  /** This replica did not run: what it held is void. */
  paused(): void
  /** A document goes out of memory, whoever uses it: what is wanted of it is given back. */
  dropped(document: string): void
  /** Gives back all that it holds, so that nobody waits for it to end. */
  close(): void
  readonly wakeAt?: number | undefined
  tick?(): void
  roster?(roster: Roster): void
  /** What voters answered to a question of a lease that is wanted here; the rest is left aside. */
  answered?(document: string, from: NodeId, message: LeaseMessage<Version>): void
  /** The same from a connection, itself or of another voter. */
  told?(session: Session, from: NodeId, told: PartitionMessage): void
}

/** Where leases come from, for `leases` of `PartitionOptions`: `votedLeases`, or `leasesFrom(...)`. */
export type LeaseSource = (ground: LeaseGround) => LeaseDesk

type Step = (input: HolderInput<Version>) => void

class LeaseTable implements LeaseDesk {
  readonly #ground: LeaseGround
  /** By document. */
  readonly #steps = new Map<string, Set<Step>>()
  #count = 0
  readonly #sweep = new Sweep()
  readonly #shared: SharedLeases
  /** By this its voters know it, and nobody else has it. */
  readonly #key: string

  constructor(ground: LeaseGround) {
    this.#ground = ground
    ground.neighbours.wire.learn(leaseShapes)
    this.#shared = new SharedLeases(ground.core)
    this.#key = ground.core.newId()
  }

  get wakeAt(): number | undefined {
    // A holder without voters can do nothing, however often it is woken.
    return this.#count === 0 || this.#ground.roster() === undefined ? undefined : this.#sweep.wakeAt
  }

  tick(): void {
    const reading = this.#reading()
    // Also while none is due: each reads both clocks by and by.
    if (this.#sweep.begin(this.#count, reading.now)) this.#stepAll({ kind: 'tick', ...reading })
  }

  roster(roster: Roster): void {
    this.#stepAll({ kind: 'roster', roster, ...this.#reading() })
  }

  paused(): void {
    this.#stepAll({ kind: 'paused', ...this.#reading() })
  }

  dropped(document: string): void {
    this.#shared.dropped(document)
  }

  close(): void {
    this.#shared.close()
  }

  #stepAll(input: HolderInput<Version>): void {
    for (const steps of this.#steps.values()) for (const step of steps) step(input)
  }

  answered(document: string, from: NodeId, message: LeaseMessage<Version>): void {
    for (const step of this.#steps.get(document) ?? []) step({ kind: 'receive', from, message, ...this.#reading() })
  }

  told(session: Session, from: NodeId, told: PartitionMessage): void {
    if (told.kind === 'lease') this.answered(told.document, from, told.message)
    // Whoever votes is asked so, and asks others itself.
    if (told.kind === 'ask' && this.#ground.votes === undefined && session.isServer)
      this.answered(told.document, told.voter, told.message)
  }

  #send(to: NodeId, document: string, message: LeaseMessage<Version>): void {
    const { core, self, neighbours, isHeard, votes } = this.#ground
    // To itself by the same way as to others: later, and one at a time.
    if (to === self) {
      core.soon(() => votes?.ask(document, message))
      return
    }
    neighbours.send(to, { kind: 'lease', document, key: this.#key, message })
    // Its servers pass it on.
    if (votes === undefined && !isHeard(to)) {
      const others = neighbours.servers.filter((id) => id !== to)
      neighbours.sendAll(others, { kind: 'ask', voter: to, document, key: this.#key, message })
    }
  }

  open(document: string, name: string, options: LeaseRequestOptions): Later<Lease> {
    return this.#shared.open(document, name, (opened, told) => this.#want(opened, name, options, told))
  }

  #want(document: DocumentCore, name: string, { ttlMs }: LeaseRequestOptions, tell: Parameters<Want>[1]): WantedOnce {
    const { core, maxTtlMs, roster } = this.#ground
    const random = (): number => core.random.float()
    const options = { lease: name, ttlMs: ttlMs ?? maxTtlMs, maxTtlMs, random }
    const fault = leaseOptionsFault(options)
    if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
    const holder = createHolder<Version>(options, startHolder(random, this.#reading()))
    let denial: { readonly reason: string; readonly at: number } | undefined
    let other: Lease['holder']
    let toCover: { readonly token: FencingToken; readonly versions: readonly Version[] } | undefined

    const current = (): FencingToken | undefined => {
      const known = roster()
      const granted = holder.state.roster
      // It is in force once it is on the disk, and counts from when it is heard.
      const isVoid = known !== undefined && granted !== undefined && isVoidUnder(granted, known)
      return isVoid ? undefined : holder.usableToken(this.#reading())
    }
    const denied = (reason: string): void => {
      denial = { reason, at: core.clock.now() }
    }
    const why = (): string | undefined => denial && countedDown(denial.reason, core.clock.now() - denial.at)
    const stale = (): RejoinError =>
      rejoinError('lease-lost', {
        ...(denial === undefined
          ? {}
          : { reason: `The lease ${name} ended before a quorum was known to have it. ${why()}` }),
        details: { lease: name },
      })
    const writes = new CountingWrites({
      core,
      roster,
      isAsking: () => (holder.state.phase as { readonly question?: unknown }).question !== undefined,
      renew: () => step({ kind: 'renew', ...this.#reading() }),
    })
    const reached = (receipt: Receipt): Later<void> =>
      current() === undefined ? rejected(stale()) : writes.wait(receipt, this.#ground.stored(document, receipt))
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
          other = undefined
          tell({ kind: 'usable', token: effect.token })
          break
        case 'lost':
          toCover = undefined
          denied(effect.reason)
          tell({ kind: 'lost', reason: effect.reason })
          writes.fail(stale)
          break
        case 'denied':
          denied(effect.reason)
          other =
            effect.holder === undefined
              ? undefined
              : { id: effect.holder, until: core.clock.now() + (effect.forMs ?? 0) }
          break
        case 'vote':
          writes.voted(effect.by, effect.version)
          break
        case 'renewed':
          core.soon(() => writes.renew())
          break
      }
    }
    const isPast = ({ until }: { readonly until: number }): boolean => core.clock.now() >= until
    const step: Step = (input) => {
      for (const effect of holder.step(input)) carryOut(effect)
      this.#sweep.wants(holder)
    }
    const cover = (): void => {
      if (toCover === undefined || !toCover.versions.every((version) => document.store.version.covers(version))) return
      const { token } = toCover
      toCover = undefined
      step({ kind: 'covered', token, ...this.#reading() })
    }
    const changed = (): void => core.soon(cover)
    const outdone = (by: FencingToken): void => {
      if (by.lease === name) core.batch(() => step({ kind: 'outdone', by, ...this.#reading() }))
    }
    const release = (): void => {
      steps.delete(step)
      if (steps.size === 0) this.#steps.delete(document.name)
      this.#count -= 1
      document.listeners.delete(changed)
      document.outdoneListeners.delete(outdone)
      core.batch(() => step({ kind: 'release', ...this.#reading() }))
    }
    const steps = this.#steps.get(document.name) ?? new Set()
    this.#steps.set(document.name, steps.add(step))
    this.#count += 1
    document.listeners.add(changed)
    document.outdoneListeners.add(outdone)
    core.batch(() => {
      const known = roster()
      if (known !== undefined) step({ kind: 'roster', roster: known, ...this.#reading() })
      step({ kind: 'acquire', ...this.#reading() })
    })

    return {
      name,
      get token(): FencingToken | undefined {
        return current()
      },
      get denial(): string | undefined {
        if (other !== undefined && isPast(other))
          return `${denial?.reason} That is over meanwhile, and it is asked for again.`
        return why() ?? (roster() === undefined ? noVoters : undefined)
      },
      get holder(): Lease['holder'] {
        return other !== undefined && isPast(other) ? undefined : other
      },
      reached,
      look: () => core.batch(() => step({ kind: 'tick', ...this.#reading() })),
      release,
    }
  }

  #reading(): Reading {
    return readingOf(this.#ground.core)
  }
}

const noVoters = 'No voters are known here: no server was reached yet.'

/** Leases that the voters grant: who wants one has to reach a quorum of them, itself or through its servers. */
export const votedLeases: LeaseSource = (ground) => new LeaseTable(ground)
