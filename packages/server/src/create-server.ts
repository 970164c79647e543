/**
 * A sync server: one replica in the role of a server, behind one port.
 *
 * Invariants:
 * 1. Nothing is acknowledged that the store has not made durable. The replica upholds it; this file never acknowledges.
 * 2. While the store fails no link is taken in, and if it goes on failing none stays: clients keep what they have.
 * 3. What one client sends harms at most its own link.
 */
import type { Server } from 'node:http'
import { lmdb, processClock, processRandom, processTimers, saveTraces, webSocketServer } from '@rejoin/node'
import { type RejoinError, rejoinError } from '@rejoin/state'
import { connect, createReplica, type Net, type Replica, type StorageStatus, syncPath } from '@rejoin/sync'
import {
  clusterDocument,
  countVotes,
  type Health,
  healthOf,
  mirrorDocuments,
  onHealth,
  type PartitionOptions,
  type Partitions,
  type PlannedDialing,
  type VoteCounts,
  voting,
  watchPartitions,
} from '@rejoin/sync/partition'
import { createAuthorizer } from './authorizer.ts'
import { holdDataLock } from './data-lock.ts'
import { debugAnswer } from './debug.ts'
import { createFronts, openStaticFiles } from './fronts.ts'
import { type Readiness, readinessWords } from './http-front.ts'
import { guardLinks } from './link-guard.ts'
import { bind, unbind, urlOf } from './listening.ts'
import { createServerMetrics } from './metrics.ts'
import { operate } from './operate.ts'
import type { IsOperator } from './operator-access.ts'
import type { RejoinServer, ServerAddress, ServerHealth, ServerLogger, ServerOptions } from './options.ts'
import { advertisedOf, diagnosePeers, dialingOf, serverEnvironment } from './peers.ts'
import { createRosterAsks } from './roster-asks.ts'
import { checkedSettings, type ServerSettings, settingsForLog } from './settings.ts'
import { observeStorage } from './storage-observer.ts'
import { remoteOf, upgradePolicy } from './upgrade-policy.ts'
import { ownVersion } from './version.ts'

/** How long a new server waits for the old one to let go of the data: a lease of a dead holder, and a little. */
const dataLockPatienceMs = 16_000

type Phase = 'new' | 'opening' | 'listening' | 'draining' | 'closed'

interface Opened {
  readonly replica: Replica
  readonly net: Net
  readonly partitions: Partitions
  readonly votes: Readonly<VoteCounts>
  readonly dialing: PlannedDialing
  readonly front: Server
  readonly admin: Server | undefined
  readonly releaseData: () => Promise<void>
}

/**
 * Creates a server; nothing is opened before `listen`.
 *
 * On one port: WebSocket at `/sync`, health at `/livez` and `/readyz`, numbers at `/metrics`, and the files of
 * `staticDir`. Rules, limits and close codes: `SPEC.md`.
 *
 * @throws RejoinError `server-exposed` when bound beyond loopback with neither `authorize` nor `insecure`;
 * `config-invalid` when neither or both of `storage` and `dataDir` are given.
 * @example
 * import { memoryStorage } from '@rejoin/sync'
 * const server = createServer({ storage: memoryStorage(), port: 0 })
 * const { syncUrl } = await server.listen()
 * syncUrl.endsWith('/sync') // => true
 * await server.close()
 */
