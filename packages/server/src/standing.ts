/** Where a server stands among those that vote, and what of it only the server itself can say. */
import {
  explainPartition,
  type HealthCode,
  healthOf,
  isQuorum,
  type PartitionStatus,
  type Partitions,
  type Roster,
} from '@rejoin/sync/partition'
import { policyToText } from './policy-text.ts'
import type { NextRoster, RosterAsk } from './roster-asks.ts'

/** Whether leases may be granted here, if a quorum votes for it: the quorum is there, and this server votes. */
export function mayAct({ verdict, isSettled }: PartitionStatus): boolean {
  return verdict?.capabilities.mayGrantLease === true && isSettled
}

/** Sentences for a person. */
export function standingWords({ self, status }: Partitions, asked: RosterAsk | undefined): string[] {
  return [
    ...explainPartition(status.verdict),
    ...apartWords(status),
    ...suspicionWords(status),
    ...troubleWords(status),
    ...withoutVote(self, status),
    ...renewingWords(self, status),
    ...groupWords(self, status),
    ...droppedWords(status),
    ...changeWords(status.verdict?.next, asked),
  ]
}

/** A roster in words: its voters, and what a quorum of them is. */
export function rosterWords({ voters, policy, arbiter }: NextRoster): string {
  const names = voters.map(({ id, weight, role, isCritical }) => {
    const more = [weight === 1 ? [] : `weight ${weight}`, role ?? [], isCritical ? 'critical' : []].flat()
    return more.length === 0 ? id : `${id} (${more.join(', ')})`
  })
  return `${names.join(', ')}, by ${policyToText(policy)}${arbiter === undefined ? '' : ` with ${arbiter} as arbiter`}`
}

/** In a split alone: to count it encodes what was written apart, of documents that were written to since it was counted last. */
function apartWords(status: PartitionStatus): string[] {
  if (status.state !== 'split') return []
  const { changes, bytes } = status.ours
  if (changes === 0) return ['Since contact was lost nothing was written here that the other side lacks.']
  const were = changes === 1 ? '1 change (' : `${changes} changes (`
  return [
    `Since contact was lost ${were}${bytes} bytes) ${changes === 1 ? 'was' : 'were'} written here that the other side lacks.`,
  ]
}

function suspicionWords({ suspected }: PartitionStatus): string[] {
  return suspected.map(
    ({ peer, since, until }) =>
      `${peer} may be gone: silent since ${at(since)}, counts as gone at ${at(until)} unless it is heard before.`,
  )
}

/** What a verdict does not show. */
const troubles: readonly HealthCode[] = ['divergence', 'message-loss', 'slowness']

function troubleWords(status: PartitionStatus): string[] {
  return healthOf(status).reasons.flatMap(({ code, text }) => (troubles.includes(code) ? text : []))
}

function withoutVote(self: string, { roster, isSettled, verdict }: PartitionStatus): string[] {
  if (isSettled || roster === undefined || !roster.voters.some(({ id }) => id === self)) return []
  if (roster.epoch === 1 && roster.voters.length === 1)
    return [
      `${self} does not vote: it was started to join others, or without --founding, and nobody has told it yet who votes. It takes the voters of the first server that it reaches; where it is to be the first itself, start it with --founding.`,
    ]
  const others = roster.voters.flatMap(({ id }) => (id === self ? [] : id))
  // Under the first roster it may also be that nobody has ever voted.
  const votes = (id: string): boolean => verdict?.confirmed.includes(id) === true && !verdict.abstaining.includes(id)
  const hasVoted = roster.epoch > 1 || others.some(votes)
  const able = others.filter((id) => verdict?.abstaining.includes(id) !== true)
  // As of two voters; or of several without memory, of whom that one did not know that forced them to be voters.
  if (verdict?.powerless === 'no-vote' && hasVoted && !isQuorum(roster, new Set(able)))
    return [
      `${self} does not vote: its disk does not say what it promised, and without it ${able.length === 0 ? 'nobody votes who' : `the others that vote, ${able.join(', ')}, are no quorum that`} could say so. Where that stays so, \`rejoin roster --voters ${roster.voters.map(({ id }) => id).join()} --force\` at ${able.length === 0 ? 'the one whose data is to be gone on with' : 'one of them'}, while ${self} is connected, makes it vote again.`,
    ]
  if (roster.epoch > 1)
    return [
      `${self} does not vote yet: it has to hear from a quorum of the voters before what counted there, and, where its disk was lost, from those of now what it promised. That comes by itself once they are connected.`,
    ]
  return [
    `${self} does not vote: it was started without --founding, and its disk knows of no vote, so that it may have lost what it promised.`,
    'Where the others have voted before, they teach it once it reaches them, and it votes from the next roster on. Where no voter ever has, stop them and start each once with --founding.',
  ]
}

