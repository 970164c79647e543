/**
 * Leases in a key-value bucket of NATS JetStream. A module of its own, so that only who imports it needs `@nats-io/jetstream` and
 * `@nats-io/kv`; the connection comes from the program, by whichever transport.
 *
 * @module
 */
import { hostname } from 'node:os'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type KV, Kvm } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/nats-core'
import { rejoinError } from '@rejoin/state'
import type { Clock } from '@rejoin/sync'
import { type ConditionalStore, type LeaseBackends, type StoreAnswer, storeLeases } from '@rejoin/sync/partition'
import { answerOfError, bucketConfig, bucketFault, isMissing, streamOf } from './nats-answers.ts'
import { processClock, processRandom, processTimers } from './platform.ts'

/** How leases are kept in NATS. */
export interface NatsLeaseOptions {
  /** An open connection. It should go on reconnecting for ever (`maxReconnectAttempts: -1`). It stays the program's to close. */
  readonly connection: NatsConnection
  /** Name of the bucket: letters, digits, `-` and `_`. One that is not there is made; one that could not keep leases safely is refused. */
  readonly bucket: string
  /** What this replica is called where another is refused what it holds. Default: the host's name and the process id. */
  readonly name?: string
  /**
   * The longest that any lease in this bucket is asked for, milliseconds; the same at all that use it, or they are refused. In a bucket that is
   * new or has lost what it had nothing is granted for so long. Default 30 s.
   */
  readonly maxTtlMs?: number
  /** By how much of itself the rate of a clock may be wrong. Default 0.05. */
  readonly epsilon?: number
  /** Servers that keep the bucket, where it is made. Default 1; with less than 3 a server that loses its disk has lost the bucket. */
  readonly replicas?: 1 | 3 | 5
  /** Default: those of the process. */
  readonly clock?: Clock
}

/**
 * Leases that a NATS server grants. For the partition layer: `watchPartitions(replica, { leases: leasesFrom(natsLeases(...)) })`.
 * @throws RejoinError `config-invalid`.
 *
 * @example
 * // check: needs a NATS server
 * import { connect } from '@nats-io/transport-node'
 * import { natsLeases } from '@rejoin/node/nats'
 *
 * const leases = natsLeases({ connection: await connect({ maxReconnectAttempts: -1 }), bucket: 'leases' }).of('match')
 * const outcome = await leases.acquire('round', 10_000)
 */
export function natsLeases(options: NatsLeaseOptions): LeaseBackends {
  const { connection, bucket, name = `${hostname()} ${process.pid}`, clock = processClock, replicas = 1 } = options
  if (!/^[-\w]+$/.test(bucket)) throw rejoinError('config-invalid', { reason: `No bucket is called "${bucket}".` })
  const { maxTtlMs, epsilon } = options
  return storeLeases({
    store: natsStore(connection, bucket, replicas),
    name,
    clock,
    timers: processTimers,
    random: processRandom,
    ...(maxTtlMs === undefined ? {} : { maxTtlMs }),
    ...(epsilon === undefined ? {} : { epsilon }),
  })
}

/** A bucket, read at its leader and written where nobody wrote since. */
function natsStore(connection: NatsConnection, bucket: string, replicas: number): ConditionalStore {
  let opened: Promise<KV> | undefined
  let isSound = false

  const open = (): Promise<KV> => {
    // Not directly: a copy may be behind. Nothing is asked of the server for it.
    opened ??= new Kvm(jetstream(connection)).open(bucket, { allow_direct: false })
    return opened
  }
  /** Makes the bucket, or judges it. */
  const prepare = async (): Promise<string | undefined> => {
    const { streams } = await jetstreamManager(connection, { checkAPI: false })
    const info = await streams.info(streamOf(bucket)).catch(async (error: unknown) => {
      if (!isMissing(error)) throw error
      return await streams.add(bucketConfig(bucket, replicas))
    })
    return bucketFault(info.config)
  }
  const entry = async (key: string): Promise<StoreAnswer> => {
    const kv = await open()
    const found = await kv.get(key)
    if (found === null) return { kind: 'entry', revision: 0, text: undefined }
    return { kind: 'entry', revision: found.revision, text: found.operation === 'PUT' ? found.string() : undefined }
  }
  const read = async (key: string, isFirst: boolean): Promise<StoreAnswer> => {
    if (isFirst && isSound) {
      const known = await entry(key).catch((error: unknown) => {
        if (isMissing(error)) return undefined
        throw error
      })
      if (known?.kind === 'entry' && known.revision > 0) return known
      // The bucket may be another one than before.
      isSound = false
    }
    if (isFirst) {
      const fault = await prepare()
      if (fault !== undefined) return { kind: 'failed', because: 'unsound', reason: fault }
      isSound = true
    }
    return await entry(key)
  }

  return {
    read: (key, withinMs) => settled(read(keyOf(key), key.length === 1), withinMs),
    write: (key, text, expected, withinMs) =>
      settled(
        open()
          .then((kv) => kv.put(keyOf(key), text, { previousSeq: expected, timeout: withinMs }))
          .then((revision) => ({ kind: 'written', revision })),
        withinMs,
      ),
  }
}

/** Names may hold what keys may not. */
function keyOf(names: readonly string[]): string {
  return names.map((name) => Buffer.from(name).toString('base64url') || '=').join('.')
}

/** An answer within the time, whatever becomes of the request. */
async function settled(request: Promise<StoreAnswer>, withinMs: number): Promise<StoreAnswer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<StoreAnswer>((resolve) => {
    const reason = `NATS: no answer within ${withinMs} ms.`
    timer = setTimeout(() => resolve({ kind: 'failed', because: 'unavailable', reason }), withinMs)
  })
  try {
    return await Promise.race([request.catch(answerOfError), late])
  } finally {
    clearTimeout(timer)
  }
}
