/**
 * Links between the tabs of one origin.
 *
 * Invariants:
 * 1. Two tabs have at most one link. The one with the lower id opens it; the other only says that it is there.
 * 2. A frame is delivered in order and once, or the link ends: frames are numbered, and a gap is an end.
 * 3. A tab that dies without a word is noticed: everybody announces itself in turns and everybody answers.
 * 4. A link that has ended is opened again at a later turn, not at once, so that a refusal cannot spin.
 */
import type { ListenHost, ListenTransport } from '@rejoin/sync'
import { type Outgoing, openTabLink, type TabLink } from './tab-link.ts'
import { envelope, parseTabMessage, type TabId, type TabMessage } from './tab-message.ts'

/** How tabs reach each other. */
export interface BroadcastChannelOptions {
  /** Largest frame that is sent or taken in, in bytes; a larger one ends the link with `too-large`. 1 MiB unless told. */
  readonly maxFrameBytes?: number
  /** Milliseconds between two announcements, 5000 unless told. A dead tab is noticed after three of them. */
  readonly announceMs?: number
}

/**
 * Finds the other tabs of this origin that use the same channel name and links with each of them, without a server.
 * Give each signed-in user a channel of their own: whoever listens is taken for a replica of the same data.
 *
 * Where the platform has no BroadcastChannel, nobody is found.
 */
export function broadcastChannel(name = 'rejoin', options: BroadcastChannelOptions = {}): ListenTransport {
  const { maxFrameBytes = 1 << 20, announceMs = 5_000 } = options
  return {
    kind: 'listen',
    name: `tabs:${name}`,
    reliable: true,
    listen: (host) => {
      if (typeof BroadcastChannel === 'undefined') return { close: () => {} }
      return listenOn(new BroadcastChannel(name), host, maxFrameBytes, announceMs)
    },
  }
}

function listenOn(
  channel: BroadcastChannel,
  host: ListenHost,
  maxFrameBytes: number,
  announceMs: number,
): { close(): void } {
  const self = randomTabId()
  const links = new Map<TabId, TabLink>()
  /** Links that this tab has offered and the other has not accepted yet. */
  const offers = new Map<TabId, number>()
  const heard = new Set<TabId>()
  let offered = 0
  let timer: ReturnType<typeof setInterval> | undefined

  const post = (message: TabMessage): void => channel.postMessage(envelope(message))
  const linkWith = (peer: TabId, number: number, initiator: boolean): void => {
    // A link of its own number replaces one that the other end has given up without our hearing of it.
    links.get(peer)?.end({ code: 'lost', reason: 'the other tab opened a new link', clean: false }, false)
    let over = false
    const link = openTabLink({
      number,
      peer,
      initiator,
      maxFrameBytes,
      host,
      post: (message: Outgoing) => post({ ...message, from: self, to: peer, link: number } as TabMessage),
      ended: () => {
        over = true
        if (links.get(peer)?.number === number) links.delete(peer)
      },
    })
    if (!over) links.set(peer, link)
  }

  const onAnnounce = (peer: TabId): void => {
    // Answered also where a link exists: the answer is what shows that this tab lives (invariant 3).
    post({ kind: 'present', from: self, to: peer })
    offer(peer)
  }
  const offer = (peer: TabId): void => {
    if (self > peer || links.has(peer) || offers.has(peer)) return
    offered += 1
    offers.set(peer, offered)
    post({ kind: 'open', from: self, to: peer, link: offered })
  }
  const onOpen = (peer: TabId, number: number): void => {
    if (self < peer || links.get(peer)?.number === number) return
    post({ kind: 'accept', from: self, to: peer, link: number })
    linkWith(peer, number, false)
  }
  const onAccept = (peer: TabId, number: number): void => {
    if (offers.get(peer) !== number) return
    offers.delete(peer)
    linkWith(peer, number, true)
  }
  const onMessage = (event: MessageEvent): void => {
    const message = parseTabMessage(event.data)
    // Between pagehide and pageshow the page may still hear; to the others it is gone.
    if (message === undefined || message.from === self || timer === undefined) return
    const { from } = message
    if (message.kind !== 'announce' && message.to !== self) return
    heard.add(from)
    if (message.kind === 'announce') onAnnounce(from)
    else if (message.kind === 'present') offer(from)
    else if (message.kind === 'open') onOpen(from, message.link)
    else if (message.kind === 'accept') onAccept(from, message.link)
    else if (links.get(from)?.number === message.link) links.get(from)?.receive(message)
  }

  const turn = (): void => {
    offers.clear()
    for (const [peer, link] of [...links]) {
      if (link.turn(heard.has(peer)))
        link.end({ code: 'silent', reason: 'the other tab does not answer', clean: false }, true)
    }
    heard.clear()
    post({ kind: 'announce', from: self })
  }
  const start = (): void => {
    if (timer !== undefined) return
    timer = setInterval(turn, announceMs)
    post({ kind: 'announce', from: self })
  }
  const stop = (reason: string): void => {
    clearInterval(timer)
    timer = undefined
    offers.clear()
    for (const link of [...links.values()]) link.end({ code: 'going-away', reason, clean: true }, true)
  }
  const onPageHide = (): void => stop('the page was closed')
  const onPageShow = (): void => start()

  channel.addEventListener('message', onMessage)
  const page = typeof addEventListener === 'function' ? (globalThis as unknown as EventTarget) : undefined
  page?.addEventListener('pagehide', onPageHide)
  // From the back-forward cache.
  page?.addEventListener('pageshow', onPageShow)
  start()

  return {
    close: () => {
      page?.removeEventListener('pagehide', onPageHide)
      page?.removeEventListener('pageshow', onPageShow)
      channel.removeEventListener('message', onMessage)
      stop('the tab stopped listening')
      channel.close()
    },
  }
}

function randomTabId(): TabId {
  const bytes = crypto.getRandomValues(new Uint8Array(8))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
