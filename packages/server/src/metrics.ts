/**
 * Everything the server counts, in a registry of its own, so that two servers in one process do not mix.
 * All names begin with `rejoin_`, those of the process too.
 */
import type { Metrics } from '@rejoin/sync'
import type { Partitions, PlannedDialing, VoteCounts } from '@rejoin/sync/partition'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type CounterRow, registerCounters, registerGauges } from './derived-metrics.ts'
import { registerDialMetrics } from './dial-metrics.ts'
import { registerIncidentMetrics } from './incident-metrics.ts'
import { registerLeaseMetrics } from './lease-metrics.ts'
import { registerPartitionMetrics } from './partition-metrics.ts'

/** The measures of one server. `text()` is the answer of `/metrics`. */
export interface ServerMetrics {
  readonly registry: Registry
  /** Counts what becomes of the splits and incidents of a partition layer, from now on. */
  readonly followIncidents: (partitions: Partitions) => void
  readonly contentType: string
  text(): Promise<string>
  readonly connections: Gauge
  readonly connectionsOpened: Counter
  readonly connectionsRefused: Counter<'code'>
  readonly connectionsClosed: Counter<'code'>
  readonly framesReceived: Counter
  readonly framesSent: Counter
  readonly bytesReceived: Counter
  readonly bytesSent: Counter
  readonly badFrames: Counter<'code'>
  readonly authorizeAnswers: Counter<'answer'>
  readonly authorizeSeconds: Histogram
  readonly storageWrites: Counter
  readonly storageRows: Counter
  readonly storageWriteSeconds: Histogram
  readonly storageFailures: Counter<'code'>
  readonly httpRequests: Counter<'status'>
}

/** States read at the moment of a scrape. */
export interface ServerGauges {
  readonly ready: () => boolean
  readonly storageOk: () => boolean
  /** The numbers of the replica, once there is one. */
  readonly replica: () => Metrics | undefined
  readonly partitions: () => Partitions | undefined
  readonly votes: () => Readonly<VoteCounts> | undefined
  readonly dialing: () => PlannedDialing | undefined
}

/** What the replica counts itself: by its name there, the name here, and what it says. */
const replicaCounters: readonly CounterRow<keyof Metrics>[] = [
  ['malformedFrames', 'malformed_frames_total', 'Frames that broke the protocol; each ended its connection.'],
  ['rejectedHandshakes', 'rejected_handshakes_total', 'Handshakes declined.'],
  ['changesMerged', 'changes_merged_total', 'Changes of clients merged.'],
  ['changesSent', 'changes_sent_total', 'Changes sent to clients.'],
  ['bundlesMerged', 'bundles_merged_total', 'Bundles of clients merged.'],
  ['bundlesSent', 'bundles_sent_total', 'Bundles sent to clients.'],
  ['chunksSent', 'chunks_sent_total', 'Pieces of bundles sent.'],
  ['transfersResumed', 'transfers_resumed_total', 'Transfers that went on where a connection had broken off.'],
  ['conflicts', 'conflicts_total', 'Conflicts noticed while merging.'],
  ['refusedWrites', 'refused_writes_total', 'Writes dropped because their connection may not make them.'],
  ['changesWaiting', 'changes_waiting_total', 'Changes that waited for what they depend on.'],
  ['joinsBySketch', 'joins_by_sketch_total', 'Returns from below the floor answered by sketch.'],
  ['joinsWhole', 'joins_whole_total', 'Returns from below the floor answered with the whole state.'],
  ['needs', 'needs_total', 'Times that missing state was asked for again.'],
  ['divergences', 'divergences_total', 'Replicas seen with equal versions and unequal states. Should be 0.'],
  ['forks', 'forks_total', 'Authors under which two wrote: machines cloned while they ran. Should be 0.'],
  ['repairs', 'repairs_total', 'Documents made anew from the disk because memory was damaged. Should be 0.'],
  ['damagedPlaces', 'damaged_places_total', 'Places that changed in memory without being written. Should be 0.'],
  ['corruptRows', 'corrupt_rows_total', 'Stored rows that did not pass their checksum. Should be 0.'],
  ['compactions', 'compactions_total', 'Documents whose rows were folded into a snapshot.'],
  ['prunings', 'prunings_total', 'Times that removal records of a document were freed.'],
  ['epochs', 'epochs_total', 'Epochs begun, at which metadata of a document was folded.'],
  ['epochsClosed', 'epochs_closed_total', 'Changes and bundles left alone as nobody knows what was folded since.'],
]
const replicaGauges: readonly (readonly [keyof Metrics, string, string])[] = [
  ['openDocuments', 'open_documents', 'Documents in memory.'],
  ['unwrittenBytes', 'unwritten_bytes', 'Bytes received and not durable yet.'],
]

