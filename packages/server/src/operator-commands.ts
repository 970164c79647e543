/** The commands with which operators ask a running server, and have it do something. */
import type { Command } from 'commander'
import type { Terminal } from './ask-server.ts'
import { defaultConfig } from './config.ts'
import { printLeases } from './leases-command.ts'
import { printCheckpoint, printCheckpoints, printDismissal, printRejoin, printRollback } from './operations.ts'
import { policyNames } from './policy-text.ts'
import { printRoster, type RosterFlags } from './roster-command.ts'
import { printDiagnosis, printIncidents, printStatus } from './status.ts'

interface CommonFlags {
  readonly url: string
  readonly json?: boolean
}

const onOneServer = `
A checkpoint stands on the disk of the one server that was asked for it, and on no other.
`

const byItsVotes = `
It is what one voter voted for, which may be behind: a quorum of the voters decides who holds a lease. Ask several.
`

const rosterHelp = `
Without options it prints the roster in force, and a change that is pending. What is not named stays as it is: the policy,
the arbiter, and weight, role and critical of voters that stay. A name that the server asked never heard of is refused.

The voters before and after have to agree, each with a quorum. The command waits until that is so; 1 is its status
where it is not in time. The change is tried for a minute, and may come into force after the command has ended.

Examples:
  $ rejoin roster
  $ rejoin roster --voters a,b,d
  $ rejoin roster --voters a,b,c,d --policy static-quorum:3
  $ rejoin roster --voters a,b,c --weight a=2 --role a=zone-1 --role b=zone-2 --critical a
`

/** Adds them; `done` is told the exit status of the one that ran. */
export function addOperatorCommands(program: Command, io: Terminal, done: (status: number) => void): void {
  const command = (name: string, described: string): Command =>
    program
      .command(name)
      .description(described)
      .option(
        '--url <url>',
        'where the server answers, its admin port if it has one',
        `http://${defaultConfig.host}:${defaultConfig.port}`,
      )
      .option('--json', 'print data and no words')
      .showHelpAfterError(`(rejoin ${name} --help: what there is)`)
      .exitOverride()
  command('status', 'Say where a running server stands: who is there, on which side of a split, and what may be done.')
    .option('--check', 'exit with 1 where the server may not act for all: no quorum, or no vote')
    .action(async (flags: CommonFlags & { readonly check?: boolean }) => done(await printStatus(flags.url, flags, io)))
  command('incidents', 'List the incidents that a running server knows of, or print the report of one.')
    .argument('[name]', 'the name of an incident')
    .action(async (name: string | undefined, flags: CommonFlags) =>
      done(await printIncidents(flags.url, name, flags, io)),
    )
  command('dismiss', 'End an incident of a running server that is none: others that are gone are so by plan.')
    .argument('<incident>', 'its name, as `rejoin incidents` lists it')
    .requiredOption('--because <reason>', 'why, for its report')
    .action(async (incident: string, flags: CommonFlags & { readonly because: string }) =>
      done(await printDismissal(flags.url, [incident, flags.because], flags, io)),
    )
  command('leases', 'List who holds which lease, as far as a running server knows by its own votes.')
    .option('--document <name>', 'those of one document')
    .addHelpText('after', byItsVotes)
    .action(async (flags: CommonFlags & { readonly document?: string }) =>
      done(await printLeases(flags.url, flags, io)),
    )
  command('checkpoint', 'Keep a document as it is now, under a name, on the server that is asked.')
    .argument('<document>')
    .argument('<name>')
    .addHelpText('after', onOneServer)
    .action(async (document: string, name: string, flags: CommonFlags) =>
      done(await printCheckpoint(flags.url, [document, name], flags, io)),
    )
  command('checkpoints', 'List the checkpoints of a document on the server that is asked.')
    .argument('<document>')
    .addHelpText('after', onOneServer)
    .action(async (document: string, flags: CommonFlags) =>
      done(await printCheckpoints(flags.url, [document], flags, io)),
    )
  command(
    'rollback',
    'Make a document read what a checkpoint of it reads, by a change like any other. Ask the server that kept it.',
  )
    .argument('<document>')
    .argument('<name>')
    .addHelpText('after', onOneServer)
    .action(async (document: string, name: string, flags: CommonFlags) =>
      done(await printRollback(flags.url, [document, name], flags, io)),
    )
  command('rejoin', 'Dial all servers that are known and not connected, now, whatever the wait.').action(
    async (flags: CommonFlags) => done(await printRejoin(flags.url, flags, io)),
  )
  command(
    'diagnose',
    'Say for each address of another server what stops it from working, as that server sees it: the name, the port, the certificate, the handshake, or the credential. Exits with 1 where one does not work.',
  )
    .argument('[addresses...]', 'only these (default: all that the server knows)')
    .action(async (addresses: readonly string[], flags: CommonFlags) =>
      done(await printDiagnosis(flags.url, addresses, flags, io)),
    )
  command(
    'roster',
    'Print who votes, or change it: through a quorum; with --force, by your word that the others will not act.',
  )
    .option('--voters <names>', 'all that are to vote, with commas between; else as now')
    .option('--weight <name=votes>', 'how many votes a voter has; repeatable; else as now, and 1 of a new one', collect)
    .option(
      '--role <name=role>',
      'what a voter is for, nothing if empty: named where nobody of a role is left; repeatable; else as now',
      collect,
    )
    .option('--critical <names>', 'all voters whose absence alone is worth a word; repeatable; else as now', collect)
    .option('--policy <policy>', `what a quorum is: ${policyNames}; else as now`)
    .option('--arbiter <name>', 'whom an even split falls to, nobody if empty; else as now')
    .option('--force', 'without asking: the voters of now are not coming back, or may not act any more')
    .option('--unseen', 'take voters too that the server asked never heard of')
    .option('--wait <seconds>', 'how long to wait until it is in force', '30')
    .addHelpText('after', rosterHelp)
    .action(async (flags: CommonFlags & RosterFlags) => done(await printRoster(flags.url, flags, io)))
}

function collect(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value]
}
