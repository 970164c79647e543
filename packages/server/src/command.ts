/**
 * What `rejoin` understands. Statuses: 0 done, 1 it failed, 2 it was told something it cannot do.
 */
import { isRejoinError, RejoinError } from '@rejoin/state'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import {
  configFromEnvironment,
  defaultConfig,
  mergeConfig,
  parseConfig,
  readConfigFile,
  wholeNumber,
} from './config.ts'
import { addOperatorCommands } from './operator-commands.ts'
import { policyNames } from './policy-text.ts'
import { sentence } from './sentence.ts'
import { type ServeProcess, serve } from './serve.ts'
import { ownVersion } from './version.ts'

interface ServeFlags {
  readonly port?: string
  readonly host?: string
  readonly data?: string
  readonly config?: string
  readonly adminPort?: string
  readonly adminHost?: string
  readonly authorize?: string
  readonly origin?: string[]
  readonly insecure?: boolean
  readonly static?: string
  readonly node?: string
  readonly join?: string[]
  readonly advertise?: string[] | boolean
  readonly grantsRights?: boolean
  readonly voters?: string
  readonly policy?: string
  readonly founding?: boolean
  readonly preset?: string
  readonly logLevel?: string
}

const serveHelp = `
Without options it serves this machine only: http://127.0.0.1:4000, data in ./rejoin-data.

Clients connect to ws://HOST:PORT/sync. Health: /health, /livez, /readyz. Numbers: /metrics. Where it
stands: /debug.
Environment: PORT, HOST, DATA_DIR, JOIN_TOKEN. A flag wins over the environment, that over the file.
Commands to a running server that has an authorize module: OPERATOR_TOKEN.

Examples:
  $ rejoin serve
  $ rejoin serve --host 0.0.0.0 --authorize ./authorize.mjs --origin https://app.example.com
  $ rejoin serve --config rejoin.json --admin-port 9464
  $ rejoin serve --node b --join ws://10.0.0.2:4000 --voters a,b,c --founding

authorize.mjs exports one function, asked once per connection and document:
  export const authorize = async ({ token, document }) => 'read' | 'write' | 'admin' | 'no'
`

/** Runs one command line to its end; for `serve` that is after the drain. Answers the exit status. */
export async function runCommand(args: readonly string[], io: ServeProcess): Promise<number> {
  let status = 0
  const program = new Command('rejoin')
    .description('Replicated state for apps whose replicas lose touch with each other.')
    .version(ownVersion(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .showHelpAfterError('(rejoin --help: what there is)')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
  program
    .command('serve')
    .showHelpAfterError('(rejoin serve --help: what there is)')
    .description('Run a sync server: WebSocket, health and metrics on one port, data in one directory.')
    .addOption(new Option('-p, --port <port>', `port to listen on, 0 for any free one (default ${defaultConfig.port})`))
    .option('--host <address>', `address to bind (default ${defaultConfig.host}, this machine only)`)
    .option('-d, --data <dir>', `directory of the data (default ${defaultConfig.data})`)
    .option('-c, --config <file>', 'JSON file with the same settings, and limits')
    .option('--authorize <module>', 'module that decides who may read and write what')
    .option('--origin <origin>', 'web origin that may connect, besides the own one; repeatable', collectOrigin)
    .option(
      '--admin-port <port>',
      'serve health, metrics and what operators ask and do on this port only; whoever reaches it may do so',
    )
    .option('--admin-host <address>', `address of the admin port (default ${defaultConfig.adminHost})`)
    .option('--static <dir>', 'serve the files of this directory too')
    .option('--node <name>', 'a stable name among servers')
    .option('--join <url>', 'another server to replicate all documents with; repeatable', collectJoin)
    .option(
      '--advertise <url>',
      'where other servers are told to dial this one (default where it listens); repeatable',
      collectJoin,
    )
    .option('--no-advertise', 'tell nobody')
    .option('--grants-rights', 'grant rights and begin epochs although this server joins another')
    .option('--voters <names>', 'the servers that vote together, this one too, with commas between')
    .option('--policy <policy>', `what a quorum of them is: ${policyNames} (default keep-majority)`)
    .option('--founding', 'this server has never voted: for the first start of each voter')
    .option(
      '--preset <pace>',
      `how closely the others are watched: lan, wan or large (default ${defaultConfig.preset})`,
    )
    .option('--insecure', 'let everybody who reaches the port read and write everything')
    .option(
      '--log-level <level>',
      `trace, debug, info, warn, error, fatal or silent (default ${defaultConfig.logLevel})`,
    )
    .addHelpText('after', serveHelp)
    .exitOverride()
    .action(async (flags: ServeFlags) => {
      status = await started(flags, io)
    })
  addOperatorCommands(program, io, (ended) => {
    status = ended
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (isRejoinError(error)) {
      io.stderr.write(`rejoin: ${sentence(error.reason)}\n${error.remedy}\n`)
      return usageCodes.has(error.code) ? 2 : 1
    }
    io.stderr.write(`rejoin: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    return 1
  }
}

const usageCodes: ReadonlySet<string> = new Set(['config-invalid', 'operation-refused', 'server-exposed'])

async function started(flags: ServeFlags, io: ServeProcess): Promise<number> {
  try {
    return await serve(await configFrom(flags, io.env), io)
  } catch (error) {
    if (!isRejoinError(error) || error.code !== 'config-invalid') throw error
    const remedy = 'Correct what the reason names; `rejoin serve --help` lists the settings.'
    throw new RejoinError({ code: error.code, reason: error.reason, remedy }, { cause: error })
  }
}

async function configFrom(flags: ServeFlags, env: ServeProcess['env']): Promise<ReturnType<typeof mergeConfig>> {
  const { config, origin, port, adminPort, voters, advertise, ...same } = flags
  const fromFlags = parseConfig(
    {
      ...same,
      ...(port === undefined ? {} : { port: wholeNumber(port) }),
      ...(adminPort === undefined ? {} : { adminPort: wholeNumber(adminPort) }),
      ...(origin === undefined ? {} : { origins: origin }),
      ...(advertise === undefined || advertise === true ? {} : { advertise: advertise === false ? [] : advertise }),
      ...(voters === undefined ? {} : { voters: voters.split(',').map((name) => name.trim()) }),
    },
    'the command line',
  )
  return mergeConfig(config === undefined ? {} : await readConfigFile(config), configFromEnvironment(env), fromFlags)
}

function collectJoin(url: string, earlier: string[] | undefined): string[] {
  if (url.startsWith('-')) throw new InvalidArgumentError('An address looks like ws://10.0.0.2:4000.')
  return [...(earlier ?? []), url]
}

function collectOrigin(origin: string, earlier: string[] | undefined): string[] {
  if (origin.startsWith('-')) throw new InvalidArgumentError('An origin looks like https://app.example.com.')
  return [...(earlier ?? []), origin]
}
