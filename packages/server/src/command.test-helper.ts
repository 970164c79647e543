import { connect, createReplica, memoryStorage, type Replica } from '@rejoin/sync'
import { runCommand } from './command.ts'
import { createServer } from './create-server.ts'
import type { ServerOptions } from './options.ts'
import type { ServeProcess } from './serve.ts'

/** Runs a command line against a process that the test plays. */
export function run(args: readonly string[], env: Record<string, string> = {}) {
  const out: string[] = []
  const err: string[] = []
  const listeners = new Map<string, () => void>()
  const exits: number[] = []
  let onListening: (entry: Record<string, unknown>) => void = () => undefined
  const listening = new Promise<Record<string, unknown>>((resolve) => {
    onListening = resolve
  })
  const io: ServeProcess = {
    env,
    stdout: {
      write(text) {
        out.push(text)
        if (text.startsWith('{') && text.includes('"listening"')) onListening(JSON.parse(text))
      },
    },
    stderr: { write: (text) => err.push(text) },
    on: (signal, listener) => listeners.set(signal, listener),
    off: (signal) => listeners.delete(signal),
    exit: (status) => exits.push(status),
  }
  const done = runCommand(args, io).then((status) => ({ status, out: out.join(''), err: err.join('') }))
  return { done, listening, exits, signal: (name: 'SIGTERM' | 'SIGINT') => listeners.get(name)?.(), listeners }
}

/** A server that keeps nothing, at a port of its own. */
export function serverOf(options: Partial<ServerOptions> = {}): ReturnType<typeof createServer> {
  return createServer({ storage: memoryStorage(), port: 0, ...options })
}

export async function openClient(syncUrl: string): Promise<Replica> {
  const { processClock, processRandom, processTimers, webSocket } = await import('@rejoin/node')
  const platform = { clock: processClock, timers: processTimers, random: processRandom }
  const replica = createReplica({ ...platform, storage: memoryStorage() })
  connect(replica, { transports: [webSocket(syncUrl)] })
  return replica
}

/** Writes to the document `note`, so that there is one. */
export async function writeNote(syncUrl: string): Promise<void> {
  const { register, schema } = await import('@rejoin/state')
  const replica = await openClient(syncUrl)
  const note = await replica.open('note', schema({ text: register('') }))
  await note.change((draft) => draft.text.set('written')).reached('server')
  await replica.close()
}
