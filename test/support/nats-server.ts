import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { findNatsServer, natsServerIsRequired } from '../../scripts/lib/find-nats-server.mjs'

/** A real NATS server with JetStream, in a process of its own, whose store outlives it. */
export interface NatsServer {
  readonly port: number
  /** Ends it as a crash does. */
  kill(): Promise<void>
  /** Starts it again, at the same port and with what is in its store. */
  start(): Promise<void>
  /** Throws its store away; it must not run. */
  lose(): Promise<void>
}

/** Whether a NATS server is installed. Says in one line when not; where it is required, whoever needs it fails. */
export function hasNatsServer(): boolean {
  if (findNatsServer() !== undefined || natsServerIsRequired()) return true
  console.info('tests with a NATS server left out: none found (apt-get install nats-server, or set NATS_SERVER_PATH)')
  return false
}

/** Starts a server on a free port of the loopback interface. `args` are given to it besides. */
export async function startNatsServer(directory: string, args: readonly string[] = []): Promise<NatsServer> {
  const command = findNatsServer()
  if (command === undefined) throw new Error('no nats-server found: install one or set NATS_SERVER_PATH')
  const port = await freePort()
  const store = `${directory}/jetstream`
  let child: ChildProcess | undefined

  const start = async (): Promise<void> => {
    const started = spawn(command, ['-a', '127.0.0.1', '-p', `${port}`, '-js', '-sd', store, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child = started
    // A test that runs out of time leaves no server behind.
    const killWithTest = (): void => void started.kill('SIGKILL')
    process.once('exit', killWithTest)
    started.once('exit', () => process.off('exit', killWithTest))
    let said = ''
    await new Promise<void>((resolve, reject) => {
      started.stderr?.on('data', (bytes: Buffer) => {
        said += bytes.toString()
        if (said.includes('Server is ready')) resolve()
      })
      started.once('exit', (status) => reject(new Error(`nats-server ended with ${status}: ${said}`)))
      started.once('error', reject)
    })
  }
  await start()
  return {
    port,
    start,
    kill: async () => {
      const running = child
      child = undefined
      if (running === undefined || running.exitCode !== null) return
      const gone = once(running, 'exit')
      running.kill('SIGKILL')
      await gone
    },
    lose: () => rm(store, { recursive: true, force: true }),
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}
