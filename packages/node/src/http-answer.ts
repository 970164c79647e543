import { diagnose } from '@rejoin/sync/partition'

/** Of statuses that say what a server of Rejoin never says by itself: something in front of it answers. */
const ofOthers: Readonly<Record<number, string>> = {
  400: 'The upgrade is not taken as it is. Keep credentials out of the address: token() hands them over.',
  401: 'Something in front of the server wants a credential of its own. Have it let this path through: token() is shown to the server only.',
  403: 'Something in front of the server, or its rule for origins, turns this one down. Check both, and the path of the address.',
  429: 'The server takes no more connections now. Nothing is to be done: it is dialled again by itself.',
  504: 'The proxy in front does not reach the server. Start the server behind it, or check its port.',
}

/** The codes of those that pass by themselves. */
const passing: ReadonlySet<number> = new Set([429, 503])

/** What an answer over HTTP in place of an upgrade means, as the end of an attempt. `failure` is the code of a stage, as `http-404`. */
export function httpAnswer(failure: string | undefined, path: string): { code: string; reason: string } | undefined {
  const status = Number(/^http-(\d{3})$/.exec(failure ?? '')?.[1])
  if (Number.isNaN(status)) return undefined
  const code = passing.has(status) ? 'try-later' : 'handshake-failed'
  return { code, reason: `HTTP ${status} at ${path}: ${meaningOf(status)}` }
}

function meaningOf(status: number): string {
  const other = ofOthers[status]
  if (other !== undefined) return other
  if (status < 400 || status === 426)
    return 'What answers there does not take WebSockets. Check address and path, and that a proxy in between passes upgrades on.'
  const at = { transport: 'web-socket', address: '', stage: 'handshake', afterMs: 0 } as const
  const [found] = diagnose([{ ...at, outcome: 'failed', code: `http-${status}` }])
  return found?.outcome === 'failed' ? `${found.meaning} ${found.advice}` : ''
}