/** Creates the registry of one server. */
export function createServerMetrics(version: string, gauges: ServerGauges): ServerMetrics {
  const registry = new Registry()
  const registers = [registry]
  const counter = <L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> =>
    new Counter({ name: `rejoin_${name}`, help, labelNames, registers })
  collectDefaultMetrics({ register: registry, prefix: 'rejoin_' })
  new Gauge({ name: 'rejoin_build_info', help: 'The running version.', labelNames: ['version'], registers }).set(
    { version },
    1,
  )
  registerGauges(registry, [
    ['ready', 'Whether /readyz answers 200.', () => (gauges.ready() ? 1 : 0)],
    ['storage_ok', 'Whether the latest write to the store succeeded.', () => (gauges.storageOk() ? 1 : 0)],
  ])
  registerCounters(registry, replicaCounters, gauges.replica)
  registerPartitionMetrics(registry, gauges.partitions)
  registerLeaseMetrics(registry, gauges.partitions, gauges.votes)
  registerDialMetrics(registry, gauges.dialing)
  registerGauges(
    registry,
    replicaGauges.map(([key, name, help]) => [name, help, () => gauges.replica()?.[key] ?? 0]),
  )
  return {
    registry,
    followIncidents: registerIncidentMetrics(registry),
    contentType: registry.contentType,
    text: () => registry.metrics(),
    connections: new Gauge({ name: 'rejoin_connections', help: 'Open WebSocket connections.', registers }),
    connectionsOpened: counter('connections_opened_total', 'WebSocket connections accepted.'),
    connectionsRefused: counter('connections_refused_total', 'Upgrades refused, by code.', ['code']),
    connectionsClosed: counter('connections_closed_total', 'WebSocket connections ended, by close code.', ['code']),
    framesReceived: counter('frames_received_total', 'Messages received.'),
    framesSent: counter('frames_sent_total', 'Messages sent.'),
    bytesReceived: counter('received_bytes_total', 'Payload bytes received.'),
    bytesSent: counter('sent_bytes_total', 'Payload bytes sent.'),
    badFrames: counter('bad_frames_total', 'Connections closed for what the peer sent, by code.', ['code']),
    authorizeAnswers: counter('authorize_answers_total', 'Answers of the authorize hook; error and timeout mean no.', [
      'answer',
    ]),
    authorizeSeconds: new Histogram({
      name: 'rejoin_authorize_seconds',
      help: 'Time the authorize hook took.',
      buckets: [0.001, 0.01, 0.1, 0.5, 1, 5],
      registers,
    }),
    storageWrites: counter('storage_writes_total', 'Batches made durable.'),
    storageRows: counter('storage_rows_total', 'Row operations in durable batches.'),
    storageWriteSeconds: new Histogram({
      name: 'rejoin_storage_write_seconds',
      help: 'Time from handing a batch to the store until it is durable.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers,
    }),
    storageFailures: counter('storage_failures_total', 'Batches the store refused, by code.', ['code']),
    httpRequests: counter('http_requests_total', 'HTTP answers other than WebSocket upgrades, by status.', ['status']),
  }
}
