import type { MemberView } from './detector/swim-types.ts'
import type { NodeId } from './roster.ts'
import type { PeerLink } from './verdict/reachability.ts'

/** What one replica asserts of the way to each other one, and since when it is so. */
export class OwnLinks {
  readonly #known = new Map<NodeId, PeerLink>()

  /** By what is believed of a member now; `by` passes on what comes from it, if it is not reached otherwise. */
  to(peer: NodeId, member: MemberView | undefined, wall: number, by?: NodeId): PeerLink {
    const isThere = member?.status === 'alive' || member?.status === 'suspect'
    const own = isThere ? member.reach : { via: 'none' as const }
    const reach = own.via === 'none' && by !== undefined ? { via: 'relayed' as const, by } : own
    const kind = reach.via === 'none' ? 'unreachable' : reach.via
    const known = this.#known.get(peer)
    const since = known?.kind === kind ? known.since : wall
    const link: PeerLink = { peer, kind, since, by: reach.via === 'relayed' ? reach.by : undefined }
    this.#known.set(peer, link)
    return link
  }
}
