/**
 * A deterministic world of real replicas: their clocks, links and disks come from one seed, and nothing else moves.
 *
 * Equal options and equal actions give equal runs, in Node and in a page. After every step of every node the checker
 * compares it with the op log. When the faults are over, `pending` says in words what is still missing.
 */
import { type ChangeOptions, type DraftOf, type Schema, Version } from '@rejoin/state'
import type { DialTransport, LogEntry, Replica } from '@rejoin/sync'
import type { SyncRules } from '@rejoin/sync/testing'
import { checkAction } from './action-check.ts'
import { type Checker, type CheckPace, createChecker, type Violation } from './checker.ts'
import type { DiskOptions } from './disk.ts'
import { createSea, type LinkQuality, type Sea, type SeaOptions } from './links.ts'
import { createRandom, type RandomStream } from './random.ts'
import type { Action, Permission, Write } from './scenario.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'
import { type Flicker, startFlicker, stormLanes } from './storms.ts'
import type { WorldEvent } from './world-events.ts'
import { createWorldNode, type NodeSpec, type WorldNode, type WorldPace } from './world-node.ts'

/** How to build a world. */
export interface WorldOptions<S extends Schema> {
  readonly seed: number
  readonly nodes: readonly NodeSpec[]
  readonly schema: S
  /** What a write of a scenario does to the document. */
  readonly write: (draft: DraftOf<S>, write: Write) => void
  /** What a write is written with, such as the token of a lease. */
  readonly changeOptions?: ((write: Write) => ChangeOptions) | undefined
  /** Name of the document. Default `world`. */
  readonly document?: string
  /** Weather without storms. Default 5 to 80 ms and no loss. */
  readonly quality?: LinkQuality
  /** How dialling differs from sailing: see `SeaOptions`. */
  readonly dial?: Pick<SeaOptions, 'dialMs' | 'dialTimeoutMs'>
  /** Whether sessions keep order and lose nothing while they are open. Default true. */
  readonly reliable?: boolean
  readonly disk?: DiskOptions
  /** Replaces rules of the protocol by wrong ones: for tests that show that the checks notice. */
  readonly rules?: Partial<SyncRules>
  readonly pace?: WorldPace
  /** What the starter of a regatta does. */
  readonly regatta?: (node: number) => void
  /** Every node hands out first rights, against the rules: for tests that show that the checks notice. */
  readonly everybodyGrants?: boolean
  /** How much is checked. Default `all`. */
  readonly checks?: CheckPace
  /** Told each replica before it connects: what else runs at a node begins here. */
  readonly attach?: (node: number, replica: Replica) => void
  /** Whether the platforms of the nodes tell hints, which `WorldNode.hint` makes up. Default false. */
  readonly hasHints?: boolean
  /** No link is dialled a second time by one opening of a node: for tests that show that the checks notice. */
  readonly dialsOnce?: boolean
  /** Whether the node of this name is an administrator of a document. Default: nobody is. */
  readonly isAdmin?: (name: string, document: string) => boolean
  readonly onLog?: (node: number, entry: LogEntry) => void
  /** Told everything that happens, as it happens. Without it a world is faster. */
  readonly onEvent?: (event: WorldEvent) => void
}

/** A running world. */
export interface World<S extends Schema> {
  readonly nowMs: number
  readonly scheduler: Scheduler
  readonly sea: Sea
  readonly checker: Checker
  readonly nodes: readonly WorldNode<S>[]
  readonly random: RandomStream
  /** Pairs of lanes that storms and single cuts closed so far. */
  readonly cuts: number
  /** The storm that flickers now, if any. */
  readonly flicker: Flicker | undefined
  readonly violations: readonly Violation[]
  /**
   * Does one thing now: `atMs` is `nowMs`, or its whole milliseconds, so run the world up to it first.
   * @throws RejoinError `invalid-scenario` for another time, or for what does not exist, with what does.
   */
  act(action: Action): void
  /** Runs all events due up to `toMs`, then stands at `toMs`. */
  runUntil(toMs: number): void
  /** Ends every fault: lanes open, disks work, whoever is down starts, and whoever may do nothing may read. */
  calm(): void
  /** What keeps the nodes from being alike, in words. Empty when all are up, equal and without unsaved work. */
  pending(): string[]
}

const gentle: LinkQuality = { latencyMs: [5, 80], loss: 0, duplicate: 0, reorder: 0 }

