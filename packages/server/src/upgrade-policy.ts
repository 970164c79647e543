/**
 * Which upgrades become connections, decided before anything is allocated for them.
 */
import type { IncomingMessage } from 'node:http'
import type { UpgradeRefusal } from '@rejoin/node'
import { originPolicy } from './origin-policy.ts'

/** Parameters that look like a credential. Addresses end up in logs, histories and referrers; hello does not. */
const credential = /(^|[&;])[^=&;]*(token|auth|secret|password|jwt|api[-_]?key)[^=&;]*=/i

/** What decides about an upgrade at `/sync`; undefined lets it pass. */
export function upgradePolicy(
  allowedOrigins: readonly string[],
  boundToLoopback: boolean,
  onRefused: (refusal: UpgradeRefusal, remote: string) => void,
): (request: IncomingMessage) => UpgradeRefusal | undefined {
  const originRefusal = originPolicy(allowedOrigins, boundToLoopback)
  const decide = (request: IncomingMessage): UpgradeRefusal | undefined => {
    const query = (request.url ?? '').split('?')[1] ?? ''
    if (credential.test(query)) {
      const reason = 'a credential travels in hello, never in an address, where logs would keep it'
      return { status: 400, code: 'token-in-address', reason }
    }
    const refusal = originRefusal({ origin: request.headers.origin, host: request.headers.host })
    return refusal === undefined ? undefined : { status: 403, ...refusal }
  }
  return (request) => {
    const refusal = decide(request)
    if (refusal !== undefined) onRefused(refusal, remoteOf(request))
    return refusal
  }
}

/** The address of the other end, without the port: it is what limits count by. */
export function remoteOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? 'unknown'
}
