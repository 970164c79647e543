import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { relayTo, type TcpRelay } from '../support/tcp-relay.ts'
import { Captains } from './captains.ts'
import { type Client, openClient, Shelf, until } from './clients.ts'
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts'

const names = ['a', 'b', 'c', 'd', 'e'] as const
type Name = (typeof names)[number]

interface Verdict {
  readonly mode: string
  readonly sides: readonly (readonly string[])[]
  readonly oneWay: readonly { readonly from: string; readonly to: string }[]
}

/** Five servers in processes of their own, each connected with each through a cable that can be pulled. */
class Cluster {
  readonly servers = new Map<Name, ServerProcess>()
  readonly cables = new Map<string, TcpRelay>()
  readonly directory: string

  constructor(directory: string) {
    this.directory = directory
  }

  async start(name: Name, port = 0): Promise<ServerProcess> {
    const joins: string[] = []
    for (const other of names.slice(0, names.indexOf(name))) {
      const pair = `${other}${name}`
      const cable = this.cables.get(pair) ?? (await relayTo(this.servers.get(other)?.port as number))
      this.cables.set(pair, cable)
      joins.push('--join', `ws://127.0.0.1:${cable.port}`)
    }
    const server = await startServer({
      dataDir: `${this.directory}/${name}`,
      args: [
        '--node',
        name,
        '--voters',
        names.join(),
        '--founding',
        '--no-advertise',
        '--port',
        String(port),
        ...joins,
      ],
    })
    this.servers.set(name, server)
    return server
  }

  /** Of all servers, over cables that are pulled with those of one of them. */
  async urlsAsOf(name: Name): Promise<string[]> {
    const urls: string[] = []
    for (const [other, { syncUrl, port }] of this.servers) {
      const cable = other === name ? undefined : await relayTo(port)
      if (cable !== undefined) this.cables.set(`${name}>${other}`, cable)
      urls.push(syncUrl.replace(`:${port}`, `:${cable?.port ?? port}`))
    }
    return urls
  }

  /** The cables between two groups. */
  between(left: string, right: string): TcpRelay[] {
    return [...this.cables]
      .filter(
        ([pair]) => [...pair].some((name) => left.includes(name)) && [...pair].some((name) => right.includes(name)),
      )
      .map(([, cable]) => cable)
  }

  async verdictOf(name: Name): Promise<Verdict | undefined> {
    const answer = await fetch(`${this.servers.get(name)?.url}/debug/partition`).catch(() => undefined)
    return answer === undefined ? undefined : ((await answer.json()) as { readonly verdict?: Verdict }).verdict
  }

  async modes(of: readonly Name[] = names): Promise<string> {
    const verdicts = await Promise.all(of.map((name) => this.verdictOf(name)))
    return verdicts.map((verdict) => verdict?.mode ?? '-').join(' ')
  }

  untilModes(what: string, modes: string, of: readonly Name[] = names): Promise<void> {
    return until(`${what}: ${modes}`, async () => (await this.modes(of)) === modes, 65_000)
  }

  untilFull(): Promise<void> {
    return this.untilModes('healed', 'full full full full full')
  }
}

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let cluster: Cluster
const clients: Client[] = []
const captains = new Captains()
beforeAll(async () => {
  directory = await temporaryDirectory()
  cluster = new Cluster(directory.path)
  for (const name of names) await cluster.start(name)
}, 60_000)
afterAll(async () => {
  await captains.close()
  for (const client of clients) await client.close()
  for (const server of cluster.servers.values()) await server.kill()
  for (const cable of cluster.cables.values()) await cable.close()
  await directory.remove()
})

