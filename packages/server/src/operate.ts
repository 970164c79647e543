/**
 * What an operator may have a running server do: keep a checkpoint of a document, go back to one, change the roster, end an incident. Going back
 * is a change like any other, so that nothing acknowledged is taken away. A checkpoint stands on the disk of the one server that kept it.
 */
import { createStore, encodeSnapshot, loadSnapshot, type RejoinError, rejoinError, schema } from '@rejoin/state'
import type { Replica, Storage } from '@rejoin/sync'
import { type AddressDiagnosis, diagnosisText, type Partitions, type PlannedDialing } from '@rejoin/sync/partition'
import { z } from 'zod'
import { joinSchema } from './config.ts'
import { policySchema } from './policy-text.ts'
import type { NextRoster, RosterAsks } from './roster-asks.ts'
import { sentence } from './sentence.ts'

/** What a request of an operator is carried out on. */
export interface Operated {
  readonly replica: Replica
  readonly partitions: Partitions
  readonly storage: Storage
  readonly rosterAsks: RosterAsks
  readonly dialing: PlannedDialing
  /** Other servers that are connected. */
  readonly servers: () => readonly string[]
  /** Dials addresses on trial; all that are known, where none is named. */
  readonly diagnose: (named: readonly string[]) => Promise<AddressDiagnosis[]>
}

const text = z.string().min(1, 'must not be empty').max(200, 'must have at most 200 characters')
/** What the name of a document may be, and with it every key that is made of two of them. */
const mostNameBytes = 256
const nameText = z
  .string()
  .min(1, 'must not be empty')
  .refine((said) => !/\p{Surrogate}/u.test(said), 'must be well-formed Unicode text, without half a surrogate pair')
  .refine((said) => Buffer.byteLength(said) <= mostNameBytes, `must have at most ${mostNameBytes} bytes`)
const place = z.strictObject({ document: nameText, name: nameText.regex(/^[^/]+$/, 'must not have a slash') })
const voter = z.strictObject({
  id: text,
  weight: z.int().default(1),
  role: text.optional(),
  isCritical: z.boolean().optional(),
})
const roster = z.strictObject({
  voters: z.array(voter),
  policy: policySchema.default({ kind: 'keep-majority' }),
  arbiter: text.optional(),
})
/** `unseen`: take voters too that nobody here ever heard of. */
const rosterRequest = roster.extend({ unseen: z.boolean().default(false) })

const dismissal = z.strictObject({ incident: text, reason: text })

const diagnosed = z.strictObject({ addresses: z.array(joinSchema).max(64, 'must be at most 64').default([]) })

const Anything = schema({})
const prefix = (document: string): string => `k/${encodeURIComponent(document)}/`
/** Rows have names in ASCII. */
const keyOf = (document: string, called: string): string => prefix(document) + encodeURIComponent(called)

