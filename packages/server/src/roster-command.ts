/** `rejoin roster`: prints the roster; or asks for another, and waits until it is in force or it is clear that it is not. */
import type { Roster, Voter } from '@rejoin/sync/partition'
import { type Asked, asking, fault, type Terminal } from './ask-server.ts'
import { columns } from './columns.ts'
import { type PolicyText, policyToText } from './policy-text.ts'
import { isSameRoster, type NextRoster } from './roster-asks.ts'
import { changeWords, rosterWords } from './standing.ts'
import { lookAtStanding, type PrintOptions, printJson, type ToldStanding } from './status.ts'

/** What the command line says of it; nothing of what it leaves as it is. */
export interface RosterFlags extends PrintOptions {
  readonly voters?: string
  readonly weight?: readonly string[]
  readonly role?: readonly string[]
  readonly critical?: readonly string[]
  readonly policy?: string
  readonly arbiter?: string
  readonly force?: boolean
  /** Take names too that the server never heard of. */
  readonly unseen?: boolean
  /** Seconds. */
  readonly wait: string
}

type Outcome = 'in-force' | 'pending' | 'refused' | 'superseded' | 'expired'

interface Ending {
  readonly outcome: Outcome
  readonly reason?: string | undefined
  /** What is in force. */
  readonly roster: Roster | undefined
}

const mostWaitS = 600
const lookAgainMs = 200

/**
 * Without a change prints the roster in force. Otherwise asks for another and prints what became of it; answers 1 where it is not in
 * force within the wait.
 */
export async function printRoster(url: string, flags: RosterFlags, terminal: Terminal): Promise<number> {
  const named = namedIn(flags)
  const waitS = waitOf(flags.wait)
  const server = asking(url, terminal)
  const isForced = flags.force === true
  if (!isChange(flags)) {
    if (isForced) throw usage('--force: say with --voters who is left')
    return printInForce(await lookAtStanding(server), flags, terminal)
  }
  const standing = await lookAtStanding(server)
  const before = standing.roster
  const { asked } = await server.operate<{ readonly asked: NextRoster }>(isForced ? 'force-roster' : 'roster', {
    ...requestOf(named, flags, before),
    unseen: flags.unseen === true,
  })
  const ending = await settled(server, asked, waitS)
  // By force it is said that they are gone.
  const leaving = isForced ? [] : idsOf(before).filter((id) => !idsOf(asked).includes(id))
  const hadNoVote = isForced && !standing.isSettled ? standing.self : undefined
  if (flags.json) printJson({ asked, ...ending }, terminal)
  else
    for (const line of words(asked, ending, waitS, { isForced, leaving, hadNoVote })) terminal.stdout.write(`${line}\n`)
  return ending.outcome === 'in-force' ? 0 : 1
}

function isChange({ voters, weight, role, critical, policy, arbiter }: RosterFlags): boolean {
  return [voters, weight, role, critical, policy, arbiter].some((flag) => flag !== undefined)
}

function printInForce(
  { roster, verdict, rosterAsk }: ToldStanding,
  { json }: PrintOptions,
  terminal: Terminal,
): number {
  if (json) printJson({ roster, next: verdict?.next, rosterAsk }, terminal)
  else {
    const lines = roster === undefined ? ['No voters are known here yet.'] : rosterLines(roster)
    for (const line of [...lines, ...changeWords(verdict?.next, rosterAsk)]) terminal.stdout.write(`${line}\n`)
  }
  return 0
}

function rosterLines({ epoch, voters, policy, arbiter }: Roster): string[] {
  return [
    `epoch ${epoch}, by ${policyToText(policy)}, ${arbiter === undefined ? 'without an arbiter' : `with ${arbiter} as arbiter`}`,
    ...columns([
      ['voter', 'weight', 'role', 'critical'],
      ...voters.map(({ id, weight, role, isCritical }) => [id, String(weight), role ?? '-', isCritical ? 'yes' : 'no']),
    ]),
  ]
}

async function settled(server: Asked, asked: NextRoster, waitS: number): Promise<Ending> {
  const until = performance.now() + waitS * 1_000
  for (;;) {
    const ending = endingOf(await lookAtStanding(server), asked)
    if (ending.outcome !== 'pending' || performance.now() >= until) return ending
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs))
  }
}

function endingOf({ roster, rosterAsk }: ToldStanding, asked: NextRoster): Ending {
  if (roster !== undefined && isSameRoster(roster, asked)) return { outcome: 'in-force', roster }
  const isOurs = rosterAsk !== undefined && isSameRoster(rosterAsk.roster, asked)
  // Where another was asked for since, or the server was started anew, what it says is not of this one.
  if (!isOurs) return { outcome: 'superseded', roster }
  return { outcome: rosterAsk.outcome, reason: rosterAsk.reason, roster }
}

function idsOf(roster: NextRoster | undefined): string[] {
  return roster?.voters.map(({ id }) => id) ?? []
}

interface Forced {
  readonly isForced: boolean
  /** Who votes no more, and is there. */
  readonly leaving: readonly string[]
  /** Where it was forced, if that one did not vote. */
  readonly hadNoVote: string | undefined
}

