import { describe, expect, it } from 'vitest'
import { answerOfError, bucketConfig, bucketFault, isMissing } from './nats-answers.ts'

/** An error in the form of the client library. */
const failure = (name: string, fields: object = {}, cause?: unknown): Error =>
  Object.assign(new Error(`${name} said`, { cause }), { name, ...fields })

describe('what a NATS server says', () => {
  it('[NL9] means that it was written since, that it cannot now, or that somebody has to do something', () => {
    const meaning = (error: unknown): string => {
      const answer = answerOfError(error)
      return answer.kind === 'failed' ? answer.because : answer.kind
    }
    expect(meaning(failure('JetStreamApiError', { code: 10071, status: 400 }))).toBe('conflict')
    expect(meaning(failure('JetStreamApiError', { code: 10164, status: 400 }))).toBe('conflict')
    expect(meaning(failure('TimeoutError'))).toBe('unavailable')
    expect(meaning(failure('JetStreamNotEnabled', {}, failure('RequestError')))).toBe('unavailable')
    expect(meaning(failure('ClosedConnectionError'))).toBe('unavailable')
    expect(meaning(failure('JetStreamApiError', { code: 10008, status: 503 }))).toBe('unavailable')
    expect(meaning(failure('StreamNotFoundError', { code: 10059, status: 404 }))).toBe('unavailable')
    expect(meaning(failure('JetStreamApiError', { code: 10077, status: 400 }))).toBe('unsound')
    expect(meaning(failure('RequestError', {}, failure('PermissionViolationError')))).toBe('unsound')
    expect(meaning(failure('AuthorizationError'))).toBe('unsound')
    expect(meaning('broken')).toBe('unavailable')
    expect(answerOfError(failure('RequestError', {}, failure('PermissionViolationError')))).toMatchObject({
      reason: 'NATS: RequestError said: PermissionViolationError said',
    })
    expect([isMissing(failure('StreamNotFoundError', { code: 10059 })), isMissing(failure('TimeoutError'))]).toEqual([
      true,
      false,
    ])
  })

  it('[NL6] names what would make leases in a bucket unsafe, and finds nothing in one that is made here', () => {
    const sound = bucketConfig('leases', 3)
    expect([sound.name, sound.num_replicas, bucketFault(sound)]).toEqual(['KV_leases', 3, undefined])
    const { retention: _, ...usual } = sound
    expect([bucketFault({ ...sound, max_bytes: 1000 }), bucketFault(usual)]).toEqual([undefined, undefined])
    const unsafe: [Parameters<typeof bucketFault>[0], RegExp][] = [
      [{ max_age: 1 }, /max_age/],
      [{ retention: 'workqueue' }, /retention/],
      [{ retention: 'interest' }, /retention/],
      [{ max_bytes: 1000, discard: 'old' }, /discard/],
      [{ max_msgs: 1000, discard: 'old' }, /discard/],
      [{ deny_delete: false }, /deny_delete/],
      [{ deny_purge: false }, /deny_purge/],
      [{ allow_rollup_hdrs: true }, /allow_rollup_hdrs/],
      [{ mirror: { name: 'KV_other' } }, /mirror/],
      [{ sources: [{ name: 'KV_other' }] }, /sources/],
      [{ sealed: true }, /sealed/],
    ]
    for (const [change, fault] of unsafe)
      expect(bucketFault({ ...sound, ...change }), JSON.stringify(change)).toMatch(fault)
  })
})
