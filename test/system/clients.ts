import { processClock, processRandom, processTimers, webSocket } from '@rejoin/node'
import { counter, list, register, schema, set } from '@rejoin/state'
import { connect, createReplica, memoryStorage, type Net, type Replica, type Storage } from '@rejoin/sync'

/** A document in which every change adds one unique entry and one to the count: all of it or nothing. */
export const Shelf = schema({
  entries: set<string>(),
  count: counter(),
  title: register(''),
  log: list<string>(),
})

/** A replica dialling one server. */
export interface Client {
  readonly replica: Replica
  readonly net: Net
  close(): Promise<void>
}

export interface ClientOptions {
  readonly token?: string
  readonly storage?: Storage
  readonly name?: string
}

/** Opens a replica with a store in memory and connects it, with one server or several. */
export function openClient(syncUrl: string | readonly string[], options: ClientOptions = {}): Client {
  const { token, storage = memoryStorage(), name = '' } = options
  const replica = createReplica({ clock: processClock, timers: processTimers, random: processRandom, storage, name })
  const net = connect(replica, {
    transports: [syncUrl].flat().map((url) => webSocket(url, token === undefined ? {} : { token: () => token })),
  })
  return {
    replica,
    net,
    async close() {
      net.close()
      await replica.close()
    },
  }
}

/** Resolves as soon as `holds`; rejects with `what` after `timeoutMs`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`after ${timeoutMs} ms still not so: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
