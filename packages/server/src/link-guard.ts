/**
 * Stands between the sockets and the replica: counts what passes, ends links that cost too much, and lets the server
 * end all of them with one code. It never looks into a frame.
 */
import type { Link, LinkClosed, LinkEvents, LinkInfo, ListenHost, ListenTransport } from '@rejoin/sync'
import type { ServerLimits } from './limits.ts'
import type { ServerMetrics } from './metrics.ts'

/** Why the server wants no connections now: sent as close code to whoever comes. */
export interface Closing {
  readonly code: string
  readonly reason: string
}

/** A transport under guard, and the handles on its links. */
export interface LinkGuard {
  readonly transport: ListenTransport
  readonly openLinks: () => number
  /** Ends every open link with a code. */
  readonly closeAll: (closing: Closing) => void
  /** Ends links as they come, with what this answers; undefined lets them in. */
  readonly refuseWith: (closing: () => Closing | undefined) => void
}

/** What the guard needs from the world. `now` is monotonic, in milliseconds. */
export interface LinkGuardOptions {
  readonly limits: Pick<ServerLimits, 'messagesPerSecond' | 'bufferedBytes' | 'connections' | 'connectionsPerRemote'>
  readonly metrics: ServerMetrics
  readonly now: () => number
  readonly onClosed: (info: LinkInfo, reason: LinkClosed) => void
}

/** Seconds' worth of messages that may come at once, as after a reconnect with much to say. */
const burstSeconds = 10

/** Close codes that mean that the peer sent what no well-behaved peer sends. */
const badFrameCodes: ReadonlySet<string> = new Set([
  'malformed',
  'too-large',
  'protocol-error',
  'too-many-messages',
  'refused-flood',
])

/** Guards `inner`. */
export function guardLinks(inner: ListenTransport, options: LinkGuardOptions): LinkGuard {
  const { limits, metrics, now } = options
  const open = new Set<Link>()
  const openByRemote = new Map<string, number>()
  let closing: () => Closing | undefined = () => undefined

  const overLimit = (remote: string): Closing | undefined => {
    if (open.size >= limits.connections) return { code: 'too-many-connections', reason: 'the server is full' }
    if ((openByRemote.get(remote) ?? 0) < limits.connectionsPerRemote) return undefined
    return { code: 'too-many-connections', reason: `at most ${limits.connectionsPerRemote} from one address` }
  }
  const count = (remote: string, change: 1 | -1): void => {
    metrics.connections.inc(change)
    const left = (openByRemote.get(remote) ?? 0) + change
    if (left === 0) openByRemote.delete(remote)
    else openByRemote.set(remote, left)
  }
  const accept = (host: ListenHost, link: Link, info: LinkInfo): LinkEvents => {
    const refusal = closing() ?? overLimit(info.remote)
    if (refusal !== undefined) {
      link.close(refusal.code, refusal.reason)
      metrics.connectionsRefused.inc({ code: refusal.code })
      return { opened: () => undefined, frame: () => undefined, closed: () => undefined }
    }
    const outgoing = watchOutgoing(link, limits.bufferedBytes, metrics)
    const events = host.accept(outgoing, info)
    const allowance = tokenBucket(limits.messagesPerSecond, burstSeconds, now)
    open.add(outgoing)
    count(info.remote, 1)
    metrics.connectionsOpened.inc()
    return {
      opened: () => events.opened(),
      frame(bytes) {
        metrics.framesReceived.inc()
        metrics.bytesReceived.inc(bytes.byteLength)
        if (allowance()) events.frame(bytes)
        else outgoing.close('too-many-messages', `at most ${limits.messagesPerSecond} messages per second`)
      },
      closed(reason) {
        open.delete(outgoing)
        count(info.remote, -1)
        metrics.connectionsClosed.inc({ code: knownLabel(reason.code) })
        if (badFrameCodes.has(reason.code)) metrics.badFrames.inc({ code: reason.code })
        options.onClosed(info, reason)
        events.closed(reason)
      },
    }
  }

  return {
    transport: {
      kind: 'listen',
      name: inner.name,
      reliable: inner.reliable,
      listen: (host) => inner.listen({ accept: (link, info) => accept(host, link, info) }),
    },
    openLinks: () => open.size,
    closeAll: ({ code, reason }) => {
      for (const link of [...open]) link.close(code, reason)
    },
    refuseWith: (next) => {
      closing = next
    },
  }
}

/** Counts what goes out, and ends the link of a reader that does not read: it catches up when it comes back. */
function watchOutgoing(link: Link, maxBufferedBytes: number, metrics: ServerMetrics): Link {
  const watched: Link = {
    send(frame) {
      if (link.bufferedBytes > maxBufferedBytes) {
        watched.close('slow-peer', `${link.bufferedBytes} bytes were waiting to be read`)
        return
      }
      metrics.framesSent.inc()
      metrics.bytesSent.inc(frame.byteLength)
      link.send(frame)
    },
    get bufferedBytes() {
      return link.bufferedBytes
    },
    close: (code, reason) => link.close(code, reason),
  }
  return watched
}

/** Answers true while calls stay below `perSecond` on average, with bursts of `seconds` worth. */
export function tokenBucket(perSecond: number, seconds: number, now: () => number): () => boolean {
  const capacity = perSecond * seconds
  let tokens = capacity
  let readAt = now()
  return () => {
    const at = now()
    tokens = Math.min(capacity, tokens + ((at - readAt) * perSecond) / 1_000)
    readAt = at
    if (tokens < 1) return false
    tokens -= 1
    return true
  }
}

/** Peers choose the text of their close: only codes of the protocol become labels of a metric. */
const closeCodes: ReadonlySet<string> = new Set([
  ...badFrameCodes,
  ...['closed', 'lost', 'going-away', 'closed-by-peer', 'peer-closed', 'peer-silent', 'handshake-failed', 'slow-peer'],
  ...[
    'unauthorized',
    'refused',
    'protocol-too-old',
    'protocol-too-new',
    'document-limit',
    'too-many-connections',
    'full',
  ],
  ...['server-draining', 'server-storage-failing', 'server-failed'],
])

function knownLabel(code: string): string {
  return closeCodes.has(code) ? code : 'other'
}
