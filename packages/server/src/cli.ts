#!/usr/bin/env node
/** The `rejoin` command. */
import { runCommand } from './command.ts'

const status = await runCommand(process.argv.slice(2), process)
// Not process.exit: what is still being written to a pipe should arrive. Nothing keeps the process alive by now.
process.exitCode = status
