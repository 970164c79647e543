import type { MemberView } from './detector/swim-types.ts'
import type { NodeId } from './roster.ts'
import type { PeerLink } from './verdict/reachability.ts'

/** What one replica asserts of the way to each other one, and since when it is so. */
export class OwnLinks {
  readonly #known = new Map<NodeId, PeerLink>()

  /** By what is believed of a member now. */
  to(peer: NodeId, member: MemberView | undefined, wall: number): PeerLink {
    const isThere = member !== undefined && (member.status === 'alive' || member.status === 'suspect')
    const reach = isThere ? member.reach : { via: 'none' as const }
    const kind = reach.via === 'none' ? 'unreachable' : reach.via
    const known = this.#known.get(peer)
    const since = known?.kind === kind ? known.since : wall
    const link: PeerLink = { peer, kind, since, ...(reach.via === 'relayed' ? { by: reach.by } : {}) }
    this.#known.set(peer, link)
    return link
  }
}