export function createServer(options: ServerOptions): RejoinServer {
  const settings = checkedSettings(options)
  const { limits } = settings
  const log = options.logger ?? silentLogger
  let phase: Phase = 'new'
  let opened: Opened | undefined
  let opening: Promise<ServerAddress> | undefined
  let closing: Promise<void> | undefined
  let address: ServerAddress | undefined

  const metrics = createServerMetrics(ownVersion(), {
    ready: () => readiness().ready,
    storageOk: () => storeStatus().state === 'ok',
    replica: () => opened?.replica.metrics(),
    partitions: () => opened?.partitions,
    votes: () => opened?.votes,
    dialing: () => opened?.dialing,
  })
  const lent = options.storage
  const storeStatus = (): StorageStatus => opened?.replica.storageStatus ?? { state: 'ok' }
  const store = observeStorage(lent ?? lmdb(options.dataDir as string), metrics, {
    now: () => processClock.monotonic(),
    isLent: lent !== undefined,
  })
  const sockets = webSocketServer({
    path: syncPath,
    maxFrameBytes: limits.messageBytes,
    remoteOf,
    refuse: upgradePolicy(settings.origins, settings.loopback, ({ code, reason }, remote) => {
      metrics.connectionsRefused.inc({ code })
      log.warn({ code, reason, remote }, 'upgrade refused')
    }),
  })
  const guard = guardLinks(sockets, {
    limits,
    metrics,
    now: () => processClock.monotonic(),
    onClosed: (info, { code, reason }) => log.debug({ remote: info.remote, code, reason }, 'link closed'),
  })

  const readiness = (): Readiness => {
    if (phase === 'draining' || phase === 'closed') return { ready: false, code: 'server-draining' }
    if (phase !== 'listening') return { ready: false, code: 'server-starting' }
    const status = storeStatus()
    return status.state === 'ok' ? { ready: true } : { ready: false, code: status.code }
  }
  // Invariant 2 is the replica's: it turns hellos away at once and lets its clients go when the store stays broken.
  guard.refuseWith(() =>
    phase === 'listening' ? undefined : { code: 'server-draining', reason: 'the server is shutting down' },
  )

  const authorize = createAuthorizer(options.authorize, {
    timeoutMs: limits.authorizeTimeoutMs,
    tokenBytes: limits.tokenBytes,
    onAnswer(answer, tookMs) {
      metrics.authorizeAnswers.inc({ answer })
      metrics.authorizeSeconds.observe(tookMs / 1_000)
    },
    onTrouble: (document, problem) => log.error({ document, problem }, 'the authorize hook failed'),
  })
  const isOperator: IsOperator = async (token, remote) =>
    (await authorize({ token, document: clusterDocument, remote, origin: undefined, replica: 'operator' })) === 'admin'

  const rosterAsks = createRosterAsks(
    () => opened?.partitions,
    () => Date.now(),
  )

  const openReplica = (): Replica =>
    createReplica({
      clock: processClock,
      timers: processTimers,
      random: processRandom,
      storage: store,
      environment: serverEnvironment,
      role: 'server',
      name: settings.node,
      grantsRights: settings.grantsRights,
      limits: {
        messageBytes: limits.messageBytes,
        bundleBytes: limits.documentBytes,
        documentsPerConnection: limits.documentsPerConnection,
      },
      timing: { handshakeMs: limits.helloTimeoutMs },
      authorize,
      onLog: ({ level, event, details }) => {
        if (event === 'roster-settled') rosterAsks.settled(details)
        log[level](details, event)
      },
    })

  const open = async (): Promise<ServerAddress> => {
    const files = settings.staticDir === undefined ? undefined : await openStaticFiles(settings.staticDir)
    const releaseData = await holdDataLock(
      store,
      () => (closing === undefined ? dataLockPatienceMs : 0),
      () => log.warn({ dataDir: options.dataDir }, 'another server has the data open; waiting for it to let go'),
    )
    if (closing !== undefined) {
      await releaseData()
      throw closedEarly()
    }
    const replica = openReplica()
    if (options.traceDir !== undefined) {
      saveTraces(replica, {
        directory: options.traceDir,
        onError: (error) => log.error({ error: String(error) }, 'a trace could not be written'),
      })
    }
    mirrorDocuments(replica)
    const partitions = watchPartitions(replica, partitionOptions(settings))
    metrics.followIncidents(partitions)
    onHealth(partitions, ({ status, reasons }) => {
      const level = status === 'well' ? 'info' : 'warn'
      log[level]({ status, reasons: reasons.map(({ text }) => text) }, 'health')
    })
    const dialing = dialingOf(settings, options.joinToken, partitions)
    const net = connect(replica, { transports: [guard.transport], dialing })
    // Under the name by which they are let in; a client is none, whatever it calls itself.
    const servers = (): string[] => [
      ...new Set(net.peers.filter(({ role }) => role === 'server').map(({ name }) => name)),
    ]
    const diagnose = (named: readonly string[]) => diagnosePeers(settings, options.joinToken, dialing, named)
    const { front, admin } = createFronts({
      settings,
      operations: {
        readiness,
        metrics,
        isOperator: options.authorize === undefined ? undefined : isOperator,
        health: () => healthOf(partitions.status),
        debug: (name) => debugAnswer({ partitions, dialing, rosterAsk: rosterAsks.last, servers: servers() }, name),
        operate: (name, request) =>
          operate({ replica, partitions, rosterAsks, storage: store, dialing, servers, diagnose }, name, request),
      },
      files,
      sockets,
    })
    opened = { replica, net, partitions, votes: countVotes(partitions), dialing, front, admin, releaseData }
    const { host, adminHost } = settings
    const adminPort = admin === undefined ? undefined : await bind(admin, adminHost, settings.adminPort ?? 0)
    const port = await bind(front, host, settings.port)
    const bound: ServerAddress = {
      host,
      port,
      url: urlOf('http', host, port),
      syncUrl: urlOf('ws', host, port) + syncPath,
      adminUrl: adminPort === undefined ? undefined : urlOf('http', adminHost, adminPort),
    }
    dialing.advertise(advertisedOf(settings, bound))
    return bound
  }

  const shutDown = async (): Promise<void> => {
    if (opened !== undefined) {
      const { replica, net, partitions, front, admin, releaseData } = opened
      const unbound = unbind(front, limits.drainTimeoutMs)
      // What came before this moment is made durable and acknowledged; what comes later is sent again elsewhere.
      const flushed = await within(limits.drainTimeoutMs, replica.flush())
      if (!flushed) log.error(storeStatus(), 'the store did not take what was left; it was never acknowledged')
      // While it is heard: it gives back its leases, and takes the end of its connections for no split.
      partitions.close()
      guard.closeAll({ code: 'server-draining', reason: 'the server is shutting down' })
      net.close()
      // Before the store is closed, which waits for the locks it gave.
      await within(closeTimeoutMs, releaseData())
      await within(closeTimeoutMs, replica.close())
      await unbound
      if (admin !== undefined) await unbind(admin, 0)
    } else await within(closeTimeoutMs, store.close())
    metrics.registry.clear()
    phase = 'closed'
  }

  const health = (): ServerHealth => {
    const state = readiness()
    const among: Health =
      opened === undefined ? { status: 'degraded', reasons: [] } : healthOf(opened.partitions.status)
    return { live: true, ...readinessWords(state), ...among }
  }

  const server: RejoinServer = {
    get url() {
      return address?.url
    },
    get ready() {
      return readiness().ready
    },
    get partitions() {
      return opened?.partitions
    },
    health,
    metrics: () => metrics.text(),
    async listen() {
      if (phase !== 'new') throw rejoinError('closed', { reason: 'listen() may be called once.' })
      phase = 'opening'
      try {
        opening = open()
        address = await opening
        if (closing !== undefined) throw closedEarly()
      } catch (error) {
        await (closing ?? shutDown())
        throw error
      }
      phase = 'listening'
      log.info({ ...address, ...settingsForLog(settings) }, 'listening')
      return address
    },
    close() {
      if (closing === undefined) {
        phase = 'draining'
        log.info({ links: guard.openLinks() }, 'draining')
        // What it has begun to open is there only then.
        const settled = opening?.then(
          () => undefined,
          () => undefined,
        )
        closing = Promise.resolve(settled)
          .then(shutDown)
          .then(() => log.info({}, 'closed'))
      }
      return closing
    },
    [Symbol.asyncDispose]: () => server.close(),
  }
  return server
}

function partitionOptions({ node, voters, policy, founding, preset, join }: ServerSettings): PartitionOptions {
  // Who joins others has their roster, and votes once that names it.
  const isFounding = founding ?? (voters.length === 0 && join.length > 0 ? false : undefined)
  return {
    voting,
    preset,
    ...(voters.length === 0 ? {} : { roster: { epoch: 1, voters: voters.map((id) => ({ id, weight: 1 })), policy } }),
    ...(isFounding === undefined ? {} : { isFounding }),
    ...(node === '' ? { isFounding: true } : {}),
  }
}

function closedEarly(): RejoinError {
  return rejoinError('closed', { reason: 'The server was closed while it started.' })
}

/** How long closing what no longer matters may take before it is left to the end of the process. */
const closeTimeoutMs = 5_000

const silentLogger: ServerLogger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** Whether `work` ended well within the time. It goes on otherwise; its failure has been told elsewhere. */
async function within(timeoutMs: number, work: PromiseLike<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs)
  })
  const done = Promise.resolve(work).then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([done, late])
  } finally {
    clearTimeout(timer)
  }
}
