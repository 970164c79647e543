/** The path at which a server of Rejoin speaks WebSocket. */
export const syncPath = '/sync'

/**
 * Puts `/sync` into the address of a server that names no path, and leaves all others: whoever is told a host and a port need not
 * know more. For transports and configurations; it changes what it is given, a `URL`, and answers it.
 */
export function withSyncPath<Address extends { pathname: string }>(address: Address): Address {
  if (address.pathname === '/' || address.pathname === '') address.pathname = syncPath
  return address
}