/** Where a lease would be granted otherwise. */
function renewingWords(self: string, { renewsOnlyUntil, verdict, isSettled, roster }: PartitionStatus): string[] {
  if (renewsOnlyUntil === undefined || !isSettled || verdict?.hasQuorum !== true) return []
  // Under the first roster nobody granted anything before.
  if (roster?.epoch === 1) return []
  return [
    `Until ${at(renewsOnlyUntil)} ${self} renews leases that are held, and grants none anew: it was started a short while ago, or the roster was changed.`,
  ]
}

function groupWords(self: string, { otherGroups = [], roster }: PartitionStatus): string[] {
  const groups = new Map(otherGroups.map((group) => [JSON.stringify(group.roster), group.roster]))
  return [...groups].map(([text, other]) => {
    const peers = otherGroups.flatMap((group) => (JSON.stringify(group.roster) === text ? group.peer : []))
    const go = peers.length > 1 ? 'are connected and go' : 'is connected and goes'
    const apart = `${peers.join(', ')} ${go} by another roster: ${rosterWords(other)}. Each of the two groups may grant the same lease.`
    const [first] = other.voters
    if (first !== undefined && isAlone(first.id, other))
      return `${apart} ${first.id} was started alone: \`rejoin roster\` here, with ${first.id} among the --voters, takes it in.`
    if (roster !== undefined && isAlone(self, roster))
      return `${apart} ${self} was started alone: \`rejoin roster\` at one of those, with ${self} among the --voters, takes it in.`
    return `${apart} One roster for both is made by \`rejoin roster --force\`, on one side only.`
  })
}

/** Whether it is the only voter of itself, and has never been anything else. */
function isAlone(id: string, { epoch, voters }: Roster): boolean {
  return epoch === 1 && voters.length === 1 && voters[0]?.id === id
}

function droppedWords({ dropped }: PartitionStatus): string[] {
  if (dropped === undefined) return []
  return [
    `At ${at(dropped.at)} two rosters met that exclude each other, as where each side of a split was forced to one: ${rosterWords(dropped.kept)} is kept; ${rosterWords(dropped.roster)} is not, and no lease that was granted under it counts any more.`,
  ]
}

function at(time: number): string {
  return new Date(time).toISOString()
}

/** Of a change that is on its way: `next` as far as this server helps with it, and what was asked for here. */
export function changeWords(next: Roster | undefined, asked: RosterAsk | undefined): string[] {
  const isTold = asked?.outcome === 'pending' || asked?.outcome === 'expired'
  if (asked !== undefined && isTold) {
    const change = `The change of the roster to ${rosterWords(asked.roster)}, asked for here at ${new Date(asked.askedAt).toISOString()}`
    if (asked.outcome === 'pending')
      return [
        `${change}, is pending: it is tried for a minute, and in force once a quorum of the voters before and after agrees.`,
      ]
    return next !== undefined
      ? [`${change}, is pending: a voter has accepted it, so that it comes into force once a quorum is there.`]
      : [`${change}, was given up: no quorum was there within a minute.`]
  }
  if (next === undefined) return []
  return [
    `A change of the roster to ${rosterWords(next)} is pending, asked for elsewhere or before this server started.`,
  ]
}
