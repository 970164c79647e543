/** Other servers: how they are found and dialled, what they are told of this one, and what stops an address from working. */
import { diagnoseAddresses, processEnvironment, webSockets } from '@rejoin/node'
import type { Environment } from '@rejoin/sync'
import {
  type AddressDiagnosis,
  type AddressTransport,
  linkPresets,
  type Partitions,
  type PlannedDialing,
  plannedDialing,
} from '@rejoin/sync/partition'
import type { ServerAddress, ServerOptions } from './options.ts'
import type { ServerSettings } from './settings.ts'

/** Servers are each connected with each, up to so many others; beyond it documents go through others. */
const wholeMesh = 11
/** How long one address may take of a diagnosis. */
const diagnosisMs = 8_000

const surroundings = processEnvironment()

/**
 * What a server hears of its system: that the network is back, or that it was continued, so that it dials at once. Not that the last
 * interface went: those on the same machine are reached all the same.
 */
export const serverEnvironment: Environment = {
  onHint: (listener) =>
    surroundings.onHint((hint) => {
      if (hint === 'online' || hint === 'visible') listener(hint)
    }),
}

/** The plan by which a server dials others. */
export function dialingOf(
  settings: ServerSettings,
  joinToken: ServerOptions['joinToken'],
  partitions: Partitions,
): PlannedDialing {
  const { join, preset } = settings
  const links = linkPresets[preset]
  return plannedDialing({
    over: [socketsOf(settings, joinToken)],
    bootstrap: join,
    partitions,
    preset,
    links: { target: Math.max(links.target, wholeMesh) },
  })
}

/** Where all that is configured is encrypted, so is all that is learned: the credential goes along. */
export function socketsOf({ join, limits }: ServerSettings, joinToken: ServerOptions['joinToken']): AddressTransport {
  const secureOnly = join.length > 0 && join.every((url) => url.startsWith('wss:'))
  return webSockets({ ...tokenOf(joinToken), maxFrameBytes: limits.messageBytes, secureOnly })
}

/**
 * Where others are told to dial this server: what it was told to say, else where it listens, if that is one host. Addresses of this
 * machine are taken by servers on this machine only.
 */
export function advertisedOf({ advertise, host }: ServerSettings, { syncUrl }: ServerAddress): readonly string[] {
  if (advertise !== undefined) return advertise
  const isAnyHost = ['0.0.0.0', '::', '[::]'].includes(host)
  return isAnyHost ? [] : [syncUrl]
}

/** Dials addresses for real, beside the connections that there are; without any named, all that are known. Strange ones come last. */
export async function diagnosePeers(
  { node, limits }: ServerSettings,
  joinToken: ServerOptions['joinToken'],
  { addresses }: PlannedDialing,
  named: readonly string[],
): Promise<AddressDiagnosis[]> {
  const options = {
    maxFrameBytes: limits.messageBytes,
    timeoutMs: diagnosisMs,
    ...(node === '' ? {} : { self: node }),
  }
  const known = new Map(addresses.map((at) => [at.address, at]))
  const own = named.length === 0 ? addresses : named.flatMap((address) => known.get(address) ?? [])
  // The credential is for servers of the cluster, not for whatever somebody names.
  const strange = named.filter((address) => !known.has(address))
  const found = await Promise.all([
    diagnoseAddresses(own, { ...options, ...tokenOf(joinToken) }),
    diagnoseAddresses(strange, options),
  ])
  return found.flat()
}

function tokenOf(token: ServerOptions['joinToken']): { readonly token?: NonNullable<ServerOptions['joinToken']> } {
  return token === undefined ? {} : { token }
}
