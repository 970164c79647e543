/**
 * Who may open a WebSocket from a web page.
 *
 * Browsers let any page connect to any host; only the `Origin` header, which a page cannot forge, tells the server
 * whose page it is. Programs other than browsers send none and are let through: what they may do is the authorize
 * hook's question.
 */

/** The answer of {@link originPolicy}: undefined when the request may pass, else why not and what to do. */
export type OriginRefusal = { readonly code: 'origin-refused' | 'host-refused'; readonly reason: string } | undefined

/** What the policy looks at. */
export interface OriginQuestion {
  readonly origin: string | undefined
  readonly host: string | undefined
}

/**
 * Same origin, or one of `allowed` (`*` allows every page there is).
 *
 * `boundToLoopback` closes DNS rebinding: a page of `evil.example` whose name is made to resolve to 127.0.0.1 sends
 * Origin and Host that agree with each other, so on loopback the host must be a name of this machine, or be allowed.
 * Only host and port of a same-origin request are compared: a proxy that ends TLS changes the scheme.
 */
export function originPolicy(
  allowed: readonly string[],
  boundToLoopback: boolean,
): (question: OriginQuestion) => OriginRefusal {
  const anyOrigin = allowed.includes('*')
  const allowedOrigins = new Set(allowed.map((origin) => origin.toLowerCase()))
  return ({ origin, host }) => {
    if (origin === undefined || anyOrigin) return undefined
    const from = origin.toLowerCase()
    if (allowedOrigins.has(from)) return undefined
    const page = hostOf(from)
    if (page === undefined || page !== askedHost(host, from)) {
      return {
        code: 'origin-refused',
        reason: `origin ${printable(origin)} is not allowed here; allow it with --origin or the option origins`,
      }
    }
    if (boundToLoopback && !isLoopbackName(page)) {
      return {
        code: 'host-refused',
        reason: `this server is bound to loopback and was asked as ${printable(page)}; if a proxy stands before it, allow ${printable(origin)} with --origin or the option origins`,
      }
    }
    return undefined
  }
}

/** An origin as browsers write it: scheme, host, and port unless it is the scheme's own. Undefined when it is none. */
export function normalizedOrigin(text: string): string | undefined {
  if (text === '*') return text
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined
  const bare = url.pathname === '/' && url.search === '' && url.hash === '' && url.username === ''
  return bare ? url.origin : undefined
}

/** True for an address or name that only this machine reaches. */
export function isLoopbackHost(host: string): boolean {
  return isLoopbackName(host.includes(':') && !host.startsWith('[') ? `[${host}]` : host)
}

/** True for a peer address of this machine, as sockets report it. */
export function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && /^(127\.|::1$|::ffff:127\.)/.test(address)
}

function isLoopbackName(hostAndPort: string): boolean {
  const name = hostAndPort.toLowerCase().replace(/:\d+$/, '')
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name)
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) && /^https?:/.test(origin) ? new URL(origin).host : undefined
}

/** The Host header without the port that the scheme implies, as an origin is written. */
function askedHost(host: string | undefined, origin: string): string | undefined {
  const text = `${origin.split('//')[0]}//${host ?? ''}`
  return URL.canParse(text) ? new URL(text).host : undefined
}

function printable(text: string): string {
  return JSON.stringify(text.slice(0, 200))
}
