import { withSyncPath } from '@rejoin/sync'
import type { AddressTransport } from '@rejoin/sync/partition'
import { type WebSocketOptions, webSocket } from './web-socket.ts'

/**
 * WebSockets as what addresses are dialled over, for `plannedDialing`. A path such as `/sync` means the page's own server, an
 * address without a path means `/sync` there. Only addresses that the program names are dialled: a page takes none from others.
 */
export function webSockets(options: Omit<WebSocketOptions, 'name'> = {}): AddressTransport {
  return {
    name: 'web-socket',
    addressOf: (text, toldBy) => (toldBy === undefined ? addressIn(text) : undefined),
    dial: (address) => webSocket(address, options),
  }
}

function addressIn(text: string): string | undefined {
  const base = typeof location === 'undefined' ? undefined : location.href
  const url = URL.canParse(text, base) ? withSyncPath(new URL(text, base)) : undefined
  const href = url?.href.replace(/^http/, 'ws') ?? ''
  return /^wss?:/.test(href) && url?.hash === '' ? href : undefined
}
