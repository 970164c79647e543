import { isQuorum, twoThirdsOf, weightOf } from '../policy.ts'
import type { NodeId, Roster, Voter } from '../roster.ts'
import type { Powerless } from './verdict.ts'
import type { Verdict } from './verdict-machine.ts'

/** A verdict, as in `PartitionStatus`, in plain sentences for a person: who is on which side and since when, what may be done here and what not, and why. */
export function explainPartition(verdict: Verdict | undefined): string[] {
  if (verdict === undefined) return ['No voters are known here yet.']
  return [
    ...situation(verdict),
    ...verdict.oneWay.map(
      ({ from, to }) =>
        `The link between ${from} and ${to} works one way only: ${to} hears ${from}, ${from} does not hear ${to}.`,
    ),
    ...throughOthers(verdict),
    ...absent(verdict),
    'Data can be read and written here as always.',
    powers(verdict),
  ]
}

function situation({ mode, self, sides, confirmed, roster, powerless, since, unheard }: Verdict): string[] {
  const mine = sides[0] as readonly NodeId[]
  const when = ` since ${new Date(since).toISOString()}`
  const all = roster.voters.length
  if (powerless === 'paused') return [`${self} did not run for a while; it has been finding out who is there${when}.`]
  if (powerless === 'offline') return [`${self} has had no network${when}; nothing is known of the others.`]
  const silent = mine.filter((id) => !confirmed.includes(id))
  const unseen =
    silent.length > 0 ? [`Nothing recent is known of what ${list(silent)} ${silent.length > 1 ? 'see' : 'sees'}.`] : []
  if (mode === 'full')
    return [
      all > 1
        ? `All ${all} voters have reached each other${when}.`
        : `The only voter, ${list(mine)}, has been ${mine.includes(self) ? 'here' : 'reached'}${when}.`,
    ]
  if (mine.length === all)
    return [
      `${all > 1 ? `All ${all} voters have` : `The only voter, ${list(mine)}, has`} been connected${when}, ${mode === 'mixed' ? 'some only through others' : 'as far as is known'}.`,
      ...unseen,
    ]
  const name = mode === 'unknown' ? '' : `, ${named[mode]}`
  return [
    `The voters have been split${when}.`,
    roster.voters.every(({ id }) => id !== self)
      ? `From here ${mine.length === 0 ? 'no voter is reached' : `${list(mine)} ${mine.length > 1 ? 'are' : 'is'} reached`}: ${mine.length} of ${all}.`
      : `On this side ${mine.length === 0 ? 'is nobody' : `${mine.length > 1 ? 'are' : 'is'} ${list(mine)}`}: ${mine.length} of ${all}${name}.`,
    ...sides.slice(1).map((side, at) => `On ${at === 0 ? 'the other' : 'a further'} side, or down: ${list(side)}.`),
    ...(unheard.length > 0 ? [`Not reached: ${list(unheard)}; whether down or cut off cannot be told from here.`] : []),
    ...unseen,
  ]
}

const named = {
  full: '',
  mixed: '',
  majority: 'a majority',
  minority: 'a minority',
  even: 'an even split',
  isolated: 'cut off from all other voters',
}

function throughOthers({ missingLinks, oneWay }: Verdict): string[] {
  const isOneWay = (a: NodeId, b: NodeId): boolean =>
    oneWay.some(({ from, to }) => [from, to].includes(a) && [from, to].includes(b))
  const pairs = missingLinks.filter(([a, b]) => !isOneWay(a, b)).map(([a, b]) => `${a} with ${b}`)
  return pairs.length > 0 ? [`Without a direct link, through others only: ${list(pairs)}.`] : []
}

function absent({ missingCritical, missingRoles }: Verdict): string[] {
  return [
    ...(missingCritical.length > 0 ? [`Missing here and marked critical: ${list(missingCritical)}.`] : []),
    ...(missingRoles.length > 0 ? [`Nobody here has the role ${list(missingRoles)}.`] : []),
  ]
}

function powers(verdict: Verdict): string {
  const { powerless, next, hasQuorum } = verdict
  if (powerless === 'not-a-voter')
    return hasQuorum
      ? `Leases can be had from here, with the votes of a quorum: ${because(verdict)}. This replica has no vote itself.`
      : `Leases cannot be had from here: ${because(verdict)}.${comesBack(verdict)}`
  if (powerless === undefined)
    return `Leases can be granted and history pruned here, with the votes of a quorum: ${because(verdict)}. ${next !== undefined ? 'The roster is being changed; another change has to wait.' : 'The roster can be changed.'}`
  const why = powerless === 'no-quorum' ? because(verdict) : `${reasons[powerless]}`
  return `Leases cannot be granted, the roster not changed and history not pruned here: ${why}.${powerless === 'no-quorum' ? comesBack(verdict) : ''}`
}

/** Whether enough voters are here, and too few of them vote. */
function isHeldBack({ roster, confirmed, hasQuorum }: Verdict): boolean {
  return !hasQuorum && isQuorum(roster, new Set(confirmed))
}

function comesBack(verdict: Verdict): string {
  const { policy } = verdict.roster
  if (policy.kind === 'lease' || policy.kind === 'none') return ''
  if (isHeldBack(verdict)) return ' That comes back by itself once enough of them vote again.'
  return ' That comes back by itself once enough voters are reached.'
}

const reasons: Record<Exclude<Powerless, 'no-quorum' | 'not-a-voter'>, string> = {
  paused: 'others may have acted meanwhile',
  offline: 'nobody can be asked',
  'no-vote':
    'this voter has no vote, as its disk does not say what it promised: it was lost, or the voter never founded the roster',
  'roster-change':
    'the roster is being changed, and should those who join or leave be on another side, the voters here are not enough',
  settling: 'enough voters are here, but not for long enough yet',
}

/** Why who is here is a quorum, or is none. */
function because(verdict: Verdict): string {
  const { roster, confirmed, abstaining, powerless, hasQuorum } = verdict
  const { policy, voters } = roster
  if (isHeldBack(verdict))
    return `${list(abstaining)} ${abstaining.length > 1 ? 'do' : 'does'} not vote now, as who helps to change the roster or whose disk does not say what it promised, and without that too few votes are here`
  const may = powerless === undefined || hasQuorum
  const oldest = (voters[0] as Voter).id
  switch (policy.kind) {
    case 'keep-majority':
      return votes(roster, confirmed, may)
    case 'static-quorum':
      return `${confirmed.length} voters are here, and it takes ${policy.voters}`
    case 'two-thirds':
      return `${confirmed.length} of ${voters.length} voters are here, and it takes ${twoThirdsOf(voters.length)}`
    case 'keep-oldest':
      if (confirmed.includes(oldest))
        return `the oldest voter, ${oldest}, is here${may ? '' : ', but with nobody else'}`
      return may ? `all but the oldest voter, ${oldest}, are here` : `the oldest voter, ${oldest}, is not here`
    case 'lease':
      return 'by the policy of this roster a lease held elsewhere decides'
    case 'none':
      return 'by the policy of this roster nobody may'
  }
}

function votes({ voters, arbiter }: Roster, here: readonly NodeId[], may: boolean): string {
  const all = weightOf(voters)
  const weight = weightOf(voters, new Set(here))
  if (2 * weight !== all)
    return `${weight} of ${count(all, 'vote')} ${weight === 1 ? 'is' : 'are'} here, ${may ? '' : 'not '}more than half`
  if (arbiter === undefined) return 'of an even split without an arbiter neither half may'
  return `of an even split the half with the arbiter may, and the arbiter, ${arbiter}, is ${may ? '' : 'not '}here`
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
