/**
 * The configuration of `rejoin serve`: flags over environment over file over defaults, every value checked, and every
 * refusal naming the place, the cause and the way out.
 */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { rejoinError } from '@rejoin/state'
import { withSyncPath } from '@rejoin/sync'
import type { Policy } from '@rejoin/sync/partition'
import { z } from 'zod'
import { defaultServerLimits, type ServerLimits } from './limits.ts'
import { normalizedOrigin } from './origin-policy.ts'
import { policySchema } from './policy-text.ts'

const portSchema = z
  .int('must be a whole number')
  .min(0, 'must be 0 (any free port) to 65535')
  .max(65_535, 'must be 0 (any free port) to 65535')

const originSchema = z.string().transform((text, context) => {
  const origin = normalizedOrigin(text)
  if (origin !== undefined) return origin
  context.addIssue({ code: 'custom', message: 'must be scheme, host and port, such as https://app.example.com, or *' })
  return z.NEVER
})

/** An address of a server, with the path at which it speaks where none is given. */
export const joinSchema: z.ZodType<string> = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && (url.protocol === 'ws:' || url.protocol === 'wss:')) {
    return withSyncPath(url).href
  }
  context.addIssue({ code: 'custom', message: 'must be the address of a server, such as ws://10.0.0.2:4000' })
  return z.NEVER
})

const positive = z.int('must be a whole number').min(1, 'must be at least 1')

const limitsSchema = z.strictObject(
  Object.fromEntries(Object.keys(defaultServerLimits).map((name) => [name, positive.optional()])) as Record<
    keyof ServerLimits,
    z.ZodOptional<typeof positive>
  >,
)

type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
const logLevels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

type Preset = 'lan' | 'wan' | 'large'
const presets: readonly Preset[] = ['lan', 'wan', 'large']

const configSchema = z.strictObject({
  port: portSchema.optional(),
  host: z.string().min(1, 'must name an address, such as 127.0.0.1 or 0.0.0.0').optional(),
  data: z.string().min(1, 'must name a directory').optional(),
  adminPort: portSchema.optional(),
  adminHost: z.string().min(1, 'must name an address').optional(),
  insecure: z.boolean().optional(),
  origins: z.array(originSchema).optional(),
  authorize: z.string().min(1, 'must name a module, such as ./authorize.mjs').optional(),
  static: z.string().min(1, 'must name a directory').optional(),
  node: z.string().min(1, 'must be a name').max(64, 'must have at most 64 characters').optional(),
  join: z.array(joinSchema).optional(),
  advertise: z.array(joinSchema).optional(),
  grantsRights: z.boolean().optional(),
  voters: z.array(z.string().min(1, 'must be a name').max(64, 'must have at most 64 characters')).optional(),
  policy: policySchema.optional(),
  founding: z.boolean().optional(),
  preset: z.enum(presets).optional(),
  logLevel: z.enum(logLevels).optional(),
  limits: limitsSchema.optional(),
})

/** What one layer of configuration says, checked. Paths in a file are relative to it. */
export interface ServeConfig {
  readonly port?: number | undefined
  readonly host?: string | undefined
  readonly data?: string | undefined
  readonly adminPort?: number | undefined
  readonly adminHost?: string | undefined
  readonly insecure?: boolean | undefined
  readonly origins?: string[] | undefined
  readonly authorize?: string | undefined
  readonly static?: string | undefined
  readonly node?: string | undefined
  readonly join?: string[] | undefined
  /** Empty: nobody is told where to dial this server. */
  readonly advertise?: string[] | undefined
  readonly grantsRights?: boolean | undefined
  readonly voters?: string[] | undefined
  readonly policy?: Policy | undefined
  readonly founding?: boolean | undefined
  readonly preset?: Preset | undefined
  readonly logLevel?: LogLevel | undefined
  readonly limits?: { readonly [name in keyof ServerLimits]?: number | undefined } | undefined
}

/** A configuration with all defaults filled in. */
export interface ResolvedConfig {
  readonly port: number
  readonly host: string
  readonly data: string
  readonly adminPort: number | undefined
  readonly adminHost: string
  readonly insecure: boolean
  readonly origins: readonly string[]
  readonly authorize: string | undefined
  readonly static: string | undefined
  readonly node: string | undefined
  readonly join: readonly string[]
  readonly advertise: readonly string[] | undefined
  readonly grantsRights: boolean | undefined
  readonly voters: readonly string[]
  readonly policy: Policy | undefined
  readonly founding: boolean | undefined
  readonly preset: Preset
  readonly logLevel: LogLevel
  readonly limits: ServerLimits
}

