import { Alarm } from './alarm.ts'
import { type Channel, type ChannelCounters, createChannel } from './channel.ts'
import { delayUntil } from './delay.ts'
import { frameLimits } from './frame-limits.ts'
import type { Hub } from './hub.ts'
import type { Link, LinkClosed, LinkEvents } from './seams.ts'
import { Session, type SessionEnd, type SessionHost, type SessionOptions } from './session.ts'

export interface ConnectionOptions extends Omit<SessionOptions, 'host'> {
  readonly reliable: boolean
}

/** A link with the machines that run on it: carries out their effects and keeps their one timer. Decides nothing. */
export class Connection implements SessionHost {
  readonly session: Session
  /** The transport's name and direction. */
  readonly route: string | undefined
  /** Called once, with why it ended. */
  readonly endListeners: Set<(end: SessionEnd) => void> = new Set()
  /** To be given to the link. */
  readonly events: LinkEvents
  /** Called once, when the handshake is done. */
  readonly establishedListeners: Set<(nothing: undefined) => void> = new Set()
  link: Link | undefined
  isEnded = false
  readonly #hub: Hub
  readonly #channel: Channel
  readonly #alarm: Alarm
  /** When it goes off, while it is set. */
  #wakeAt = 0
  #guardedUntil: number | undefined
  #unconsumed = 0
  #retransmitted = 0

  constructor(options: ConnectionOptions) {
    const { hub } = options
    this.#hub = hub
    this.#alarm = new Alarm(hub.timers)
    this.route = options.route
    this.#channel = createChannel({ reliable: options.reliable, nonce: nonce(hub) })
    this.session = new Session({ ...options, host: this })
    this.events = {
      opened: () => this.#run(() => this.#step({ kind: 'opened', now: this.#now() })),
      frame: (bytes) => this.#run(() => this.#frame(bytes)),
      closed: (reason) => this.#run(() => this.#closed(reason)),
    }
  }

  /** Bytes that wait here for the other side. */
  get queuedBytes(): number {
    return this.#channel.queuedBytes + (this.link?.bufferedBytes ?? 0)
  }

  /** What went over it so far. */
  get counters(): ChannelCounters {
    return this.#channel.counters
  }

  transmit(payload: Uint8Array): void {
    this.#step({ kind: 'send', payload, now: this.#now() })
  }

  isCongested(): boolean {
    return this.#channel.creditBytes <= 0 || this.queuedBytes > this.#hub.limits.sendAheadBytes
  }

  wake(): void {
    this.#hub.wake(this)
  }

  established(): void {
    this.#hub.established(this.session)
    this.#hub.tell(this.establishedListeners, undefined)
  }

  /** The session is over, or never began. */
  ended(end: SessionEnd): void {
    if (this.isEnded) return
    this.isEnded = true
    this.#alarm.clear()
    const { link } = this
    this.link = undefined
    link?.close(end.code, end.reason)
    this.#hub.ended(this, end)
  }

  /** Sends what the session has. */
  pump(): void {
    if (this.isEnded) return
    this.session.pump()
    this.#arm()
  }

