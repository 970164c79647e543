import { authorIdFrom, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../world.test-helper.ts'
import type { Roster } from './roster.ts'
import { lostRosterLogState } from './roster-record.ts'
import { encodeVote, stateOf } from './voter-wire.ts'
import { decodePartition, encodePartition } from './whole-wire.ts'
import { decodeRosterRow, encodeRosterRow, type PartitionMessage } from './wire.ts'

const rumours = [{ id: 'b', status: 'suspect', incarnation: 3, by: ['a', 'c'] }] as const
const roster: Roster = {
  epoch: 2,
  voters: [
    { id: 'a', weight: 1 },
    { id: 'b', weight: 3, role: 'database', isCritical: true },
  ],
  policy: { kind: 'static-quorum', voters: 2 },
  arbiter: 'a',
}
const plain: Roster = { epoch: 1, voters: [{ id: 'a', weight: 1 }], policy: { kind: 'two-thirds' } }
const ballot = { round: 7, by: 'a' }
const version = Version.from([[authorIdFrom('00000000000000a1'), 5]])

const messages: readonly PartitionMessage[] = [
  { kind: 'heartbeat', isHidden: true },
  { kind: 'swim', message: { kind: 'probe', seq: 1, rumours } },
  { kind: 'swim', message: { kind: 'ack', seq: 1, incarnation: 4, rumours: [] } },
  { kind: 'swim', message: { kind: 'indirect', seq: 2, subject: 'b', rumours } },
  { kind: 'swim', message: { kind: 'nack', seq: 2, isNeighbour: false } },
  { kind: 'swim', message: { kind: 'gossip', rumours } },
  { kind: 'swim', message: { kind: 'table', rumours, isAnswer: true } },
  {
    kind: 'rows',
    rows: [
      {
        row: {
          observer: 'a',
          rosterEpoch: 2,
          version: 9,
          mayVote: true,
          contact: 'met',
          links: [
            { peer: 'b', kind: 'relayed', by: 'c', since: 1_700_000_000_000 },
            { peer: 'c', kind: 'direct', since: 0 },
          ],
        },
        ageMs: 1200,
      },
    ],
  },
  { kind: 'roster', message: { kind: 'request', phase: 'accept', epoch: 2, ballot, roster } },
  { kind: 'roster', message: { kind: 'request', phase: 'query', epoch: 2, ballot } },
  {
    kind: 'roster',
    message: { kind: 'answer', phase: 'prepare', epoch: 2, ballot, accepted: { ballot, roster: plain } },
  },
  { kind: 'roster', message: { kind: 'refused', epoch: 2, promised: ballot } },
  { kind: 'roster', message: { kind: 'ask', nonce: 2 ** 50 } },
  { kind: 'roster', message: { kind: 'roster', roster, answers: 5, isPending: true } },
  { kind: 'roster', message: { kind: 'roster', roster, isPending: false, previous: plain } },
  { kind: 'roster', message: { kind: 'readmit', epoch: 3 } },
  { kind: 'roster', message: { kind: 'admit', roster, nonce: 2 ** 31 } },
  {
    kind: 'lease',
    document: 'raid',
    key: '0123456789abcdef',
    message: { kind: 'prepare', lease: 'round', epoch: 1, request: 2 ** 52, ballot: 3, preVote: true },
  },
  {
    kind: 'lease',
    document: 'raid',
    key: '0123456789abcdef',
    message: {
      kind: 'accept',
      lease: 'round',
      epoch: 1,
      request: 8,
      token: { epoch: 1, ballot: 3 },
      ttlMs: 9000,
      renewal: false,
    },
  },
  {
    kind: 'lease',
    document: 'raid',
    key: '',
    message: { kind: 'release', lease: 'round', token: { epoch: 1, ballot: 3 } },
  },
  { kind: 'lease', document: 'raid', key: '', message: { kind: 'learn', epoch: 1, request: 8 } },
  { kind: 'lease', document: 'raid', key: '', message: { kind: 'promised', epoch: 1, request: 8, ballot: 2 } },
  { kind: 'lease', document: 'raid', key: '', message: { kind: 'learnt', epoch: 1, request: 8, ballot: 2 } },
  { kind: 'lease', document: 'raid', key: '', message: { kind: 'accepted', epoch: 1, request: 8, version } },
  {
    kind: 'lease',
    document: 'raid',
    key: '0123456789abcdef',
    message: { kind: 'refused', epoch: 1, request: 8, why: { kind: 'held', holder: 'b', forMs: 700 } },
  },
  {
    kind: 'lease',
    document: 'raid',
    key: '',
    message: { kind: 'refused', epoch: 1, request: 8, why: { kind: 'outbid' } },
  },
  {
    kind: 'lease',
    document: 'raid',
    key: '',
    message: { kind: 'refused', epoch: 1, request: 8, why: { kind: 'behind' } },
  },
  { kind: 'incidents', names: ['0123456789abcdef'] },
  { kind: 'handover', epoch: 2, after: '' },
  {
    kind: 'handed',
    epoch: 2,
    after: 'raid',
    settled: 1,
    counted: [
      { document: 'raid/1', version },
      { document: 'raid/2', version: Version.empty },
    ],
    isLast: true,
  },
  {
    kind: 'ask',
    voter: 'c',
    document: 'raid',
    key: '0123456789abcdef',
    message: { kind: 'release', lease: 'round', token: { epoch: 1, ballot: 3 } },
  },
  {
    kind: 'relay',
    asker: '00000000000000a1\n0123456789abcdef',
    document: 'raid',
    message: { kind: 'promised', epoch: 1, request: 8, ballot: 2 },
  },
  { kind: 'awaits', document: 'raid', version },
  { kind: 'stored', document: 'raid', version },
]

describe('the messages of the partition layer', () => {
  it('[PW1] come back as they were', () => {
    for (const message of messages)
      expect(decodePartition(encodePartition(message))).toEqual({ ok: true, value: message })
    const votesFrom = Number.MAX_SAFE_INTEGER
    const state = {
      roster,
      promised: ballot,
      accepted: { ballot, roster: plain },
      votesFrom,
      previous: plain,
      settled: 1,
    }
    const forced = { ...state, admitted: [{ id: 'd', nonce: 2 ** 31 }] }
    for (const kept of [state, forced]) {
      const row = decodeRosterRow(encodeRosterRow({ ...kept, vote: encodeVote(kept) }))
      expect(row.ok && stateOf(row.value)).toEqual(kept)
      expect(row.ok && stateOf({ ...row.value, vote: row.value.vote.subarray(1) })).toBeUndefined()
    }
    const followed = decodeRosterRow(encodeRosterRow({ roster, previous: plain, vote: new Uint8Array() }))
    expect(followed.ok && stateOf(followed.value)).toEqual({ ...lostRosterLogState(roster), previous: plain })
  })

  it('[PW2] are refused when they are cut short, go on too long, or are of no kind', () => {
    for (const message of messages) {
      const bytes = encodePartition(message)
      for (let size = 0; size < bytes.length; size++) expect(decodePartition(bytes.subarray(0, size)).ok).toBe(false)
      expect(decodePartition(Uint8Array.of(...bytes, 0)).ok).toBe(false)
    }
    expect(decodePartition(Uint8Array.of(99)).ok).toBe(false)
  })

  it('[PW3] are a message or a plain error whatever was changed on the way, 20,000 times', () => {
    const random = seededRandom(11)
    let refused = 0
    for (let round = 0; round < 20_000; round++) {
      const bytes = encodePartition(messages[round % messages.length] as PartitionMessage).slice()
      for (let flips = 1 + Math.floor(random.float() * 3); flips > 0; flips--) {
        bytes[Math.floor(random.float() * bytes.length)] = Math.floor(random.float() * 256)
      }
      const decoded = decodePartition(bytes)
      if (!decoded.ok) refused += 1
    }
    expect(refused).toBeGreaterThan(5000)
  })
})