/** The defaults of `rejoin serve`. */
export const defaultConfig: ResolvedConfig = {
  port: 4000,
  host: '127.0.0.1',
  data: './rejoin-data',
  adminPort: undefined,
  adminHost: '127.0.0.1',
  insecure: false,
  origins: [],
  authorize: undefined,
  static: undefined,
  node: undefined,
  join: [],
  advertise: undefined,
  grantsRights: undefined,
  voters: [],
  policy: undefined,
  founding: undefined,
  preset: 'lan',
  logLevel: 'info',
  limits: defaultServerLimits,
}

/**
 * Checks one layer of configuration.
 * @param source where it comes from, for the message: a file name, `the command line`.
 * @throws RejoinError `config-invalid`, naming every key that is wrong.
 */
export function parseConfig(value: unknown, source: string): ServeConfig {
  const parsed = configSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(describeIssue)
  throw rejoinError('config-invalid', { reason: `${source}: ${problems.join('; ')}`, details: { source, problems } })
}

/**
 * Reads a configuration file (JSON). Relative paths in it are resolved against its directory.
 * @throws RejoinError `config-invalid` when it is missing, no JSON, or says something unknown.
 */
export async function readConfigFile(path: string): Promise<ServeConfig> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${cause.code})`
    throw rejoinError('config-invalid', { reason: `${path}: ${why}`, cause })
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw rejoinError('config-invalid', { reason: `${path}: not JSON: ${(cause as Error).message}`, cause })
  }
  const config = parseConfig(value, path)
  const base = dirname(resolve(path))
  return {
    ...config,
    ...(config.data === undefined ? {} : { data: resolve(base, config.data) }),
    ...(config.authorize === undefined ? {} : { authorize: resolve(base, config.authorize) }),
    ...(config.static === undefined ? {} : { static: resolve(base, config.static) }),
  }
}

/**
 * What the environment says: `PORT`, `HOST`, `DATA_DIR`. An empty variable counts as absent.
 * @throws RejoinError `config-invalid`.
 */
export function configFromEnvironment(env: Readonly<Record<string, string | undefined>>): ServeConfig {
  const layer: Record<string, unknown> = {}
  if (env['PORT']) layer['port'] = wholeNumber(env['PORT'])
  if (env['HOST']) layer['host'] = env['HOST']
  if (env['DATA_DIR']) layer['data'] = env['DATA_DIR']
  return parseConfig(layer, 'the environment (PORT, HOST, DATA_DIR)')
}

/** Later layers win, limit by limit; what none of them says is the default. */
export function mergeConfig(...layers: readonly ServeConfig[]): ResolvedConfig {
  const merged: Record<string, unknown> = { ...defaultConfig }
  const limits: Record<string, unknown> = { ...defaultServerLimits }
  for (const { limits: own, ...layer } of layers) {
    assignDefined(merged, layer)
    assignDefined(limits, own ?? {})
  }
  return { ...merged, limits } as unknown as ResolvedConfig
}

/** A whole number written in decimal digits, else the text itself, so that the check can name what was written. */
export function wholeNumber(text: string): number | string {
  return /^\d{1,9}$/.test(text) ? Number(text) : text
}

function assignDefined(target: Record<string, unknown>, source: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(source)) {
    if (value !== undefined) target[key] = value
  }
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const place = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const known = place === 'limits' ? Object.keys(limitsSchema.shape) : Object.keys(configSchema.shape)
    const hints = issue.keys.map((key) => {
      const near = nearest(key, known)
      return `unknown key ${JSON.stringify(key)}${near === undefined ? '' : `, did you mean ${JSON.stringify(near)}?`}`
    })
    return `${place === '' ? '' : `${place}: `}${hints.join('; ')} (known: ${known.join(', ')})`
  }
  return `${place === '' ? 'the whole' : place}: ${issue.message}`
}

/** The known name that differs by at most two edits, if any. */
function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known.map((name) => ({ name, edits: editDistance(word.toLowerCase(), name.toLowerCase()) }))
  ranked.sort((a, b) => a.edits - b.edits)
  const best = ranked[0]
  return best !== undefined && best.edits <= 2 ? best.name : undefined
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
