/**
 * Joins from below the floor on one stream (`join/`), both ways.
 *
 * Who finds that the other side is below its floor sends `below` and then nothing, until it hears back. The other side
 * sends what it has to tell, and then `join` with what it has; so the answer is made by one that has merged all of that,
 * and the sketch is about nothing but what is gone. The answer comes as a transfer. The other side asks for more symbols,
 * for the whole state (`need`), or for no more, and only then the stream goes on.
 */
import { type Bundle, type Hash64, hasCrossed, isBelowFloor, Version } from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import { decodeJoin, decodeJoinSymbols, type JoinRequest, joinLimits, transferKind } from './join/join-codec.ts'
import { type Joined, JoinReceiver } from './join/join-receiver.ts'
import { JoinSender } from './join/join-sender.ts'
import type { StreamHost } from './stream-host.ts'
import type { StreamVersions } from './stream-versions.ts'

/** The answering side. */
export class JoinAnswers {
  readonly #host: StreamHost
  readonly #core: DocumentCore
  #state: 'none' | 'invited' | 'answered' = 'none'
  #answer: JoinSender | undefined
  /** What the other side will have by the answer. */
  #version: Version = Version.empty
  #invitations = 0

  constructor(host: StreamHost, core: DocumentCore) {
    this.#host = host
    this.#core = core
  }

  /** Whether it is for the other side to go on. */
  get isWaiting(): boolean {
    return this.#state !== 'none'
  }

  /** Whether a question is awaited. */
  get isInvited(): boolean {
    return this.#state === 'invited'
  }

  /** Invites the other side, which is at `version`, where it is below the floor and a sketch may be worth it. */
  invite(handle: number, version: Version): boolean {
    const { store } = this.#core
    const { hub } = this.#host
    const { liveItems } = store.stats
    const isOffered = this.#host.joinsBySketch && hub.rules.bundlesAreWhole && version.size > 0
    if (!isOffered || !hasCrossed(store, version) || !isBelowFloor(store, version) || liveItems < hub.limits.joinItems)
      return false
    if (this.#invitations >= joinLimits.invitations || hub.sketchItems + liveItems > hub.limits.sketchItems)
      return false
    this.#invitations += 1
    this.#state = 'invited'
    this.#host.send({ kind: 'below', handle })
    return true
  }

  /** Answers a request, with `known` held by the other side; undefined where the whole state is the better answer. */
  answer(request: JoinRequest, known: Version | undefined): JoinSender | undefined {
    const { hub } = this.#host
    this.end()
    const answer = JoinSender.answer(this.#core.store, request, hub.limits.joinShare, known, this.#host.packs)
    if (answer === undefined || hub.sketchItems + answer.items > hub.limits.sketchItems) return undefined
    hub.sketchItems += answer.items
    this.#answer = answer
    return answer
  }

  /** The answer was sent, by which the other side will have `version`. */
  answered(version: Version): void {
    this.#version = version
    this.#state = 'answered'
  }

  /** The other side has what it needs: what it has by that. Undefined if nothing was answered. */
  done(): Version | undefined {
    const version = this.#state === 'answered' ? this.#version : undefined
    if (version !== undefined) this.end()
    return version
  }

  /** More symbols in bytes; undefined where the whole state is the better answer. */
  more(from: number, count: number): Uint8Array | undefined {
    return this.#state === 'answered' ? this.#answer?.more(from, count) : undefined
  }

  /** Forgets all that was begun. */
  end(): void {
    this.#host.hub.sketchItems -= this.#answer?.items ?? 0
    this.#answer = undefined
    this.#state = 'none'
  }
}

/** Questions that one stream asks, and answers that it takes in: each costs a pass over the own state. */
const mostPasses = 8

/** The asking side. */
export class JoinQuestions {
  /** Whether the other side waits for a question. */
  isOwed = false
  readonly #host: StreamHost
  readonly #core: DocumentCore
  readonly #receiver = new JoinReceiver()
  readonly #versions: StreamVersions
  #questions = 0
  #answers = 0
  #bytes = 0

  constructor(host: StreamHost, core: DocumentCore, versions: StreamVersions) {
    this.#host = host
    this.#core = core
    this.#versions = versions
  }

  /** The other side invites to ask; `isWanted`: unless its whole state is on its way anyhow. */
  invited(isWanted: boolean): void {
    this.#questions += 1
    if (this.#questions > mostPasses) this.#fail('too many joins')
    this.isOwed = isWanted
  }

  /** Bytes that came in answer to the last question. */
  get bytes(): number {
    return this.#bytes
  }

  ask(handle: number): void {
    this.isOwed = false
    this.#bytes = 0
    const { version, ...question } = this.#receiver.ask(this.#core.store, saltOf(this.#host.hub.newId()))
    this.#versions.send({ kind: 'join', handle, version, question })
  }

  /** Takes in a transfer that is part of a join, and says the next word. Returns the whole state when there it is. */
  received(bytes: Uint8Array, handle: number): Bundle | undefined {
    this.#bytes += bytes.length
    const joined = this.#join(bytes)
    const { hub } = this.#host
    if (joined === undefined) return undefined
    switch (joined.kind) {
      case 'whole':
        this.#host.send({ kind: 'more', handle, from: 0, count: 0 })
        return joined.bundle
      case 'more':
        hub.metrics.joinsContinued += 1
        this.#host.send({ kind: 'more', handle, from: joined.from, count: joined.count })
        return undefined
      case 'stale':
        hub.metrics.needs += 1
        this.#versions.send({ kind: 'need', handle, version: this.#core.store.version, full: false })
        return undefined
      case 'failed':
        hub.metrics.joinsFailed += 1
        hub.log('info', 'join-failed', { document: this.#core.name, reason: joined.reason })
        this.#versions.send({ kind: 'need', handle, version: Version.empty, full: true })
        return undefined
    }
  }

  /** Forgets what was asked. */
  reset(): void {
    this.isOwed = false
    this.#receiver.reset()
  }

  #join(bytes: Uint8Array): Joined | undefined {
    if (transferKind(bytes) === 'symbols') {
      const symbols = decodeJoinSymbols(bytes)
      return symbols.ok ? this.#receiver.more(symbols.value) : this.#fail(symbols.error.message)
    }
    this.#answers += 1
    if (this.#answers > mostPasses) return this.#fail('too many joins')
    const join = decodeJoin(bytes, this.#versions.lookup)
    if (join.ok) return this.#receiver.take(join.value, this.#core.store)
    // Begun on an earlier connection, by a version that both held then.
    return join.error.kind === 'unknown-base' ? { kind: 'stale' } : this.#fail(join.error.message)
  }

  #fail(reason: string): undefined {
    this.#host.fail('protocol-error', reason)
  }
}

function saltOf(hex: string): Hash64 {
  return { hi: Number.parseInt(hex.slice(0, 8), 16), lo: Number.parseInt(hex.slice(8), 16) }
}