describe('five servers in processes of their own', () => {
  it('[SV20] know where they stand in every split, heal from each by themselves, lose nothing that was acknowledged, and hold a lease once at most', async () => {
    const acknowledged: string[] = []
    let isWriting = true
    const shelves = await Promise.all(
      names.map(async (name) => {
        const client = openClient(cluster.servers.get(name)?.syncUrl as string)
        clients.push(client)
        await captains.add(name, openClient(await cluster.urlsAsOf(name)))
        return await client.replica.open('shelf', Shelf)
      }),
    )
    const writers = shelves.map(async (shelf, at) => {
      for (let turn = 0; isWriting; turn++) {
        const entry = `${names[at]} ${turn}`
        const receipt = shelf.change((draft) => {
          draft.entries.add(entry)
          draft.count.add(1)
        })
        await Promise.race([receipt.reached('server'), new Promise((resolve) => setTimeout(resolve, 5000))])
        if (receipt.level === 'server') acknowledged.push(entry)
        await new Promise((resolve) => setTimeout(resolve, 40))
      }
    })
    await cluster.untilFull()

    // Halves: the cables are pulled.
    const halves = cluster.between('ab', 'cde')
    for (const cable of halves) cable.cut()
    await cluster.untilModes('halves', 'minority minority majority majority majority')
    expect((await cluster.verdictOf('a'))?.sides).toEqual([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ])
    for (const cable of halves) cable.restore()
    await cluster.untilFull()

    // One alone, behind a black hole, with whoever held the lease: nobody is told anything.
    await until('somebody holds the lease', () => captains.holder !== undefined, 30_000)
    const lonely = captains.holder as Name
    const others = names.filter((name) => name !== lonely)
    const alone = cluster.between(lonely, others.join(''))
    for (const cable of alone) cable.swallow('both')
    const modes = names.map((name) => (name === lonely ? 'isolated' : 'majority'))
    await cluster.untilModes('one alone', modes.join(' '))
    await until(
      'another one holds it',
      () => captains.wrong.length > 0 || others.includes(captains.holder as Name),
      30_000,
    )
    for (const cable of alone) cable.restore()
    await cluster.untilFull()

    // A bridge: c reaches all, the others only their neighbour, and nobody is cut off.
    const bridge = cluster.between('ab', 'de')
    for (const cable of bridge) cable.cut()
    await cluster.untilModes('a bridge', 'mixed mixed mixed mixed mixed')
    for (const cable of bridge) cable.restore()
    await cluster.untilFull()

    // What a sends to b is swallowed: both are connected through the others.
    const oneWay = cluster.between('a', 'b')
    for (const cable of oneWay) cable.swallow('client')
    await until('a link works one way only', async () => (await cluster.modes()).includes('mixed'), 65_000)
    expect(await cluster.modes()).not.toMatch(/minority|isolated/)
    // Until b gives the connection up, as it hears nothing.
    const told = new Map<Name, unknown>()
    await until(
      'all have said which way it works',
      async () => {
        for (const name of names) {
          const [found] = (await cluster.verdictOf(name))?.oneWay ?? []
          if (found !== undefined) told.set(name, found)
        }
        return told.size === names.length
      },
      65_000,
    )
    expect(new Set([...told.values()].map((found) => JSON.stringify(found)))).toEqual(
      new Set([JSON.stringify({ from: 'b', to: 'a' })]),
    )
    for (const cable of oneWay) cable.restore()
    await cluster.untilFull()

    // Cables that come and go.
    for (let turn = 0; turn < 20; turn++) {
      for (const cable of halves)
        if (turn % 2 === 0) cable.cut()
        else cable.restore()
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    for (const cable of halves) cable.restore()

    // A process that dies, and comes back to its data.
    const { port } = cluster.servers.get('d') as ServerProcess
    await cluster.servers.get('d')?.kill()
    await cluster.untilModes('one is dead', 'majority majority majority majority', ['a', 'b', 'c', 'e'])
    await cluster.start('d', port)
    await cluster.untilFull()

    isWriting = false
    await Promise.all(writers)
    expect(captains.wrong).toEqual([])
    expect(captains.counted.size).toBeGreaterThan(100)
    expect(acknowledged.length).toBeGreaterThan(500)
    await until(
      'all hold the same',
      () => new Set(shelves.map((shelf) => `${shelf.digest()} ${shelf.snapshot.entries.length}`)).size === 1,
      60_000,
    )
    const [{ snapshot }] = shelves as [(typeof shelves)[number]]
    const entries = new Set(snapshot.entries)
    expect(acknowledged.filter((entry) => !entries.has(entry))).toEqual([])
    expect(snapshot.count).toBe(entries.size)
    for (const server of cluster.servers.values()) {
      expect(server.log.filter(({ level }) => Number(level) >= 50).map(({ msg }) => msg)).not.toContain(
        'internal-error',
      )
    }
  }, 400_000)
})
