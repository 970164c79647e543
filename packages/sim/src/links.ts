/**
 * The sea between nodes: per-direction links that delay, lose, repeat, reorder and sink what crosses them.
 *
 * 1. Every frame passes a wall in the middle of its lane. If the direction is cut at that moment, the frame sinks;
 *    what was past the wall still arrives, and what had not reached it when the cut is lifted passes.
 * 2. A *reliable* session delivers in order and without loss while it is open. A sunk frame breaks its direction:
 *    nothing sent later in it arrives, and once the lane is open again the next frame meets a reset.
 * 3. An *unreliable* session loses, repeats and reorders, and stays open.
 * 4. Nobody is told of a cut. Ends notice by silence, as in life.
 * 5. With patience, the platform of a reliable session sends again what sank, after 200 ms or somewhat more and then after twice as
 *    long each time, and all that was sent later waits behind it. Only when its patience is over is the direction broken.
 */
import type { DialTransport, Link, LinkClosed, LinkEvents, ListenHost, ListenTransport } from '@rejoin/sync'
import type { RandomStream } from './random.ts'
import type { Scheduler } from './scheduler.ts'

/** The weather of one direction. */
export interface LinkQuality {
  /** Least and greatest time of a crossing, ms. */
  readonly latencyMs: readonly [number, number]
  /** Probability that a frame is lost (on a reliable session: is sent again by the platform, hence late). */
  readonly loss: number
  /** Probability that a frame arrives twice (unreliable sessions only). */
  readonly duplicate: number
  /** Probability of being overtaken: the crossing takes up to four times as long (unreliable sessions only). */
  readonly reorder: number
  /** What the direction carries in a millisecond, in bytes. Default: as much as comes. */
  readonly bytesPerMs?: number
  /** How long the platform of a reliable session sends again what sank, as TCP does. Default 0: a sunk frame breaks its direction. */
  readonly patienceMs?: number
}

/** A frame under way, arrived or sunk. The object is never changed after `sankMs` or arrival. */
export interface Frame {
  readonly id: number
  readonly from: number
  readonly to: number
  readonly departMs: number
  /** When it arrives if nothing stops it. */
  readonly arriveMs: number
  /** When it met the wall, once it did. */
  readonly sankMs?: number
  readonly bytes: number
  readonly payload: Uint8Array
}

/** What happens on the sea. */
export type LinkEvent =
  | { readonly kind: 'frame-sent' | 'frame-arrived'; readonly atMs: number; readonly frame: Frame }
  | { readonly kind: 'frame-sunk'; readonly atMs: number; readonly frame: Frame; readonly cause: 'cut' | 'loss' }
  | { readonly kind: 'link-up' | 'link-down'; readonly atMs: number; readonly a: number; readonly b: number }
  | { readonly kind: 'cut' | 'restored'; readonly atMs: number; readonly from: number; readonly to: number }

/** The links of a world. Nodes are numbered from 0. */
export interface Sea {
  /** A transport that dials `to` from `from`. */
  dialer(from: number, to: number, options?: DialOptions): DialTransport
  /** A transport on which `node` hears those who dial it. One per node at a time. */
  listener(node: number, options?: { readonly reliable?: boolean }): ListenTransport
  setQuality(from: number, to: number, quality: LinkQuality): void
  cut(from: number, to: number): void
  restore(from: number, to: number): void
  isCut(from: number, to: number): boolean
  /** Lifts all cuts. */
  restoreAll(): void
  /** `node` is gone without a word: its ends vanish, and whoever writes to it meets a reset. */
  crash(node: number): void
  /** Resets every session between the two at once, as a router that restarts does. */
  breakSessions(a: number, b: number): void
  /** Frames under way now, in order of departure; those that sank stay for `wreckMs` after it. */
  frames(): readonly Frame[]
  /** Whether a session between the two is open at both ends. */
  isUp(a: number, b: number): boolean
  readonly sent: { readonly frames: number; readonly bytes: number; readonly sunk: number }
}

/** What a dialling transport is like. */
export interface DialOptions {
  readonly reliable?: boolean
  readonly token?: () => string | undefined
}

/** How to build a {@link Sea}. */
export interface SeaOptions {
  readonly scheduler: Scheduler
  readonly random: RandomStream
  readonly quality: LinkQuality
  readonly onEvent?: ((event: LinkEvent) => void) | undefined
  /** Least and greatest time of a greeting on the way to a session. Default: that of a frame. */
  readonly dialMs?: readonly [number, number]
  /** How long a dial waits for an answer. Default 8 s. */
  readonly dialTimeoutMs?: number
  /** How long a sunk frame stays visible, ms. */
  readonly wreckMs?: number
  /** Name of a node, for `remote` and transport names. */
  readonly nameOf?: (node: number) => string
  /** Calls into a node, at once or as soon as it runs again. Default: at once. */
  readonly hear?: (node: number, run: () => void) => void
}

