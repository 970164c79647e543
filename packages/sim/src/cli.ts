#!/usr/bin/env node
/** `npm run sim` and `npm run replay`: the one file of this package that knows a process. */
import { runCommand } from './command.ts'

declare const process: {
  readonly argv: readonly string[]
  exitCode: number
  readonly stdout: { write(text: string): void }
  hrtime(): [number, number]
  getBuiltinModule(name: 'fs'): { readFileSync(path: string, encoding: 'utf8'): string }
}

const [command = '', ...args] = process.argv.slice(2)
process.exitCode = runCommand(command, args, {
  line: (text) => process.stdout.write(`${text}\n`),
  elapsedMs: () => {
    const [seconds, nanoseconds] = process.hrtime()
    return seconds * 1000 + nanoseconds / 1e6
  },
  read: (path) => process.getBuiltinModule('fs').readFileSync(path, 'utf8'),
})