/** Builds a world and starts all of its nodes. */
export function createWorld<S extends Schema>(options: WorldOptions<S>): World<S> {
  const scheduler = createScheduler()
  const random = createRandom(options.seed, 'world')
  const nameOf = (node: number): string => options.nodes[node]?.name ?? `n${node + 1}`
  const permissions = new Map<string, Permission>()
  const permissionOf = (name: string): Permission => permissions.get(name) ?? 'write'
  const checker = createChecker({
    now: () => scheduler.nowMs,
    nameOf,
    mayWrite: (node) => permissionOf(nameOf(node)) === 'write',
    pace: options.checks ?? 'all',
    isAlone: options.nodes.filter(({ role }) => role === 'server').length === 1,
  })
  const tell = options.onEvent
  const sea = createSea({
    scheduler,
    random: random.stream('sea'),
    quality: options.quality ?? gentle,
    ...options.dial,
    onEvent: tell,
    nameOf,
    hear: (node, run) => {
      const found = nodes[node]
      if (found === undefined) run()
      else found.hear(run)
    },
  })
  const reliable = options.reliable ?? true
  let flicker: Flicker | undefined
  let cuts = 0

  const nodes: readonly WorldNode<S>[] = options.nodes.map((spec, index) =>
    createWorldNode<S>({
      index,
      spec,
      schema: options.schema,
      document: options.document ?? 'world',
      write: options.write,
      changeOptions: options.changeOptions,
      scheduler,
      random,
      checker,
      disk: options.disk,
      rules: options.rules,
      pace: options.pace,
      everybodyGrants: options.everybodyGrants,
      transports: () => [
        ...spec.dials.map((to) => {
          const dialer = sea.dialer(index, to, { reliable, token: () => spec.name })
          return options.dialsOnce === true ? once(dialer) : dialer
        }),
        ...(options.nodes.some((other) => other.dials.includes(index)) ? [sea.listener(index, { reliable })] : []),
      ],
      permission: (token, document) => {
        if (options.isAdmin?.(token ?? '', document) === true) return 'admin'
        const permission = permissionOf(token ?? '')
        return permission === 'none' ? 'no' : permission
      },
      vanish: () => sea.crash(index),
      tell,
      hasHints: options.hasHints,
      attach: options.attach,
      onLog: options.onLog,
    }),
  )

  const setCut = (from: number, to: number, cut: boolean): void => {
    if (sea.isCut(from, to) === cut) return
    if (cut) {
      if (!sea.isCut(to, from)) cuts += 1
      sea.cut(from, to)
    } else sea.restore(from, to)
  }

  const clearSky = (): void => {
    flicker?.stop()
    flicker = undefined
    sea.restoreAll()
  }

  const act = (action: Action): void => {
    checkAction(action, nodes.length, scheduler.nowMs)
    tell?.({ kind: 'acted', atMs: scheduler.nowMs, action })
    const node = 'node' in action ? nodes[action.node] : undefined
    switch (action.kind) {
      case 'write':
        node?.write(action.write)
        break
      case 'cut':
        setCut(action.from, action.to, true)
        break
      case 'restore':
        setCut(action.from, action.to, false)
        break
      case 'restore-all':
        clearSky()
        break
      case 'storm': {
        clearSky()
        const lanes = stormLanes(action.preset, nodes.length, action.node)
        if (action.preset !== 'flicker') for (const { from, to } of lanes) setCut(from, to, true)
        else {
          const turns = random.stream(`flicker/${scheduler.nowMs}`)
          flicker = startFlicker(scheduler, turns, lanes, (lane, cut) => setCut(lane.from, lane.to, cut))
        }
        break
      }
      case 'regatta':
        options.regatta?.(action.node)
        break
      case 'crash':
        node?.crash()
        break
      case 'stop':
        node?.stop()
        break
      case 'restart':
        node?.start()
        break
      case 'wipe':
        node?.wipe()
        break
      case 'disk':
        node?.disk.setMode(action.mode)
        break
      case 'clock':
        node?.jumpClock(action.byMs)
        break
      case 'permit':
        permissions.set(nameOf(action.node), action.permission)
        // What the client has sent by then is still under way.
        for (const other of nodes) if (other.role === 'server') other.reauthorize()
        break
    }
  }

  for (const node of nodes) node.start()

  return {
    get nowMs() {
      return scheduler.nowMs
    },
    scheduler,
    sea,
    checker,
    nodes,
    random,
    get cuts() {
      return cuts
    },
    get flicker() {
      return flicker
    },
    violations: checker.violations,
    act,
    runUntil: scheduler.runUntil,
    calm: () => {
      clearSky()
      for (const node of nodes) {
        node.disk.setMode('ok')
        // A lost right is no fault: who may only read has to follow all the same.
        if (permissions.get(node.name) === 'none') {
          act({ atMs: Math.floor(scheduler.nowMs), kind: 'permit', node: node.index, permission: 'read' })
        }
        for (const other of nodes) if (other !== node) sea.setQuality(node.index, other.index, calmed(options.quality))
        node.start()
      }
    },
    pending: () => pending(nodes),
  }
}

/** The first dial goes out; later ones are never answered. */
function once(dialer: DialTransport): DialTransport {
  let hasDialled = false
  return {
    ...dialer,
    dial: (events) => {
      if (hasDialled) return { send: () => undefined, bufferedBytes: 0, close: () => undefined }
      hasDialled = true
      return dialer.dial(events)
    },
  }
}

function calmed(quality: LinkQuality | undefined): LinkQuality {
  return { ...gentle, ...(quality === undefined ? {} : { latencyMs: quality.latencyMs }) }
}

function pending<S extends Schema>(nodes: readonly WorldNode<S>[]): string[] {
  const missing: string[] = []
  const up = nodes.flatMap((node) => (node.handle === undefined ? [] : [{ node, handle: node.handle }]))
  for (const node of nodes) if (node.handle === undefined) missing.push(`${node.name} is ${node.state}`)
  const all = up.reduce((version, { handle }) => version.merge(handle.version), up[0]?.handle.version ?? Version.empty)
  for (const { node, handle } of up) {
    const lacks = [...all.entries()].filter(([author, seq]) => handle.version.get(author) < seq)
    for (const [author, seq] of lacks) {
      missing.push(`${node.name} lacks ${author.slice(0, 4)}:${handle.version.get(author) + 1}..${seq}`)
    }
    const hasServer = nodes.some((other) => other.role === 'server')
    if (hasServer && node.role === 'client' && handle.unsaved.changes > 0) {
      missing.push(`${node.name} has ${handle.unsaved.changes} changes that no server has acknowledged`)
    }
  }
  if (missing.length === 0) {
    const digests = new Set(up.map(({ handle }) => handle.digest()))
    if (digests.size > 1) missing.push(`equal versions with ${digests.size} digests`)
  }
  return missing
}
