/**
 * What `rejoin` understands. Statuses: 0 done, 1 it failed, 2 it was told something it cannot do.
 */
import { isRejoinError } from '@rejoin/state'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import {
  configFromEnvironment,
  defaultConfig,
  mergeConfig,
  parseConfig,
  readConfigFile,
  wholeNumber,
} from './config.ts'
import { type ServeProcess, serve } from './serve.ts'
import { printDiagnosis, printIncidents, printOperation, printStatus } from './status.ts'
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
  readonly founding?: boolean
  readonly preset?: string
  readonly logLevel?: string
}

const serveHelp = `
Without options it serves this machine only: http://127.0.0.1:4000, data in ./rejoin-data.

Clients connect to ws://HOST:PORT/sync. Health: /livez, /readyz. Numbers: /metrics.
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
    .showHelpAfterError('(rejoin --help, rejoin serve --help: what there is)')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
  program
    .command('serve')
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
      status = await serve(await configFrom(flags, io.env), io)
    })
  const urlOption = (): Option =>
    new Option('--url <url>', 'where the server answers, its admin port if it has one').default('http://127.0.0.1:4000')
  program
    .command('status')
    .description('Say where a running server stands: who is there, on which side of a split, and what may be done.')
    .addOption(urlOption())
    .exitOverride()
    .action(async ({ url }: { readonly url: string }) => {
      status = await printStatus(url, io)
    })
  program
    .command('incidents')
    .description('List the incidents that a running server knows of, or print the report of one.')
    .argument('[name]', 'the name of an incident')
    .addOption(urlOption())
    .exitOverride()
    .action(async (name: string | undefined, { url }: { readonly url: string }) => {
      status = await printIncidents(url, name, io)
    })
  const operation = (
    name: string,
    described: string,
    args: readonly string[],
    request: (given: readonly string[], flags: Readonly<Record<string, unknown>>) => readonly [string, object],
    options: readonly Option[] = [],
  ): void => {
    const command = program.command(name).description(described).addOption(urlOption()).exitOverride()
    for (const arg of args) command.argument(arg)
    for (const option of options) command.addOption(option)
    command.action(async () => {
      const flags = command.opts() as Readonly<Record<string, unknown>>
      const [path, body] = request(command.args, flags)
      status = await printOperation(String(flags['url']), path, body, io)
    })
  }
  operation(
    'checkpoint',
    'Keep a document as it is now, under a name.',
    ['<document>', '<name>'],
    ([document, called]) => ['checkpoint', { document, name: called }],
  )
  operation('checkpoints', 'List the checkpoints of a document.', ['<document>'], ([document]) => [
    'checkpoints',
    { document },
  ])
  operation(
    'rollback',
    'Make a document read what a checkpoint of it reads, by a change like any other.',
    ['<document>', '<name>'],
    ([document, called]) => ['rollback', { document, name: called }],
  )
  operation('rejoin', 'Dial all servers that are known and not connected, now, whatever the wait.', [], () => [
    'rejoin',
    {},
  ])
  program
    .command('diagnose')
    .description(
      'Say for each address of another server what stops it from working, as that server sees it: the name, the port, the certificate, the handshake, or the credential. Exits with 1 where one does not work.',
    )
    .argument('[addresses...]', 'only these (default: all that the server knows)')
    .addOption(urlOption())
    .exitOverride()
    .action(async (addresses: readonly string[], { url }: { readonly url: string }) => {
      status = await printDiagnosis(url, addresses, io)
    })
  operation(
    'roster',
    'Change who votes, through a quorum; with --force, by your word that the others will not act.',
    [],
    (_, { voters, force, policy, arbiter }) => [
      force === true ? 'force-roster' : 'roster',
      {
        voters: String(voters)
          .split(',')
          .map((id) => ({ id: id.trim() })),
        policy,
        arbiter,
      },
    ],
    [
      new Option('--voters <names>', 'with commas between').makeOptionMandatory(),
      new Option('--policy <policy>', 'what a quorum is').default('keep-majority'),
      new Option('--arbiter <name>', 'whom an even split falls to'),
      new Option('--force', 'without asking: the voters of now are not coming back, or may not act any more'),
    ],
  )
  try {
    await program.parseAsync([...args], { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (isRejoinError(error)) {
      io.stderr.write(`rejoin: ${error.reason}\n${error.remedy}\n`)
      return usageCodes.has(error.code) ? 2 : 1
    }
    io.stderr.write(`rejoin: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    return 1
  }
}

const usageCodes: ReadonlySet<string> = new Set(['config-invalid', 'server-exposed'])

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
