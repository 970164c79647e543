import type { Link, LinkClosed, LinkEvents } from './seams.ts'

/**
 * What browsers and the `ws` package have in common; all that a link over a WebSocket needs.
 * `binaryType` must be `'arraybuffer'` before the first message.
 */
export interface WebSocketLike {
  readonly readyState: number
  readonly bufferedAmount: number
  send(data: Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'open', listener: () => void): void
  addEventListener(
    type: 'error',
    listener: (event: { readonly message?: unknown; readonly error?: unknown }) => void,
  ): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(
    type: 'close',
    listener: (event: { readonly code: number; readonly reason: string; readonly wasClean: boolean }) => void,
  ): void
}

const open = 1
/** The one application code; the code in words travels in the reason. */
const applicationCode = 4000
/** A close reason has at most 123 bytes (RFC 6455, 5.5). */
const maxReasonBytes = 123

/** The words for the close codes of RFC 6455 that a peer or the platform may report. */
const codeByNumber: Readonly<Record<number, string>> = {
  1000: 'closed',
  1001: 'going-away',
  1002: 'malformed',
  1003: 'malformed',
  1005: 'closed',
  1006: 'lost',
  1007: 'malformed',
  1008: 'refused',
  1009: 'too-large',
  1011: 'server-failed',
  1012: 'going-away',
  1013: 'try-later',
  1015: 'lost',
}

/**
 * A `Link` over a WebSocket that is connecting or open. `opened` follows the socket's `open`; for a socket that is open
 * already, whoever accepted it says so.
 *
 * Frames are binary messages of at most `maxFrameBytes`; a longer one or a text ends the link (`too-large`,
 * `malformed`). A local `close` is reported at once, without waiting for the other end: a closing handshake over a dead
 * network takes the platform up to a minute.
 */
export function webSocketLink(socket: WebSocketLike, events: LinkEvents, maxFrameBytes: number): Link {
  let ended = false
  let trouble = ''
  let fault: string | undefined

  const end = (reason: LinkClosed): void => {
    if (ended) return
    ended = true
    events.closed(reason)
  }
  const close = (code = 'closed', reason = ''): void => {
    if (ended) return
    if (code === 'closed' && reason === '') socket.close(1000)
    else socket.close(applicationCode, closeText(code, reason))
    end({ code, reason, clean: true })
  }

  socket.addEventListener('open', () => {
    if (!ended) events.opened()
  })
  socket.addEventListener('message', ({ data }) => {
    if (ended) return
    if (!isArrayBuffer(data)) close('malformed', 'a text message came where only binary frames belong')
    else if (data.byteLength > maxFrameBytes) close('too-large', `a frame of ${data.byteLength} bytes came`)
    else events.frame(new Uint8Array(data))
  })
  socket.addEventListener('error', (event) => {
    if (typeof event.message === 'string') trouble = event.message
    fault = faultOf(event.error)
  })
  socket.addEventListener('close', (event) => {
    const closed = closedFrom(event.code, event.reason || trouble, event.wasClean)
    end(fault === undefined ? closed : { ...closed, code: fault })
  })

  return {
    send: (frame) => {
      // A copy: the sender may reuse its bytes while the socket still queues them.
      if (!ended && socket.readyState === open) socket.send(frame.slice())
    },
    get bufferedBytes() {
      return socket.bufferedAmount
    },
    close,
  }
}

/** `code: reason` in printable ASCII and within the bound. Exported for the other end of the wire: tests, gateways. */
export function closeText(code: string, reason: string): string {
  const text = reason === '' ? code : `${code}: ${reason}`
  return text.replace(/[^ -~]/g, '?').slice(0, maxReasonBytes)
}

/** Why a link ended, from what the platform says of a closed WebSocket. Any number and text give an answer. */
export function closedFrom(code: number, reason: string, wasClean: boolean): LinkClosed {
  if (code === applicationCode) {
    const words = /^([a-z][a-z0-9-]*)(?:: (.*))?$/s.exec(reason)
    if (words?.[1] !== undefined) return { code: words[1], reason: words[2] ?? '', clean: true }
  }
  const word = codeByNumber[code] ?? 'closed-by-peer'
  return {
    code: word,
    reason: reason === '' ? `WebSocket close code ${code}` : reason,
    clean: wasClean && word !== 'lost',
  }
}

// A socket may come from another realm (an iframe, the vm of a test runner), where `instanceof` does not hold.
function isArrayBuffer(data: unknown): data is ArrayBuffer {
  return Object.prototype.toString.call(data) === '[object ArrayBuffer]'
}

/** What the peer broke, as the `ws` package tells it; it ends such a connection itself and reports it as lost. */
function faultOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return 'too-large'
  return typeof code === 'string' && code.startsWith('WS_ERR_') ? 'malformed' : undefined
}