  /** The disk has caught up: lets the other side send again. */
  release(): void {
    if (this.#unconsumed === 0 || this.isEnded) return
    const bytes = this.#unconsumed
    this.#unconsumed = 0
    this.#run(() => this.#step({ kind: 'consumed', bytes, now: this.#now() }))
  }

  /** Ends it from this side. */
  close(code: string, reason: string): void {
    if (this.isEnded) return
    this.#run(() => {
      this.session.close(code, reason)
      if (this.session.phase === 'ended') this.ended({ code, reason, refused: false })
    })
  }

  /** Gives up when the link does not come up in time. To be called once, after the link was made. */
  guard(): void {
    if (this.isEnded || this.session.phase !== 'idle') return
    this.#guardedUntil = this.#now() + this.#hub.timing.handshakeMs
    this.#arm()
  }

  /** Pings now, after a hint that the network changed. */
  probe(): void {
    this.#run(() => this.session.probe(this.#now()))
  }

  #now(): number {
    return this.#hub.clock.monotonic()
  }

  #run(step: () => void): void {
    if (this.isEnded) return
    try {
      this.#hub.batch(step)
    } catch (error) {
      // Whatever a peer sends, the process goes on: one connection is what it may cost.
      this.#hub.metrics.internalErrors += 1
      this.#hub.log('error', 'internal-error', { remote: this.session.remote, error: String(error) })
      this.session.lost('protocol-error', 'An internal error.')
      this.ended({ code: 'protocol-error', reason: 'An internal error.', refused: false })
    }
    this.#arm()
  }

  #frame(bytes: Uint8Array): void {
    const { metrics, limits } = this.#hub
    metrics.framesIn += 1
    metrics.bytesIn += bytes.length
    if (bytes.length > Math.max(limits.messageBytes, frameLimits.smallestFrameBytes) + channelOverheadBytes) {
      this.session.fail('protocol-error', `a frame of ${bytes.length} bytes`)
      return
    }
    this.#step({ kind: 'frame', bytes, now: this.#now() })
  }

  #closed(reason: LinkClosed): void {
    this.link = undefined
    this.session.lost(reason.code, reason.reason)
    this.ended({ code: reason.code, reason: reason.reason, refused: false })
  }

  #step(input: Parameters<Channel['step']>[0]): void {
    for (const effect of this.#channel.step(input)) {
      if (this.isEnded) return
      switch (effect.kind) {
        case 'transmit':
          this.#hub.metrics.framesOut += 1
          this.#hub.metrics.bytesOut += effect.frame.length
          this.link?.send(effect.frame)
          break
        case 'deliver':
          this.session.receive(effect.payload, this.#now())
          this.#consumed(effect.payload.length)
          break
        case 'ready':
          this.session.start(this.#now())
          break
        case 'writable':
          this.wake()
          break
        case 'failed':
          this.#hub.metrics.malformedFrames += effect.code === 'protocol-error' ? 1 : 0
          this.session.lost(effect.code, effect.reason)
          break
      }
    }
  }

  #consumed(bytes: number): void {
    if (this.#hub.isHeldBack()) this.#unconsumed += bytes
    else this.#step({ kind: 'consumed', bytes, now: this.#now() })
  }

  /** One timer for channel and session; also polls a link that is full, as links do not say when they drain. */
  #arm(): void {
    if (this.isEnded) return
    this.#hub.metrics.retransmittedFrames += this.#channel.counters.retransmitted - this.#retransmitted
    this.#retransmitted = this.#channel.counters.retransmitted
    const full = (this.link?.bufferedBytes ?? 0) > this.#hub.limits.sendAheadBytes
    const guarded = this.session.phase === 'idle' ? this.#guardedUntil : undefined
    const wakes = [guarded, this.#channel.wakeAt, this.session.wakeAt, full ? this.#now() + drainPollMs : undefined]
    const at = Math.min(...wakes.map((wake) => wake ?? Number.POSITIVE_INFINITY))
    // One that fires too early finds nothing due and is set again.
    if (this.#alarm.isSet ? this.#wakeAt <= at : at === Number.POSITIVE_INFINITY) return
    this.#wakeAt = at
    this.#alarm.set(delayUntil(at, this.#now()), () => this.#fire())
  }

  #fire(): void {
    if (this.session.phase === 'idle' && this.#guardedUntil !== undefined && this.#now() >= this.#guardedUntil) {
      this.close('handshake-failed', 'The link did not come up.')
      return
    }
    this.#run(() => {
      const now = this.#now()
      this.#step({ kind: 'tick', now })
      this.session.tick(now)
      this.wake()
    })
  }
}

const drainPollMs = 20
/** What the channel adds to a frame at most. */
const channelOverheadBytes = 64

function nonce(hub: Hub): number {
  const bytes = hub.random.bytes(4)
  const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  return value === 0 ? 1 : value
}
