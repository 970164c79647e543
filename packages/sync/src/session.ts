/**
 * The protocol on one connection, over an ordered and lossless channel: handshake, heartbeat, many documents.
 *
 * Invariants
 * 1. Before the handshake is done nothing but hello, welcome, reject and close is taken in or sent.
 * 2. One frame that does not decode or breaks the protocol ends the connection with a code, is counted, and changes
 *    nothing else.
 * 3. Silence for `silenceMs` ends the connection, whatever the platform says of the link.
 */
import { type ClockOffset, createClockOffset } from './clock-offset.ts'
import { decodeFrame, encodeFrame } from './codec.ts'
import type { DocumentCore } from './document-core.ts'
import { DocumentStream } from './document-stream.ts'
import {
  crossesEpochsFrom,
  type Frame,
  formatVersions,
  type HelloFrame,
  type Introduction,
  namesVersionsFrom,
  type OpenFrame,
  type Permission,
  packsFrom,
  protocolVersions,
} from './frame.ts'
import { frameLimits } from './frame-limits.ts'
import { answerHello, isFinal, isOffered } from './handshake.ts'
import type { Hub } from './hub.ts'
import { SessionOffers } from './session-offers.ts'
import type { StreamHost } from './stream-host.ts'

/** Why a session ended. `refused`: dialling again as we are will not help soon. */
export interface SessionEnd {
  readonly code: string
  readonly reason: string
  readonly refused: boolean
}

/** What a session needs of its connection. */
export interface SessionHost {
  transmit(payload: Uint8Array): void
  isCongested(): boolean
  /** The session is over: tell why and drop the link. */
  ended(end: SessionEnd): void
  established(): void
  /** Pump this session when the batch ends. */
  wake(): void
}

export interface SessionOptions {
  readonly hub: Hub
  readonly host: SessionHost
  /** Whether this end says hello. */
  readonly initiator: boolean
  readonly token?: string
  /** A stable name of the route: the key of outages when the other side has no name. */
  readonly route: string | undefined
  readonly remote: string
  readonly origin?: string
}

type Phase = 'idle' | 'hello' | 'established' | 'ended'

export class Session implements StreamHost {
  readonly hub: Hub
  readonly remote: string
  readonly origin: string | undefined
  readonly route: string | undefined
  /** The other side's credential, as it came. */
  token: string | undefined
  peer: Introduction | undefined
  phase: Phase = 'idle'
  /** The version of the protocol that was agreed on. */
  protocol = 0
  /** The format that was agreed on. */
  #format = 0
  readonly clockOffset: ClockOffset = createClockOffset()
  /** Whether documents made progress, so that dialling again soon is worth it. */
  isProductive = false
  readonly streams: Map<string, DocumentStream> = new Map()
  readonly #host: SessionHost
  readonly #options: SessionOptions
  readonly #byHandle = new Map<number, DocumentStream>()
  readonly #offers: SessionOffers = new SessionOffers(this)
  /** Streams that may have something to send. */
  readonly #woken = new Set<DocumentStream>()
  #nextHandle = 1
  #startedAt = 0
  #heardAt = 0
  #pingAt = Number.POSITIVE_INFINITY
  #pingId = 0

  constructor(options: SessionOptions) {
    this.hub = options.hub
    this.remote = options.remote
    this.origin = options.origin
    this.route = options.route
    this.#options = options
    this.#host = options.host
  }

  /** Whether the other side is one to believe. Servers sync with clients only, and any client can say that it is one. */
  get isServer(): boolean {
    return this.peer?.role === 'server' && this.hub.role !== 'server'
  }

  get isSameProfile(): boolean {
    return this.peer !== undefined && this.hub.isSameProfile(this.peer.profiles)
  }

  get strangers(): number {
    let sum = 0
    for (const stream of this.streams.values()) sum += stream.strangers
    return sum
  }

  get isEqual(): boolean {
    return this.peer?.role === this.hub.role
  }

  /** Whether this side dialled. */
  get isInitiator(): boolean {
    return this.#options.initiator
  }

  get peerName(): string {
    return this.peer?.name || this.peerReplica
  }

  get peerReplica(): string {
    return this.peer?.replica ?? ''
  }

  get peerFrameBytes(): number {
    return this.peer?.frameBytes ?? frameLimits.smallestFrameBytes
  }

  get joinsBySketch(): boolean {
    return this.protocol >= 2
  }

  get namesVersions(): boolean {
    return this.#format >= namesVersionsFrom
  }

  get crossesEpochs(): boolean {
    return this.#format >= crossesEpochsFrom
  }

  get packs(): boolean {
    return this.#format >= packsFrom
  }

  get tellsSubtrees(): boolean {
    return this.protocol >= 2
  }

