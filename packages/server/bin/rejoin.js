#!/usr/bin/env node
// The `rejoin` command. It is in the repository, so that `npm ci` can link it before anything is built.
import { existsSync } from 'node:fs'

const built = new URL('../dist/cli.js', import.meta.url)
if (existsSync(built)) await import(built.href)
else {
  process.stderr.write(
    'rejoin: it is not built yet.\nRun `npm run build` in the checkout, once and after each change.\n',
  )
  process.exitCode = 1
}
