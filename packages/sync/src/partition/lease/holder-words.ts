import { isQuorum } from '../policy.ts'
import type { NodeId, Roster } from '../roster.ts'
import type { LeaseQuestion } from './holder-state.ts'
import type { LeaseRefusal } from './messages.ts'

/** Why voters did not grant a lease, for people and for the wait before the next attempt. */
export interface LeaseDenial {
  readonly reason: string
  /** Who may hold it as of now. */
  readonly holder?: NodeId
  /** For about how long. */
  readonly forMs?: number
  /** Voters that did not answer. */
  readonly missing: readonly NodeId[]
}

/** What the answers to a question say, where they are no quorum. */
export function denialOf<V>(
  { voters, policy, ...roster }: Roster,
  { granted, refused }: LeaseQuestion<V>,
): LeaseDenial {
  const answered = new Set([...granted, ...refused.map(({ by }) => by)])
  const missing = voters.flatMap(({ id }) => (answered.has(id) ? [] : [id]))
  if (!isQuorum({ voters, policy, ...roster }, new Set(voters.map(({ id }) => id))))
    return { reason: `The policy of the roster, "${policy.kind}", lets no voters grant a lease.`, missing }
  const parts = refused.map(({ by, why }) => `${by} ${refusalInWords(why)}`)
  if (missing.length > 0) parts.push(`${missing.join(', ')} did not answer`)
  const reason = `No quorum: ${parts.join('; ')}.`
  const held = refused.flatMap(({ why }) => (why.kind === 'held' ? [why] : []))[0]
  return held === undefined ? { reason, missing } : { reason, holder: held.holder, forMs: held.forMs, missing }
}

function refusalInWords(why: LeaseRefusal): string {
  switch (why.kind) {
    case 'held':
      return `keeps it for ${why.holder} for about ${why.forMs} ms`
    case 'outbid':
      return 'promised it to another'
    case 'epoch':
      return 'counts under another roster'
    case 'newRoster':
      return `has a new roster and only renews for about ${why.forMs} ms`
    case 'recovering':
      return 'lost its memory and does not vote yet'
    case 'full':
      return 'has no room for another lease'
    case 'behind':
      return 'lacks some of what counted under the roster before and only renews'
  }
}