  get tellsStamps(): boolean {
    return this.protocol >= 3
  }

  get hearsAsides(): boolean {
    return this.protocol >= 5
  }

  get contactKey(): string | undefined {
    if (!this.hub.followsOutages || this.isSameProfile) return undefined
    return this.#options.initiator && this.route !== undefined ? this.route : this.peerName
  }

  /** When `tick` is wanted, on the monotonic clock. */
  get wakeAt(): number | undefined {
    if (this.phase === 'ended' || this.phase === 'idle') return undefined
    if (this.phase === 'hello') return this.#startedAt + this.hub.timing.handshakeMs
    return Math.min(this.#pingAt, this.#heardAt + this.hub.timing.silenceMs)
  }

  /** The channel is up. */
  start(now: number): void {
    this.phase = 'hello'
    this.#startedAt = now
    this.#heardAt = now
    if (!this.#options.initiator) return
    const hello: HelloFrame = {
      kind: 'hello',
      protocol: protocolVersions,
      format: formatVersions,
      introduction: this.hub.introduction(),
      ...(this.#options.token === undefined ? {} : { token: this.#options.token }),
    }
    this.#transmit(hello)
  }

  receive(payload: Uint8Array, now: number): void {
    if (this.phase === 'ended') return
    this.#heardAt = now
    const decoded = decodeFrame(payload)
    if (!decoded.ok) {
      this.fail('protocol-error', `${decoded.error.kind}: ${decoded.error.message}`)
      return
    }
    const frame = decoded.value
    if (frame.kind === 'close') this.#end({ code: frame.code, reason: frame.reason, refused: isFinal(frame.code) })
    else if (this.phase === 'established') this.#established(frame, now)
    else this.#handshake(frame, now)
  }

  tick(now: number): void {
    if (this.phase === 'hello' && now >= this.#startedAt + this.hub.timing.handshakeMs) {
      this.close('handshake-failed', 'The handshake took too long.')
    }
    if (this.phase !== 'established') return
    if (now >= this.#heardAt + this.hub.timing.silenceMs) {
      this.#end({ code: 'peer-silent', reason: `Nothing was heard for ${now - this.#heardAt} ms.`, refused: false })
      return
    }
    if (now < this.#pingAt) return
    this.#pingAt = now + this.hub.timing.pingMs
    this.#pingId += 1
    this.send({ kind: 'ping', id: this.#pingId, wall: this.hub.clock.now() })
    for (const stream of [...this.streams.values()]) stream.tick()
  }

  /** Asks at once whether the other side is still there. */
  probe(now: number): void {
    if (this.phase !== 'established') return
    this.#pingAt = now
    this.tick(now)
  }

  /** Ends the session from this side. */
  close(code: string, reason: string): void {
    if (this.phase === 'ended') return
    if (this.phase !== 'idle') this.#transmit({ kind: 'close', code, reason: reason.slice(0, 300) })
    this.#end({ code, reason, refused: false })
  }

  /** The link is gone. */
  lost(code: string, reason: string): void {
    this.#end({ code, reason, refused: isFinal(code) })
  }

  fail(code: 'protocol-error' | 'refused-flood', reason: string): void {
    if (this.phase === 'ended') return
    if (code === 'protocol-error') this.hub.metrics.malformedFrames += 1
    this.hub.log('warn', code, { remote: this.remote, peer: this.peerName, reason })
    this.close(code, reason)
  }

  /** Takes part in a document over this connection. */
  join(core: DocumentCore, given: Permission = 'write'): DocumentStream {
    const known = this.streams.get(core.name)
    if (known !== undefined) return known
    const stream = new DocumentStream(this, core, this.#nextHandle, given)
    this.#nextHandle += 1
    this.streams.set(core.name, stream)
    this.#byHandle.set(stream.handle, stream)
    const offer = this.#offers.of(core.name)
    if (offer !== undefined) stream.opened(offer)
    stream.open()
    stream.wake()
    return stream
  }

  /** Takes part no longer. */
  part(core: DocumentCore): void {
    const stream = this.streams.get(core.name)
    if (stream === undefined) return
    this.streams.delete(core.name)
    this.#byHandle.delete(stream.handle)
    this.#woken.delete(stream)
    stream.end(false)
    // A server leaves, too: taking part again is agreed on anew. Whoever is none keeps its stream.
    if (this.peer?.role === 'server') this.#offers.withdraw(core.name)
  }

  /** Sends what the streams have, as far as there is room; who was cut short is last in the next round. */
  pump(): void {
    for (const stream of [...this.#woken]) {
      if (this.isCongested()) return
      this.#woken.delete(stream)
      stream.pump()
      if (this.isCongested()) this.#woken.add(stream)
    }
  }

  send(frame: Frame): void {
    if (this.phase === 'established') this.#transmit(frame)
  }

  isCongested(): boolean {
    return this.phase !== 'established' || this.#host.isCongested()
  }

  wakeStream(stream: DocumentStream): void {
    this.#woken.add(stream)
    this.#host.wake()
  }

  #transmit(frame: Frame): void {
    this.#host.transmit(encodeFrame(frame))
  }

  #handshake(frame: Frame, now: number): void {
    if (frame.kind === 'hello' && !this.#options.initiator) this.#hello(frame, now)
    else if (frame.kind === 'welcome' && this.#options.initiator) {
      if (!isOffered(frame)) {
        this.fail('protocol-error', `welcome to versions ${frame.protocol} and ${frame.format}, which were not offered`)
        return
      }
      this.peer = frame.introduction
      this.protocol = frame.protocol
      this.#format = frame.format
      this.#noteClock(frame.echo, frame.introduction.wall)
      this.#welcomed(frame.introduction, now)
    } else if (frame.kind === 'reject' && this.#options.initiator) {
      this.hub.metrics.rejectedHandshakes += 1
      this.#end({ code: frame.code, reason: frame.reason, refused: !frame.retry })
    } else this.fail('protocol-error', `${frame.kind} before the handshake was done`)
  }

  #hello(frame: HelloFrame, now: number): void {
    const answer = answerHello(this.hub, frame)
    if (answer.kind === 'reject') {
      this.hub.metrics.rejectedHandshakes += 1
      this.#transmit(answer)
      this.#end({ code: answer.code, reason: answer.reason, refused: false })
      return
    }
    this.token = frame.token
    this.protocol = answer.protocol
    this.#format = answer.format
    this.#transmit(answer)
    if (frame.introduction !== undefined) this.#welcomed(frame.introduction, now)
  }

  #welcomed(peer: Introduction, now: number): void {
    this.peer = peer
    this.phase = 'established'
    this.#pingAt = now + this.hub.timing.pingMs * (0.5 + this.hub.random.float() / 2)
    this.#host.established()
    for (const core of this.hub.documents()) this.join(core)
  }

  #established(frame: Frame, now: number): void {
    switch (frame.kind) {
      case 'ping':
        this.send({ kind: 'pong', id: frame.id, echo: frame.wall, wall: this.hub.clock.now() })
        return
      case 'pong':
        this.#noteClock(frame.echo, frame.wall)
        return
      case 'open':
        this.#opened(frame)
        return
      case 'aside':
        this.hub.companions.get(frame.channel)?.receive(this, frame.bytes, now)
        return
      case 'hello':
      case 'welcome':
      case 'reject':
      case 'close':
        this.fail('protocol-error', `${frame.kind} after the handshake`)
        return
      default: {
        const stream = this.#byHandle.get(frame.handle)
        // What was on its way when a document was closed here is dropped.
        if (stream === undefined) {
          if (frame.handle >= this.#nextHandle) this.fail('protocol-error', `handle ${frame.handle} was never given`)
          return
        }
        if (frame.kind === 'changes' || frame.kind === 'bundle' || frame.kind === 'ack') this.isProductive = true
        if (frame.kind === 'leave') this.#offers.withdraw(stream.core.name)
        stream.receive(frame)
        if (frame.kind === 'leave' && this.hub.role === 'server') this.part(stream.core)
        if (this.hub.role !== 'server') this.hub.changed()
      }
    }
  }

  #opened(frame: OpenFrame): void {
    this.#offers.note(frame)
    const stream = this.streams.get(frame.document)
    if (this.phase === 'ended') return
    if (stream === undefined) this.#offers.provide(frame)
    else {
      stream.opened(frame)
      this.hub.changed()
    }
  }

  #noteClock(echo: number, theirWall: number): void {
    this.clockOffset.note(echo, theirWall, this.hub.clock.now())
    if (this.isServer) this.hub.noteOffset(this.clockOffset.offsetMs)
    if (this.hub.role !== 'server') this.hub.changed()
  }

  #end(end: SessionEnd): void {
    if (this.phase === 'ended') return
    const wasEstablished = this.phase === 'established'
    this.phase = 'ended'
    this.hub.batch(() => {
      if (wasEstablished) for (const companion of this.hub.companions.values()) companion.ending?.(this)
      for (const stream of this.streams.values()) stream.end(wasEstablished)
      this.streams.clear()
      this.#byHandle.clear()
      this.#offers.clear()
      this.#woken.clear()
      if (wasEstablished) for (const companion of this.hub.companions.values()) companion.ended(this)
      this.#host.ended(end)
    })
  }
}
