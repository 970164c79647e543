/**
 * What an operator may have a running server do: keep a checkpoint of a document, go back to one, change the roster. Going back
 * is a change like any other, so that nothing acknowledged is taken away.
 */
import { createStore, encodeSnapshot, loadSnapshot, rejoinError, schema } from '@rejoin/state'
import type { Replica, Storage } from '@rejoin/sync'
import {
  type AddressDiagnosis,
  diagnosisText,
  type Partitions,
  type PlannedDialing,
  type Roster,
} from '@rejoin/sync/partition'
import { z } from 'zod'
import { joinSchema } from './config.ts'

/** What a request of an operator is carried out on. */
export interface Operated {
  readonly replica: Replica
  readonly partitions: Partitions
  readonly storage: Storage
  readonly dialing: PlannedDialing
  /** Dials addresses on trial; all that are known, where none is named. */
  readonly diagnose: (named: readonly string[]) => Promise<AddressDiagnosis[]>
}

const text = z.string().min(1, 'must not be empty').max(200, 'has at most 200 characters')
const place = z.strictObject({ document: text, name: text.regex(/^[^/]+$/, 'has no slash') })
const voter = z.strictObject({
  id: text,
  weight: z.int().default(1),
  role: text.optional(),
  isCritical: z.boolean().optional(),
})
const policies = ['keep-majority', 'two-thirds', 'keep-oldest', 'lease', 'none'] as const
const roster = z.strictObject({
  voters: z.array(voter),
  policy: z.enum(policies).default('keep-majority'),
  arbiter: text.optional(),
})

const diagnosed = z.strictObject({ addresses: z.array(joinSchema).max(64, 'are at most 64').default([]) })

const Anything = schema({})
const prefix = (document: string): string => `k/${encodeURIComponent(document)}/`

/**
 * Carries out one request and answers what to tell of it; undefined where there is none of the name.
 * @throws RejoinError `config-invalid` where the request is not understood, or names a checkpoint that is not there.
 */
export async function operate(on: Operated, name: string, request: unknown): Promise<object | undefined> {
  switch (name) {
    case 'checkpoint':
      return await checkpoint(on, read(place, request))
    case 'checkpoints':
      return await checkpoints(on, read(place.pick({ document: true }), request).document)
    case 'rollback':
      return await rollback(on, read(place, request))
    case 'roster':
    case 'force-roster': {
      const { policy, ...rest } = read(roster, request)
      // What is absent is not there, not undefined.
      const next = { ...JSON.parse(JSON.stringify(rest)), policy: { kind: policy } } as Omit<Roster, 'epoch'>
      if (name === 'roster') on.partitions.propose(next)
      else on.partitions.force(next)
      return { asked: next }
    }
    case 'diagnose': {
      const found = await on.diagnose(read(diagnosed, request).addresses)
      return { addresses: found.map((one) => ({ ...one, text: diagnosisText(one) })) }
    }
    case 'rejoin':
      read(z.strictObject({}), request)
      on.dialing.redial()
      return { dialled: on.dialing.addresses.filter((at) => !at.isConnected).map(({ address }) => address) }
    default:
      return undefined
  }
}

async function checkpoint({ replica, storage }: Operated, { document, name }: z.infer<typeof place>): Promise<object> {
  const handle = await replica.open(document, Anything)
  try {
    const bytes = encodeSnapshot(handle.store)
    // Said to be kept once it is on the disk.
    await storage.write([{ kind: 'put', key: prefix(document) + name, bytes }])
    return { document, name, bytes: bytes.length, digest: handle.digest() }
  } finally {
    await handle.close()
  }
}

async function checkpoints({ storage }: Operated, document: string): Promise<object> {
  const rows = await storage.read(prefix(document))
  return {
    document,
    checkpoints: rows.map(({ key, bytes }) => ({ name: key.slice(prefix(document).length), bytes: bytes.length })),
  }
}

async function rollback({ replica, storage }: Operated, { document, name }: z.infer<typeof place>): Promise<object> {
  const rows = await storage.read(prefix(document))
  const row = rows.find(({ key }) => key === prefix(document) + name)
  if (row === undefined) throw rejoinError('config-invalid', { reason: `${document} has no checkpoint named ${name}.` })
  const earlier = createStore({
    newAuthor: () => {
      throw new Error('nobody writes to a checkpoint')
    },
    now: Date.now,
  })
  const loaded = loadSnapshot(earlier, row.bytes)
  if (!loaded.ok)
    throw rejoinError('config-invalid', { reason: `The checkpoint ${name} is damaged: ${loaded.error.message}.` })
  const handle = await replica.open(document, Anything)
  try {
    const { receipt, kept } = handle.rollBack(earlier)
    await receipt.reached('disk')
    return { document, name, wrote: receipt.change !== undefined, digest: handle.digest(), kept }
  } finally {
    await handle.close()
  }
}

function read<T>(shape: z.ZodType<T>, request: unknown): T {
  const parsed = shape.safeParse(request)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the request'}: ${message}`)
  throw rejoinError('config-invalid', { reason: `${problems.join('; ')}.` })
}
