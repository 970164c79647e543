/**
 * Headers of every answer of the server.
 *
 * The page may run its own scripts and styles and speak to the server it came from, nothing else: no inline script or
 * style, no frame around it, no plug-in, no form to elsewhere. `connect-src 'self'` covers the WebSocket of the same
 * host and port in Chromium, Firefox and Safari 15.4 and later.
 */

/** The content security policy of every answer. */
export const contentSecurityPolicy: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** All headers that do not depend on what is answered. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
}
