/** What a NATS server's answers mean for leases. */
import type { StreamConfig } from '@nats-io/jetstream'
import type { StoreAnswer } from '@rejoin/sync/partition'

type Failed = Extract<StoreAnswer, { kind: 'failed' }>

/** Codes of the server: it was written since, by whom is known or not. */
const wrongLastSequence: readonly number[] = [10071, 10164]
const streamNotFound = 10059

/** The stream behind a key-value bucket. */
export function streamOf(bucket: string): string {
  return `KV_${bucket}`
}

/** How a bucket for leases is made: nothing in it ends by itself, gives way to what is newer, or is taken out by hand. */
export function bucketConfig(bucket: string, replicas: number): Partial<StreamConfig> & { readonly name: string } {
  return {
    name: streamOf(bucket),
    subjects: [`$KV.${bucket}.>`],
    storage: 'file',
    retention: 'limits',
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    max_age: 0,
    discard: 'new',
    allow_rollup_hdrs: false,
    deny_delete: true,
    deny_purge: true,
  }
}

/** Why leases in a bucket that is set up so would not be safe; undefined where they are. */
export function bucketFault(config: Partial<StreamConfig>): string | undefined {
  const named = (fault: string): string => `The bucket cannot keep leases: ${fault}`
  // A lease that is not there counts as never granted.
  if ((config.max_age ?? 0) > 0)
    return named('its entries end by themselves, by the clock of the server (ttl, max_age).')
  // The others take out what was read, or what nobody waits for.
  if ((config.retention ?? 'limits') !== 'limits') return named('its entries go with those that read them (retention).')
  const isBounded = (config.max_msgs ?? -1) > 0 || (config.max_bytes ?? -1) > 0
  if (isBounded && config.discard !== 'new') return named('what is new pushes out what is old (discard).')
  if (config.deny_delete !== true || config.deny_purge !== true)
    return named('entries can be taken out of it (deny_delete and deny_purge are not set).')
  if (config.allow_rollup_hdrs === true) return named('an entry can take out others (allow_rollup_hdrs).')
  if (config.mirror !== undefined || (config.sources ?? []).length > 0)
    return named('it is a copy of another, or takes in entries of others (mirror, sources).')
  if (config.sealed === true) return named('it is sealed.')
  return undefined
}

/** Whether it says that there is no such bucket. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === streamNotFound
}

/** What a request came to that was answered by an error, or not at all. */
export function answerOfError(error: unknown): Failed | { readonly kind: 'conflict' } {
  const code = codeOf(error)
  if (code !== undefined && wrongLastSequence.includes(code)) return { kind: 'conflict' }
  const causes = causesOf(error)
  const reason = `NATS: ${causes.map(({ message }) => message).join(': ')}`
  const isDenied = causes.some(({ name }) => /Permission|Authori[sz]ation|Authentication/.test(name))
  // What the server says of a request it has read, unless it says that it cannot at present, will be so the next time.
  const isSettled = code !== undefined && code !== streamNotFound && statusOf(error) !== 503
  return { kind: 'failed', because: isDenied || isSettled ? 'unsound' : 'unavailable', reason }
}

function causesOf(error: unknown): Error[] {
  // By form: there may be two copies of the library.
  if (!(error instanceof Error)) return []
  return [error, ...causesOf(error.cause)]
}

function codeOf(error: unknown): number | undefined {
  const { name, code } = (error ?? {}) as { readonly name?: unknown; readonly code?: unknown }
  return typeof code === 'number' && typeof name === 'string' && /JetStreamApi|NotFound/.test(name) ? code : undefined
}

function statusOf(error: unknown): unknown {
  return ((error ?? {}) as { readonly status?: unknown }).status
}
