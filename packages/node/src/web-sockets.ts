import { isIP } from 'node:net'
import { withSyncPath } from '@rejoin/sync'
import type { AddressTransport } from '@rejoin/sync/partition'
import { type WebSocketOptions, webSocket } from './web-socket.ts'

/** How addresses of WebSockets are dialled, and which of those that others tell. */
export interface WebSocketsOptions extends Omit<WebSocketOptions, 'name'> {
  /**
   * Takes only `wss:` addresses from others, those of this machine apart: the credential goes to whoever is dialled. Addresses
   * that are configured may be of both kinds. Default false.
   */
  readonly secureOnly?: boolean
}

/**
 * WebSockets as what addresses are dialled over, for `plannedDialing`. An address without a path means `/sync`. Of addresses that others tell, none is taken that says who
 * asks (a user, a query), or that leads to this machine or link only, unless whoever tells it is on this machine too.
 */
export function webSockets(options: WebSocketsOptions = {}): AddressTransport {
  const { secureOnly = false, ...dialled } = options
  return {
    name: 'web-socket',
    addressOf: (text, toldBy) => {
      const url = URL.canParse(text) ? new URL(text) : undefined
      if (url === undefined || (url.protocol !== 'ws:' && url.protocol !== 'wss:') || url.hash !== '') return undefined
      return toldBy === undefined || mayBeTold(url, toldBy, secureOnly) ? withSyncPath(url).href : undefined
    },
    dial: (address) => webSocket(address, dialled),
  }
}

function mayBeTold(url: URL, toldBy: string, secureOnly: boolean): boolean {
  if (url.username !== '' || url.password !== '' || url.search !== '') return false
  const host = bare(url.hostname)
  if (isLoopback(host)) return isLoopback(hostOf(toldBy))
  return !isOfLink(host) && (url.protocol === 'wss:' || !secureOnly)
}

const bare = (host: string): string => host.replace(/^\[(.*)\]$/, '$1').toLowerCase()

/** The host in an address that was dialled, or in one that a socket reports, with a port or without. */
function hostOf(remote: string): string {
  if (remote.includes('://')) return URL.canParse(remote) ? bare(new URL(remote).hostname) : ''
  if (isIP(remote) !== 0) return remote
  return bare(remote.replace(/:\d+$/, ''))
}

/** Only this machine reaches it. */
function isLoopback(host: string): boolean {
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    /^127(\.\d{1,3}){3}$/.test(host) ||
    /^::ffff:(127\.|7f[0-9a-f]{2}:)/.test(host)
  )
}

/** It means another machine on each link, or none: also where clouds keep what only the machine itself may read. */
function isOfLink(host: string): boolean {
  const mapped = host.replace(/^::ffff:/, '')
  return /^(0|169\.254)(\.|$)/.test(mapped) || /^(fe[89ab][0-9a-f]:|::$|a9fe:|0:)/.test(mapped)
}