function words(
  asked: NextRoster,
  { outcome, reason, roster }: Ending,
  waitS: number,
  { isForced, leaving, hadNoVote }: Forced,
): string[] {
  const inForce = `In force is, as before: ${roster === undefined ? 'nothing' : rosterWords(roster)}.`
  switch (outcome) {
    case 'in-force':
      return [
        `in force: ${rosterWords(asked)} (epoch ${roster?.epoch})`,
        ...(leaving.length === 0
          ? []
          : [
              `Keep ${leaving.join(', ')} running until every remaining voter says that it votes (\`rejoin status\`): they ask ${leaving.length > 1 ? 'them' : 'it'} what counted before.`,
            ]),
        ...(hadNoVote === undefined
          ? []
          : [
              `${hadNoVote} had no vote before, so that it may lack what counted. If a voter is left that has its disk, force the same there: what is on the disk of that one then counts.`,
            ]),
      ]
    case 'pending':
      if (isForced) return [`not in force after ${waitS} s: it is not on the disk of this server yet. ${inForce}`]
      return [
        `not in force after ${waitS} s: no quorum of the voters before and after has agreed. ${inForce}`,
        `The proposal stands: it is tried for a minute from when it was asked for, and comes into force by itself if a quorum comes by then. \`rejoin status\` shows it.`,
      ]
    case 'expired':
      return [
        `given up: no quorum of the voters before and after was there within a minute. ${inForce}`,
        '`rejoin status` says who is missing, and shows the change as pending if a voter has accepted it: then it still comes into force once a quorum is there.',
      ]
    case 'refused':
      return [`refused: ${reason ?? ''} ${inForce}`, '`rejoin status` says where this server stands.']
    case 'superseded':
      return [
        `not in force: another roster was asked for or came first, or the server was started anew. In force is: ${roster === undefined ? 'nothing' : rosterWords(roster)}.`,
      ]
  }
}

/** What is named on the command line, read. */
interface Named {
  /** In their order. */
  readonly voters: readonly string[] | undefined
  readonly weights: ReadonlyMap<string, number>
  /** Empty where a role is taken away. */
  readonly roles: ReadonlyMap<string, string>
  readonly critical: readonly string[] | undefined
}

function namedIn({ voters, weight = [], role = [], critical }: RosterFlags): Named {
  const pairs = (option: string, given: readonly string[]): (readonly [string, string])[] =>
    given.map((text) => {
      const at = text.lastIndexOf('=')
      if (at < 1) throw usage(`${option}: ${text} is not NAME=VALUE`)
      return [text.slice(0, at), text.slice(at + 1)]
    })
  const weights = pairs('--weight', weight).map(([id, weighs]) => {
    if (!/^[1-9]\d{0,2}$/.test(weighs)) throw usage(`--weight: that of ${id} must be a whole number from 1 to 255`)
    return [id, Number(weighs)] as const
  })
  const named: Named = {
    voters: voters === undefined ? undefined : namesIn(voters),
    weights: new Map(weights),
    roles: new Map(pairs('--role', role)),
    // An empty one says that nobody is.
    critical: critical?.flatMap(namesIn).filter((id) => id !== ''),
  }
  if (named.voters !== undefined) checkNames(named, named.voters)
  return named
}

function checkNames({ weights, roles, critical = [] }: Named, voters: readonly string[]): void {
  const given: [string, Iterable<string>][] = [
    ['--weight', weights.keys()],
    ['--role', roles.keys()],
    ['--critical', critical],
  ]
  for (const [option, ids] of given)
    for (const id of ids)
      if (!voters.includes(id)) throw usage(`${option}: ${id} is not among the voters ${voters.join()}`)
}

/** The whole roster to ask for: what is not named stays as it is in the one before. */
function requestOf(named: Named, flags: RosterFlags, before: Roster | undefined): object {
  const ids = named.voters ?? idsOf(before)
  checkNames(named, ids)
  const earlier = new Map(before?.voters.map((voter) => [voter.id, voter]))
  const voters = ids.map((id): Voter => {
    const known = earlier.get(id)
    const role = named.roles.get(id) ?? known?.role ?? ''
    const isCritical = named.critical === undefined ? known?.isCritical === true : named.critical.includes(id)
    return {
      id,
      weight: named.weights.get(id) ?? known?.weight ?? 1,
      ...(role === '' ? {} : { role }),
      ...(isCritical ? { isCritical } : {}),
    }
  })
  return {
    voters,
    policy: flags.policy ?? policyKept(before, ids.length),
    arbiter: arbiterOf(flags.arbiter, before, ids),
  }
}

function policyKept(before: Roster | undefined, count: number): PolicyText | undefined {
  const policy = before?.policy
  if (policy === undefined) return undefined
  if (policy.kind === 'static-quorum' && (policy.voters > count || 2 * policy.voters <= count))
    throw usage(
      `--policy: ${policyToText(policy)} is in force and makes no sense of ${count} voters, of whom it takes more than half: name another policy`,
    )
  return policyToText(policy)
}

function arbiterOf(named: string | undefined, before: Roster | undefined, ids: readonly string[]): string | undefined {
  if (named !== undefined) return named === '' ? undefined : named
  const arbiter = before?.arbiter
  if (arbiter === undefined || ids.includes(arbiter)) return arbiter
  throw usage(
    `--arbiter: ${arbiter} is the arbiter now, and not among the voters ${ids.join()}: name another one, or nobody by --arbiter ""`,
  )
}

function namesIn(text: string): string[] {
  return text.split(',').map((id) => id.trim())
}

function waitOf(text: string): number {
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN
  if (seconds <= mostWaitS) return seconds
  throw usage(`--wait: must be a whole number of seconds from 0 to ${mostWaitS}`)
}

function usage(reason: string) {
  return fault('config-invalid', reason, '`rejoin roster --help` lists the options.')
}
