// The smallest page around a replica: one document, stored in IndexedDB, shared with the other tabs of its profile, and
// with a server when the address says `?sync=ws://...`. The test drives it through `hooks`.
import { type ConflictSide, counter, flag, list, map, mvRegister, register, schema, set } from '@rejoin/state'
import { connect, type HealEvent } from '@rejoin/sync'
import { broadcastChannel, indexedDb, openReplica, webSocket } from '@rejoin/web'

const Island = schema({
  weather: register('calm'),
  banner: mvRegister<string>(),
  tally: counter(0),
  open: flag(false),
  chest: set<string>(),
  boats: map({ name: register(''), cargo: counter(0) }),
  log: list<string>(),
})

const sync = new URL(location.href).searchParams.get('sync')
const replica = await openReplica({ storage: indexedDb('island') })
const island = await replica.open('island', Island)
// Where the page alone is the witness, before any other tab or the server can have said a word.
const atOpen = { snapshot: island.snapshot, unsaved: island.unsaved.changes }
const net = connect(replica, {
  transports: [broadcastChannel('island'), ...(sync === null ? [] : [webSocket(sync)])],
})
const heals: HealEvent[] = []
net.onHealed((event) => heals.push(event))

/** What a hand does on the page, by name. */
const edits = {
  weather: (value: string) => island.change((draft) => draft.weather.set(value)),
  banner: (value: string) => island.change((draft) => draft.banner.set(value)),
  tally: (by: number) => island.change((draft) => draft.tally.add(by)),
  open: (value: boolean) => island.change((draft) => (value ? draft.open.enable() : draft.open.disable())),
  put: (item: string) => island.change((draft) => draft.chest.add(item)),
  take: (item: string) => island.change((draft) => draft.chest.delete(item)),
  launch: (id: string, name: string) => island.change((draft) => draft.boats.get(id).name.set(name)),
  load: (id: string, cargo: number) => island.change((draft) => draft.boats.get(id).cargo.add(cargo)),
  sink: (id: string) => island.change((draft) => draft.boats.delete(id)),
  write: (line: string) => island.change((draft) => draft.log.push(line)),
}

export type Edit = { [K in keyof typeof edits]: [K, ...Parameters<(typeof edits)[K]>] }[keyof typeof edits]

const make = (steps: Edit[]) =>
  steps.map(([name, ...args]) => (edits[name] as (...given: unknown[]) => ReturnType<typeof edits.tally>)(...args))

/** An added element has no value beside itself, and reads as null. */
const wrote = ({ value }: ConflictSide) => (value === undefined ? 'removed' : value)

/** What one wants to know when an edit got stuck. */
const health = () => ({
  link: net.link,
  unsaved: island.unsaved,
  storage: replica.storageStatus,
  peers: net.peers.length,
  metrics: replica.metrics(),
})

const hooks = {
  /** Makes the edits and waits until they are on disk, or on the server. */
  edit: async (steps: Edit[], level: 'disk' | 'server') => {
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error(`not on the ${level} after 20 s: ${JSON.stringify(health())}`)), 20_000)
    })
    for (const receipt of make(steps)) await Promise.race([receipt.reached(level), late])
  },
  /** Makes the edits and reloads at once, without waiting for anything. */
  editAndReload: (steps: Edit[]) => {
    make(steps)
    location.reload()
  },
  atOpen: () => atOpen,
  /** Another number after each reload. */
  loadedAt: () => performance.timeOrigin,
  snapshot: () => island.snapshot,
  digest: () => island.digest(),
  unsaved: () => island.unsaved.changes,
  link: () => net.link.state,
  health,
  heals: () =>
    heals.map((event) => ({
      revision: event.revision,
      ours: event.ours.changes,
      theirs: event.theirs.changes,
      conflicts: event.conflicts
        .map(({ path, element, rule, winner, ours, theirs, ancestor }) => ({
          path: [path.join('/'), ...(element === undefined ? [] : [String(element)])].join(' '),
          rule,
          winner,
          ours: wrote(ours),
          theirs: wrote(theirs),
          ancestor,
        }))
        .sort((left, right) => (left.path < right.path ? -1 : 1)),
    })),
  reconnect: () => net.reconnect(),
  /** Keeps this tab from answering anybody, as one that is busy closing. */
  freeze: (durationMs: number) => {
    const until = performance.now() + durationMs
    while (performance.now() < until);
  },
}

export type IslandHooks = typeof hooks
Object.assign(globalThis, { hooks })
