import type { NodeId } from '../roster.ts'

/** A link as the rule for duplicates sees it. */
export interface PeerLink {
  /** The driver's number of it. */
  readonly link: number
  /** Whether we opened it. */
  readonly isOurs: boolean
}

/** Links that one peer may hold open to us: beyond it the oldest is closed. */
export const mostLinksOfPeer = 4

/**
 * Which links to one peer we close, oldest first in `links`. The link that was opened by the smaller id is kept, and of several
 * by one opener the oldest. It is always the opener who closes the superfluous one: as each is closed from one end only, both
 * ends keep the same link, whatever the order in which they see them, and never none (as BGP settles a collision, RFC 4271
 * section 6.8). Which of two is dead a peer may know before us, so what it opened itself is not closed under it.
 */
export function linksToClose(self: NodeId, peer: NodeId, links: readonly PeerLink[]): number[] {
  const ours = links.filter(({ isOurs }) => isOurs)
  const theirs = links.filter(({ isOurs }) => !isOurs)
  const superfluous = theirs.length > 0 && peer < self ? ours : ours.slice(1)
  const tooMany = theirs.slice(0, Math.max(0, theirs.length - mostLinksOfPeer))
  return [...superfluous, ...tooMany].map(({ link }) => link)
}

/** The links of a replica, by the driver's number. */
export interface PeerLinks {
  readonly connected: Set<NodeId>
  readonly size: number
  has(link: number): boolean
  add(link: number, opened: OpenLink): void
  drop(link: number): OpenLink | undefined
  /** Those to one peer that we close. */
  superfluous(peer: NodeId): number[]
}

export interface OpenLink {
  readonly peer: NodeId
  readonly since: number
  readonly isOurs: boolean
  /** The address that we dialled. */
  readonly key: string | undefined
}

/** No links yet. A call costs O(links). */
export function createPeerLinks(self: NodeId): PeerLinks {
  const links = new Map<number, OpenLink>()
  const connected = new Set<NodeId>()
  const ofPeer = (peer: NodeId): PeerLink[] =>
    [...links].flatMap(([link, other]) => (other.peer === peer ? { link, isOurs: other.isOurs } : []))
  return {
    connected,
    get size(): number {
      return links.size
    },
    has: (link) => links.has(link),
    add: (link, opened) => {
      links.set(link, opened)
      connected.add(opened.peer)
    },
    drop: (link) => {
      const dropped = links.get(link)
      links.delete(link)
      if (dropped !== undefined && ofPeer(dropped.peer).length === 0) connected.delete(dropped.peer)
      return dropped
    },
    superfluous: (peer) => linksToClose(self, peer, ofPeer(peer)),
  }
}
