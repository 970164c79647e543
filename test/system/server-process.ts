import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const command = fileURLToPath(new URL('../../packages/server/dist/cli.js', import.meta.url))

/** The real command in a process of its own. */
export interface ServerProcess {
  readonly url: string
  readonly syncUrl: string
  readonly port: number
  readonly pid: number
  /** Log lines so far, parsed. */
  readonly log: readonly Record<string, unknown>[]
  /** Ends it as a crash does, and waits until it is gone. */
  kill(): Promise<void>
  /** Sends a signal and answers the exit status. */
  stop(signal?: 'SIGTERM' | 'SIGINT'): Promise<number | null>
  /** Exit status, or undefined while it runs. */
  readonly exited: number | null | undefined
}

export interface StartOptions {
  readonly dataDir: string
  readonly args?: readonly string[]
  /** Runs the command under this one, such as `strace -f -o FILE`. */
  readonly under?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Told every log line, before it listens too. */
  readonly onEntry?: (entry: Record<string, unknown>) => void
}

/** Starts `rejoin serve` on a free port and waits until it listens. Needs the build. */
export async function startServer(options: StartOptions): Promise<ServerProcess> {
  const line = [
    ...(options.under ?? []),
    process.execPath,
    command,
    ...['serve', '--port', '0', '--data', options.dataDir],
    ...(options.args ?? []),
  ]
  const child = spawn(line[0] ?? '', line.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environment(), ...options.env },
  })
  // A test that runs out of time leaves no server behind.
  const killWithTest = (): void => void child.kill('SIGKILL')
  process.once('exit', killWithTest)
  child.once('exit', () => process.off('exit', killWithTest))
  const log: Record<string, unknown>[] = []
  const errors: string[] = []
  child.stderr.on('data', (bytes: Buffer) => errors.push(bytes.toString()))
  const listening = await new Promise<Record<string, unknown>>((resolve, reject) => {
    createInterface(child.stdout).on('line', (text) => {
      const entry = parse(text)
      log.push(entry)
      options.onEntry?.(entry)
      if (entry['msg'] === 'listening') resolve(entry)
    })
    child.once('exit', (status) => reject(new Error(`the server ended with ${status}: ${errors.join('')}`)))
    child.once('error', reject)
  })
  const url = String(listening['url'])
  const pid = Number(listening['pid'])
  return {
    url,
    syncUrl: String(listening['syncUrl']),
    port: Number(new URL(url).port),
    pid,
    log,
    get exited() {
      return child.exitCode ?? (child.signalCode === null ? undefined : null)
    },
    kill: () => end(child, pid, 'SIGKILL').then(() => undefined),
    stop: (signal = 'SIGTERM') => end(child, pid, signal),
  }
}

/** A directory that is removed with the returned function. */
export async function temporaryDirectory(): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'rejoin-system-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** `pid` is the server's own: under strace the child is another. */
async function end(child: ChildProcess, pid: number, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const gone = once(child, 'exit')
  process.kill(pid, signal)
  await gone
  return child.exitCode
}

/** What surrounds the test, without the variables that would configure the server. */
function environment(): NodeJS.ProcessEnv {
  const { PORT: _port, HOST: _host, DATA_DIR: _data, ...rest } = process.env
  return rest
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return { msg: text }
  }
}
