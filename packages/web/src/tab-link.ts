import { acceptLink, type Link, type LinkClosed, type LinkEvents, type ListenHost } from '@rejoin/sync'
import type { LinkMessage, TabId } from './tab-message.ts'

/** What a link adds to a message on its way out; the transport knows the rest. */
export type Outgoing = DistributiveOmit<LinkMessage, 'from' | 'to' | 'link'>
type DistributiveOmit<T, K extends keyof T> = T extends unknown ? Omit<T, K> : never

/** One end of an open link between two tabs. */
export interface TabLink {
  readonly number: number
  /** A message of this link arrived. */
  receive(message: LinkMessage): void
  /** Ends this end; the other is told when `tell` is set. */
  end(reason: LinkClosed, tell: boolean): void
  /** Counts a turn of the clock; true when the other end was silent for too many. */
  turn(heard: boolean): boolean
}

/** What a link needs of the transport. */
export interface TabLinkOptions {
  readonly number: number
  readonly peer: TabId
  readonly initiator: boolean
  readonly maxFrameBytes: number
  readonly host: ListenHost
  post(message: Outgoing): void
  /** Called once, when the link is over. */
  ended(): void
}

/** Unanswered announcements after which a tab counts as dead. Counting turns, not time, a frozen tab blames nobody. */
const silentTurns = 3
/** Taken bytes are reported at the latest after so many of them, or so long a time. */
const reportBytes = 65_536
const reportDelayMs = 10

/** Opens one end of a link and tells the host. */
export function openTabLink(options: TabLinkOptions): TabLink {
  const { number, peer, initiator, maxFrameBytes, host, post } = options
  let events: LinkEvents | undefined
  let ended = false
  let sentFrames = 0
  let sentBytes = 0
  let takenThere = 0
  let receivedFrames = 0
  let receivedBytes = 0
  let reportedBytes = 0
  let reportTimer: ReturnType<typeof setTimeout> | undefined
  let silence = 0

  const end = (reason: LinkClosed, tell: boolean): void => {
    if (ended) return
    ended = true
    clearTimeout(reportTimer)
    if (tell) post({ kind: 'close', ...reason })
    options.ended()
    events?.closed(reason)
  }
  const fail = (code: string, reason: string): void => end({ code, reason, clean: false }, true)

  const reportTaken = (): void => {
    clearTimeout(reportTimer)
    reportTimer = undefined
    reportedBytes = receivedBytes
    post({ kind: 'taken', bytes: receivedBytes })
  }
  const takeFrame = (seq: number, bytes: Uint8Array): void => {
    // A channel loses messages only around a freeze; the link is then worth nothing, and a new one starts clean.
    if (seq !== receivedFrames) {
      fail('lost', `frame ${receivedFrames} of another tab is missing`)
      return
    }
    if (bytes.length > maxFrameBytes) {
      fail('too-large', `a frame of ${bytes.length} bytes came`)
      return
    }
    receivedFrames += 1
    receivedBytes += bytes.length
    if (receivedBytes - reportedBytes >= reportBytes) reportTaken()
    else reportTimer ??= setTimeout(reportTaken, reportDelayMs)
    events?.frame(bytes)
  }

  const link: Link = {
    send: (frame) => {
      if (ended) return
      if (frame.length > maxFrameBytes) {
        fail('too-large', `a frame of ${frame.length} bytes was to be sent`)
        return
      }
      sentBytes += frame.length
      // A copy: cloning a window would carry the whole buffer behind it.
      post({ kind: 'frame', seq: sentFrames++, bytes: frame.slice() })
    },
    get bufferedBytes() {
      return ended ? 0 : Math.max(0, sentBytes - takenThere)
    },
    close: (code = 'closed', reason = '') => end({ code, reason, clean: true }, true),
  }
  acceptLink(host, { remote: `tab ${peer}`, initiator }, (told) => {
    events = told
    return link
  })
  if (!ended) events?.opened()

  return {
    number,
    end,
    receive: (message) => {
      if (ended) return
      if (message.kind === 'frame') takeFrame(message.seq, message.bytes)
      else if (message.kind === 'taken') takenThere = Math.min(message.bytes, sentBytes)
      else if (message.kind === 'close') {
        end({ code: message.code, reason: message.reason, clean: message.clean }, false)
      }
    },
    turn: (heard) => {
      silence = heard ? 0 : silence + 1
      return silence >= silentTurns
    },
  }
}