/** First wait of invariant 5, and the longest: those of Linux. */
const resendMs = 200
const mostResendMs = 120_000

interface Direction {
  readonly from: number
  readonly to: number
  quality: LinkQuality
  cut: boolean
  /** Until when the wire is taken by what was sent before. */
  busyUntilMs: number
  readonly random: RandomStream
}

/** Something on its way across. */
interface Crossing {
  readonly arriveMs: number
  readonly takesMs: number
  land(arriveMs: number): void
  sink(): void
}

interface End {
  readonly node: number
  readonly out: Direction
  events: LinkEvents | undefined
  opened: boolean
  closed: boolean
  /** The node crashed: nothing is called any more, and nobody was told. */
  vanished: boolean
  /** What would have arrived at this moment was lost for good, and so is all after it (invariant 2). */
  brokenFromMs: number
  /** When the last frame arrives if nothing stops it, and when the last that got through does. */
  lastArrivalMs: number
  lastLandingMs: number
  inFlightBytes: number
  /** What waits to be sent again (invariant 5), in order. */
  stalled: Crossing[]
}

interface Session {
  readonly reliable: boolean
  readonly near: End
  readonly far: End
}

type MutableFrame = { -readonly [K in keyof Frame]: Frame[K] }

/** A sea without storms. */
export function createSea(options: SeaOptions): Sea {
  const { scheduler, random, onEvent } = options
  const wreckMs = options.wreckMs ?? 2_000
  const dialTimeoutMs = options.dialTimeoutMs ?? 8_000
  const nameOf = options.nameOf ?? ((node: number) => `n${node + 1}`)
  const hear = options.hear ?? ((_node: number, run: () => void) => run())
  const directions = new Map<string, Direction>()
  const hosts = new Map<number, ListenHost>()
  const sessions = new Set<Session>()
  const visible = new Set<MutableFrame>()
  const sent = { frames: 0, bytes: 0, sunk: 0 }
  let frameId = 0

  const direction = (from: number, to: number): Direction => {
    const key = `${from}>${to}`
    let found = directions.get(key)
    if (found === undefined) {
      found = { from, to, quality: options.quality, cut: false, busyUntilMs: 0, random: random.stream(key) }
      directions.set(key, found)
    }
    return found
  }

  /** Sends something across; `landed` runs on arrival, `sunk` when it was lost at the wall. */
  const cross = (
    end: End,
    reliable: boolean,
    landed: () => void,
    sunk: (arriveMs: number) => void,
    frame?: MutableFrame,
    duration?: readonly [number, number],
  ): void => {
    const { out } = end
    const draw = out.random
    const [low, high] = duration ?? out.quality.latencyMs
    let takesMs = draw.between(low, high)
    let lost = false
    if (draw.chance(out.quality.loss)) {
      if (reliable) takesMs += draw.between(high, high * 3)
      else lost = true
    }
    if (!reliable && draw.chance(out.quality.reorder)) takesMs *= draw.between(1, 4)
    const departMs = scheduler.nowMs
    const { bytesPerMs } = out.quality
    let leaveMs = departMs
    if (bytesPerMs !== undefined) {
      leaveMs = Math.max(departMs, out.busyUntilMs) + (frame?.bytes ?? 64) / bytesPerMs
      out.busyUntilMs = leaveMs
    }
    // A reliable session keeps its order, also between a slow frame and a quick one after it.
    const arriveMs = reliable ? Math.max(leaveMs + takesMs, end.lastArrivalMs + 0.001) : leaveMs + takesMs
    if (reliable) end.lastArrivalMs = arriveMs
    if (frame !== undefined) {
      frame.arriveMs = arriveMs
      frame.departMs = departMs
      if (onEvent) onEvent({ kind: 'frame-sent', atMs: departMs, frame })
    }
    const crossing: Crossing = {
      arriveMs,
      takesMs,
      land: (atMs) =>
        scheduler.at(atMs, () => {
          if (frame !== undefined) {
            frame.arriveMs = atMs
            visible.delete(frame)
            if (onEvent) onEvent({ kind: 'frame-arrived', atMs: scheduler.nowMs, frame })
          }
          landed()
        }),
      sink: () => {
        if (frame !== undefined) sink(frame, lost ? 'loss' : 'cut')
        sunk(arriveMs)
      },
    }
    scheduler.at((leaveMs + arriveMs) / 2, () => {
      if (end.stalled.length > 0 && reliable) end.stalled.push(crossing)
      else if (!out.cut && !lost) landInOrder(end, reliable, crossing, arriveMs)
      else if (reliable && (out.quality.patienceMs ?? 0) > 0) stall(end, crossing)
      else crossing.sink()
    })
  }

  /** What was sent again lands later than was foreseen, and so does all after it. */
  const landInOrder = (end: End, reliable: boolean, crossing: Crossing, foreseenMs: number): void => {
    const atMs = reliable ? Math.max(foreseenMs, end.lastLandingMs + 0.001) : foreseenMs
    if (reliable) {
      end.lastLandingMs = atMs
      end.lastArrivalMs = Math.max(end.lastArrivalMs, atMs)
    }
    crossing.land(atMs)
  }

  /** Invariant 5. */
  const stall = (end: End, first: Crossing): void => {
    const sinceMs = scheduler.nowMs
    end.stalled.push(first)
    const tryAgain = (waitMs: number): void => {
      scheduler.after(waitMs, () => {
        const { out, stalled } = end
        const isGone = end.vanished || end.closed
        if (out.cut && !isGone && scheduler.nowMs - sinceMs < (out.quality.patienceMs ?? 0)) {
          tryAgain(Math.min(mostResendMs, waitMs * 2))
          return
        }
        end.stalled = []
        for (const crossing of stalled) {
          if (out.cut || isGone) crossing.sink()
          else landInOrder(end, true, crossing, scheduler.nowMs + crossing.takesMs)
        }
      })
    }
    tryAgain(resendMs * end.out.random.between(1, 1.3))
  }

  const sink = (frame: MutableFrame, cause: 'cut' | 'loss'): void => {
    sent.sunk += 1
    frame.sankMs = scheduler.nowMs
    if (onEvent) onEvent({ kind: 'frame-sunk', atMs: scheduler.nowMs, frame, cause })
  }

  const tellClosed = (session: Session, end: End, reason: LinkClosed): void => {
    if (end.closed) return
    const wasUp = isOpenAtBoth(session)
    end.closed = true
    if (session.near.closed && session.far.closed) sessions.delete(session)
    if (wasUp && onEvent) {
      onEvent({ kind: 'link-down', atMs: scheduler.nowMs, a: session.near.node, b: session.far.node })
    }
    hear(end.node, () => {
      if (!end.vanished) end.events?.closed(reason)
    })
  }

  const otherEnd = (session: Session, end: End): End => (end === session.near ? session.far : session.near)

  const closeFrom = (session: Session, end: End, code: string, reason: string): void => {
    if (end.closed) return
    const other = otherEnd(session, end)
    const farewell = { code, reason, clean: true }
    tellClosed(session, end, farewell)
    if (other.closed || isBroken(end)) return
    cross(end, true, () => tellClosed(session, other, farewell), noop)
  }

  const reset = (session: Session, end: End): void => {
    const other = otherEnd(session, end)
    const reason = { code: 'reset', reason: 'the connection was reset', clean: false }
    // The reset has to cross, too: back to whoever sent, and on to the other if that still listens.
    cross(other, session.reliable, () => tellClosed(session, end, reason), noop)
    tellClosed(session, other, reason)
  }

  const sendFrame = (session: Session, end: End, bytes: Uint8Array): void => {
    if (end.closed || !end.opened || end.vanished) return
    // The sender may reuse its buffer.
    const payload = bytes.slice()
    const other = otherEnd(session, end)
    sent.frames += 1
    sent.bytes += payload.length
    const copies = !session.reliable && end.out.random.chance(end.out.quality.duplicate) ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) {
      frameId += 1
      const { from, to } = end.out
      const frame = { id: frameId, from, to, departMs: 0, arriveMs: 0, bytes: payload.length, payload }
      if (onEvent) visible.add(frame)
      end.inFlightBytes += payload.length
      const landed = (): void => {
        end.inFlightBytes -= payload.length
        const isLost = session.reliable && (frame.arriveMs > end.brokenFromMs || other.closed)
        if (isLost) reset(session, end)
        else if (!other.closed) {
          hear(other.node, () => {
            if (!other.vanished) other.events?.frame(payload)
          })
        }
      }
      const sunk = (arriveMs: number): void => {
        end.inFlightBytes -= payload.length
        if (session.reliable) end.brokenFromMs = Math.min(end.brokenFromMs, arriveMs)
      }
      cross(end, session.reliable, landed, sunk, frame)
    }
  }

  const linkOf = (session: Session, end: End): Link => ({
    send: (payload) => sendFrame(session, end, payload),
    get bufferedBytes() {
      return end.inFlightBytes
    },
    close: (code = 'closed', reason = '') => closeFrom(session, end, code, reason),
  })

  const dial = (from: number, to: number, reliable: boolean, events: LinkEvents): Link => {
    const near = newEnd(from, direction(from, to), events)
    const far = newEnd(to, direction(to, from), undefined)
    const session: Session = { reliable, near, far }
    sessions.add(session)
    const giveUp = scheduler.after(dialTimeoutMs, () => {
      if (near.opened) return
      tellClosed(session, near, { code: 'timeout', reason: 'nobody answered', clean: false })
      sessions.delete(session)
    })
    const answer = (landed: () => void): void =>
      cross(
        far,
        true,
        landed,
        (arriveMs) => {
          far.brokenFromMs = Math.min(far.brokenFromMs, arriveMs)
        },
        undefined,
        options.dialMs,
      )
    const arrived = (): void => hear(to, accept)
    const accept = (): void => {
      if (far.closed) return
      const host = hosts.get(to)
      if (host === undefined) {
        far.closed = true
        answer(() => {
          giveUp.cancel()
          tellClosed(session, near, { code: 'refused', reason: `${nameOf(to)} is not listening`, clean: false })
        })
        return
      }
      const farEvents = host.accept(linkOf(session, far), { remote: nameOf(from), initiator: false })
      far.events = farEvents
      far.opened = true
      answer(() => {
        giveUp.cancel()
        if (near.closed || near.vanished) return
        near.opened = true
        if (onEvent && isOpenAtBoth(session)) onEvent({ kind: 'link-up', atMs: scheduler.nowMs, a: from, b: to })
        hear(from, () => {
          if (!near.vanished) near.events?.opened()
        })
      })
      if (!far.closed) farEvents.opened()
    }
    cross(near, true, arrived, noop, undefined, options.dialMs)
    return linkOf(session, near)
  }

  return {
    dialer: (from, to, dialOptions = {}) => ({
      kind: 'dial',
      name: `sea:${nameOf(to)}`,
      reliable: dialOptions.reliable ?? true,
      ...(dialOptions.token === undefined ? {} : { token: dialOptions.token }),
      dial: (events) => dial(from, to, dialOptions.reliable ?? true, events),
    }),
    listener: (node, listenOptions = {}) => ({
      kind: 'listen',
      name: `sea:${nameOf(node)}`,
      reliable: listenOptions.reliable ?? true,
      listen: (host) => {
        hosts.set(node, host)
        return {
          close: () => {
            if (hosts.get(node) === host) hosts.delete(node)
            for (const session of [...sessions]) {
              if (session.far.node === node) closeFrom(session, session.far, 'closed', 'the listener closed')
            }
          },
        }
      },
    }),
    setQuality: (from, to, quality) => {
      direction(from, to).quality = quality
    },
    cut: (from, to) => setCut(direction(from, to), true),
    restore: (from, to) => setCut(direction(from, to), false),
    isCut: (from, to) => direction(from, to).cut,
    restoreAll: () => {
      for (const each of directions.values()) setCut(each, false)
    },
    crash: (node) => {
      hosts.delete(node)
      for (const session of [...sessions]) {
        for (const end of [session.near, session.far]) {
          if (end.node !== node || end.vanished || end.closed) continue
          end.vanished = true
          tellClosed(session, end, { code: 'crash', reason: '', clean: false })
        }
      }
    },
    breakSessions: (a, b) => {
      const reason = { code: 'reset', reason: 'the connection was reset', clean: false }
      for (const session of [...sessions]) {
        const { near, far } = session
        const isPair = (near.node === a && far.node === b) || (near.node === b && far.node === a)
        if (!isPair) continue
        tellClosed(session, near, reason)
        tellClosed(session, far, reason)
      }
    },
    frames: () => {
      for (const frame of visible) {
        if (frame.sankMs !== undefined && frame.sankMs + wreckMs <= scheduler.nowMs) visible.delete(frame)
      }
      return [...visible]
    },
    isUp: (a, b) => {
      for (const session of sessions) {
        const { near, far } = session
        const isPair = (near.node === a && far.node === b) || (near.node === b && far.node === a)
        if (isPair && isOpenAtBoth(session) && !isBroken(near) && !isBroken(far)) return true
      }
      return false
    },
    sent,
  }

  function setCut(target: Direction, cut: boolean): void {
    if (target.cut === cut) return
    target.cut = cut
    if (onEvent) {
      onEvent({ kind: cut ? 'cut' : 'restored', atMs: scheduler.nowMs, from: target.from, to: target.to })
    }
  }
}

const noop = (): void => undefined

const isBroken = (end: End): boolean => end.brokenFromMs !== Number.POSITIVE_INFINITY

const isOpenAtBoth = ({ near, far }: Session): boolean => near.opened && far.opened && !near.closed && !far.closed

function newEnd(node: number, out: Direction, events: LinkEvents | undefined): End {
  return {
    node,
    out,
    events,
    opened: false,
    closed: false,
    vanished: false,
    brokenFromMs: Number.POSITIVE_INFINITY,
    lastArrivalMs: 0,
    lastLandingMs: Number.NEGATIVE_INFINITY,
    inFlightBytes: 0,
    stalled: [],
  }
}