/**
 * Carries out one request and answers what to tell of it; undefined where there is none of the name.
 * @throws RejoinError `operation-refused` where the request is not understood, or names what is not there; what the replica throws.
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
      const { unseen, ...asked } = read(rosterRequest, request)
      // What is absent is not there, not undefined.
      const next = JSON.parse(JSON.stringify(asked)) as NextRoster
      if (!unseen) refuseStrangers(on, next)
      if (name === 'roster') on.rosterAsks.propose(next)
      else on.rosterAsks.force(next)
      return { asked: next }
    }
    case 'dismiss':
      return dismiss(on, read(dismissal, request))
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

function dismiss(on: Operated, { incident: called, reason }: z.infer<typeof dismissal>): object {
  const { partitions } = on
  const known = partitions.incidents.filter(({ id, name }) => called === name || called === id)
  // One that began after another was closed here may go by the same name: the other side calls it so.
  const incident = known.find(({ outcome }) => outcome === undefined) ?? known[0]
  if (incident === undefined)
    throw refused(
      `The server ${partitions.self} knows no incident of the name ${called}: \`rejoin incidents\` lists those that it knows.`,
    )
  if (incident.outcome !== undefined) throw refused(`The incident ${called} is closed already: ${incident.outcome}.`)
  partitions.dismiss(reason, incident.id)
  return { server: partitions.self, incident: incident.name, reason }
}

/** A name that was mistyped would count as a voter that never answers. */
function refuseStrangers({ partitions, dialing, servers }: Operated, { voters }: NextRoster): void {
  const { self, status } = partitions
  if (status.roster === undefined) return
  const known = new Set([
    self,
    ...status.roster.voters.map(({ id }) => id),
    ...servers(),
    ...dialing.addresses.flatMap(({ peer }) => peer ?? []),
  ])
  const strange = voters.map(({ id }) => id).filter((id) => !known.has(id))
  if (strange.length === 0) return
  const isOne = strange.length === 1
  throw refused(
    `${strange.join(', ')} ${isOne ? 'is no voter' : 'are no voters'} now, and the server ${self} never heard of ${isOne ? 'a server of that name' : 'servers of these names'}. Start ${isOne ? 'it' : 'them'} first (\`rejoin serve --node NAME --join URL\`) and ask again once connected, or say --unseen to take ${isOne ? 'it' : 'them'} all the same: a voter that never comes counts as one that is missing.`,
  )
}

function nameIn(key: string, document: string): string {
  const encoded = key.slice(prefix(document).length)
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded // it was kept as it is, before names were encoded
  }
}

async function checkpoint(on: Operated, { document, name }: z.infer<typeof place>): Promise<object> {
  const { replica, partitions, storage } = on
  const handle = await replica.open(document, Anything)
  try {
    // One of a name that was mistyped would be gone back to some day, and empty what is there by then.
    if (handle.version.size === 0) throw refused(`Nobody has written to ${document}, as far as ${hereOf(on)} knows.`)
    const bytes = encodeSnapshot(handle.store)
    // Said to be kept once it is on the disk.
    await storage.write([{ kind: 'put', key: keyOf(document, name), bytes }])
    return { server: partitions.self, document, name, bytes: bytes.length, digest: handle.digest() }
  } finally {
    await handle.close()
  }
}

async function checkpoints({ partitions, storage }: Operated, document: string): Promise<object> {
  const rows = await storage.read(prefix(document))
  return {
    server: partitions.self,
    document,
    checkpoints: rows.map(({ key, bytes }) => ({ name: nameIn(key, document), bytes: bytes.length })),
  }
}

async function rollback(on: Operated, { document, name }: z.infer<typeof place>): Promise<object> {
  const { replica, partitions, storage } = on
  const rows = await storage.read(prefix(document))
  const row = rows.find(({ key }) => nameIn(key, document) === name)
  if (row === undefined)
    throw refused(
      `${document} has no checkpoint named ${name} on ${hereOf(on)}. Checkpoints stand on the server that kept them: ask that one.`,
    )
  const earlier = createStore({
    newAuthor: () => {
      throw new Error('nobody writes to a checkpoint')
    },
    now: Date.now,
  })
  const loaded = loadSnapshot(earlier, row.bytes)
  if (!loaded.ok) throw refused(sentence(`The checkpoint ${name} is damaged: ${loaded.error.message}`))
  if (earlier.version.size === 0)
    throw refused(
      `The checkpoint ${name} is from before anybody wrote to ${document}: going back to it would empty it.`,
    )
  const handle = await replica.open(document, Anything)
  try {
    const { receipt, kept } = handle.rollBack(earlier)
    await receipt.reached('disk')
    const wrote = receipt.change !== undefined
    return { server: partitions.self, document, name, wrote, digest: handle.digest(), kept }
  } finally {
    await handle.close()
  }
}

function read<T>(shape: z.ZodType<T>, request: unknown): T {
  const parsed = shape.safeParse(request)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the request'}: ${message}`)
  throw refused(sentence(problems.join('; ')))
}

function refused(reason: string): RejoinError {
  return rejoinError('operation-refused', { reason })
}

function hereOf({ partitions }: Operated): string {
  return `the server ${partitions.self}`
}
