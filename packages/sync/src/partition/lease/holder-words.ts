import { isQuorum } from '../policy.ts'
import type { NodeId, Roster } from '../roster.ts'
import type { LeaseQuestion } from './holder-state.ts'
import { forMore } from './left-words.ts'
import type { LeaseRefusal } from './messages.ts'

/** Why voters did not grant a lease, for people and for the wait before the next attempt. */
export interface LeaseDenial {
  /** As of now: `countedDown` says it later. */
  readonly reason: string
  /** Who may hold it as of now. */
  readonly holder?: NodeId
  /** For about how long. */
  readonly forMs?: number
  /** Voters that did not answer. */
  readonly missing: readonly NodeId[]
}

/** What the answers to a question say, where they are no quorum. `isOver`: those that did not answer had the time to. */
export function denialOf<V>(
  { voters, policy, ...roster }: Roster,
  { granted, refused }: LeaseQuestion<V>,
  isOver = true,
): LeaseDenial {
  const answered = new Set([...granted, ...refused.map(({ by }) => by)])
  const missing = voters.flatMap(({ id }) => (answered.has(id) ? [] : [id]))
  if (!isQuorum({ voters, policy, ...roster }, new Set(voters.map(({ id }) => id))))
    return { reason: `The policy of the roster, "${policy.kind}", lets no voters grant a lease.`, missing }
  const words = new Map<string, NodeId[]>()
  for (const { by, why } of refused) words.set(refusalInWords(why), [...(words.get(refusalInWords(why)) ?? []), by])
  const parts = [...words].map(([said, by]) => `${by.join(', ')} ${said}`)
  const silent = isOver && missing.length > 0 ? [`${missing.join(', ')} did not answer`] : []
  const held = refused.flatMap(({ why }) => (why.kind === 'held' ? [why] : [])).sort((a, b) => b.forMs - a.forMs)[0]
  const isHeld = held !== undefined && refused.every(({ why }) => why.kind === 'held' && why.holder === held.holder)
  const reason = isHeld
    ? `${[`${held.holder} holds it, ${forMore(held.forMs)} unless it is renewed`, ...silent].join('; ')}.`
    : `No quorum: ${[...parts, ...silent].join('; ')}.`
  return held === undefined ? { reason, missing } : { reason, holder: held.holder, forMs: held.forMs, missing }
}

function refusalInWords(why: LeaseRefusal): string {
  switch (why.kind) {
    case 'held':
      return `said that ${why.holder} holds it`
    case 'outbid':
      return 'promised it to another'
    case 'epoch':
      return 'went by another roster'
    case 'newRoster':
      return `went over to a new roster and may only renew ${forMore(why.forMs)}`
    case 'recovering':
      return 'said to have no vote, as the disk does not tell what was promised'
    case 'full':
      return 'said to have no room for another lease'
    case 'behind':
      return 'said to lack some of what counted under the roster before'
  }
}
