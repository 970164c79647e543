/** Options with their defaults, checked before anything is opened. */
import { rejoinError } from '@rejoin/state'
import { type Policy, rosterFault } from '@rejoin/sync/partition'
import { defaultConfig, parseConfig } from './config.ts'
import { defaultServerLimits, type ServerLimits } from './limits.ts'
import type { ServerOptions } from './options.ts'
import { isLoopbackHost } from './origin-policy.ts'

/** What a server goes by. */
export interface ServerSettings {
  readonly port: number
  readonly host: string
  readonly adminPort: number | undefined
  readonly adminHost: string
  readonly origins: readonly string[]
  readonly staticDir: string | undefined
  readonly node: string
  readonly join: readonly string[]
  /** Undefined: where it listens. */
  readonly advertise: readonly string[] | undefined
  readonly grantsRights: boolean
  readonly voters: readonly string[]
  readonly policy: Policy
  readonly founding: boolean | undefined
  readonly preset: 'lan' | 'wan' | 'large'
  readonly limits: ServerLimits
  /** Bound so that only this machine reaches it. */
  readonly loopback: boolean
  /** Who decides about access: the hook, or nobody. */
  readonly access: 'hook' | 'everybody'
}

/** @throws RejoinError `config-invalid` or `server-exposed`. */
export function checkedSettings(options: ServerOptions): ServerSettings {
  const { port, host, adminPort, adminHost, insecure, origins, staticDir, node, join, grantsRights } = options
  const parsed = parseConfig(
    withoutUndefined({
      ...{ port, host, adminPort, adminHost, insecure, node, grantsRights },
      join: join === undefined ? undefined : [...join],
      advertise: options.advertise === undefined ? undefined : [...options.advertise],
      origins: origins === undefined ? undefined : [...origins],
      static: staticDir,
      voters: options.voters === undefined ? undefined : [...options.voters],
      ...{ policy: options.policy, founding: options.founding, preset: options.preset },
      limits: options.limits === undefined ? undefined : withoutUndefined(options.limits),
    }),
    'createServer',
  )
  if ((options.storage === undefined) === (options.dataDir === undefined)) {
    throw rejoinError('config-invalid', { reason: 'createServer: give either storage or dataDir.' })
  }
  if (options.authorize !== undefined && typeof options.authorize !== 'function') {
    throw rejoinError('config-invalid', { reason: 'createServer: authorize must be a function.' })
  }
  const settings: ServerSettings = {
    port: parsed.port ?? defaultConfig.port,
    host: parsed.host ?? defaultConfig.host,
    adminPort: parsed.adminPort,
    adminHost: parsed.adminHost ?? defaultConfig.adminHost,
    origins: parsed.origins ?? [],
    staticDir: parsed.static,
    node: parsed.node ?? '',
    join: parsed.join ?? [],
    advertise: parsed.advertise,
    voters: parsed.voters ?? [],
    policy: parsed.policy ?? { kind: 'keep-majority' },
    founding: parsed.founding,
    preset: parsed.preset ?? defaultConfig.preset,
    grantsRights: parsed.grantsRights ?? (parsed.join ?? []).length === 0,
    limits: { ...defaultServerLimits, ...(withoutUndefined(parsed.limits ?? {}) as Partial<ServerLimits>) },
    loopback: isLoopbackHost(parsed.host ?? defaultConfig.host),
    access: options.authorize === undefined ? 'everybody' : 'hook',
  }
  const fault = votersFault(settings, parsed.policy !== undefined)
  if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
  if (!settings.loopback && settings.access === 'everybody' && insecure !== true) {
    throw rejoinError('server-exposed', {
      reason: `Bound to ${settings.host}, the server would be reachable from other machines and let everybody read and write.`,
      details: { host: settings.host },
    })
  }
  return settings
}

/** What is wrong with who votes, in the words of the command line and of a program alike. */
function votersFault({ voters, policy, node }: ServerSettings, hasPolicy: boolean): string | undefined {
  if (voters.length === 0) return hasPolicy ? 'policy: it is of the voters, and none are named.' : undefined
  if (node === '')
    return 'voters: they are named after their servers, and this one has no name yet. Give it one of the list (--node, node).'
  if (!voters.includes(node))
    return `voters: the list must have this server too, which is called ${node}, and says ${voters.join(', ')}.`
  const fault = rosterFault({ epoch: 1, voters: voters.map((id) => ({ id, weight: 1 })), policy })
  return fault === undefined ? undefined : `voters: ${fault}`
}

/** What an operator wants to see at the start; nothing secret is among it. */
export function settingsForLog({ access, origins, loopback, node, join, grantsRights }: ServerSettings): object {
  return { access, origins, loopback, node, join, grantsRights }
}

function withoutUndefined(record: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}
