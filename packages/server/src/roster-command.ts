/** `rejoin roster`: asks for another roster, and waits until it is in force or it is clear that it is not. */
import type { Roster, Voter } from '@rejoin/sync/partition'
import { type Asked, asking, fault, type Terminal } from './ask-server.ts'
import { isSameRoster, type NextRoster } from './roster-asks.ts'
import { rosterWords } from './standing.ts'
import { lookAtStanding, type PrintOptions, printJson, type ToldStanding } from './status.ts'

/** What the command line says of it. */
export interface RosterFlags extends PrintOptions {
  readonly voters: string
  readonly weight?: readonly string[]
  readonly role?: readonly string[]
  readonly critical?: readonly string[]
  readonly policy: string
  readonly arbiter?: string
  readonly force?: boolean
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

/** Asks for a roster and prints what became of it; answers 1 where it is not in force within the wait. */
export async function printRoster(url: string, flags: RosterFlags, terminal: Terminal): Promise<number> {
  const request = { voters: votersOf(flags), policy: flags.policy, arbiter: flags.arbiter }
  const waitS = waitOf(flags.wait)
  const server = asking(url, terminal)
  const before = (await lookAtStanding(server)).roster
  const { asked } = await server.operate<{ readonly asked: NextRoster }>(
    flags.force === true ? 'force-roster' : 'roster',
    request,
  )
  const ending = await settled(server, asked, waitS)
  // By force it is said that they are gone.
  const isForced = flags.force === true
  const leaving = isForced ? [] : idsOf(before).filter((id) => !idsOf(asked).includes(id))
  if (flags.json) printJson({ asked, ...ending }, terminal)
  else for (const line of words(asked, ending, waitS, { isForced, leaving })) terminal.stdout.write(`${line}\n`)
  return ending.outcome === 'in-force' ? 0 : 1
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

function words(
  asked: NextRoster,
  { outcome, reason, roster }: Ending,
  waitS: number,
  { isForced, leaving }: { readonly isForced: boolean; readonly leaving: readonly string[] },
): string[] {
  const inForce = `In force is, as before: ${roster === undefined ? 'nothing' : rosterWords(roster)}.`
  switch (outcome) {
    case 'in-force':
      return [
        `in force: ${rosterWords(asked)} (epoch ${roster?.epoch})`,
        ...(leaving.length === 0
          ? []
          : [
              `Let ${leaving.join(', ')} run until \`rejoin status\` of no voter says any longer that it does not vote yet: they ask what counted before.`,
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

/** The voters in their order, with what the other options say of them. */
function votersOf({ voters, weight = [], role = [], critical = [] }: RosterFlags): Voter[] {
  const ids = namesIn(voters)
  const known = new Set(ids)
  const named = (option: string, id: string): string => {
    if (known.has(id)) return id
    throw usage(`${option}: ${id || 'nobody'} is not among --voters ${ids.join()}`)
  }
  const pairs = (option: string, given: readonly string[]): Map<string, string> =>
    new Map(
      given.map((text) => {
        const at = text.lastIndexOf('=')
        if (at < 1) throw usage(`${option}: ${text} is not NAME=VALUE`)
        return [named(option, text.slice(0, at)), text.slice(at + 1)]
      }),
    )
  const weights = pairs('--weight', weight)
  const roles = pairs('--role', role)
  const isCritical = new Set(critical.flatMap((names) => namesIn(names).map((id) => named('--critical', id))))
  return ids.map((id) => {
    const weighs = weights.get(id) ?? '1'
    if (!/^[1-9]\d{0,2}$/.test(weighs)) throw usage(`--weight: that of ${id} must be a whole number from 1 to 255`)
    const plays = roles.get(id)
    return {
      id,
      weight: Number(weighs),
      ...(plays === undefined ? {} : { role: plays }),
      ...(isCritical.has(id) ? { isCritical: true } : {}),
    }
  })
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
