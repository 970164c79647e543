/** What dialling goes through, in this order. `connect`: a platform that does not tell the first three apart, as a browser. */
export type DialStage = 'dns' | 'tcp' | 'tls' | 'connect' | 'handshake' | 'auth'

export const dialStages: readonly DialStage[] = ['dns', 'tcp', 'tls', 'connect', 'handshake', 'auth']

/** What a failure means, and what to do about it. */
export interface Finding {
  readonly meaning: string
  readonly advice: string
}

const found = (meaning: string, advice: string): Finding => ({ meaning, advice })

const silent = found(
  'Nothing came back in time.',
  'Look for a firewall between here and there that drops packets, and whether the machine is up.',
)
const certificate = found(
  'The certificate is not signed by an authority that is trusted here.',
  'Give the server a certificate with its whole chain, or make its authority known here.',
)

const noTls = found(
  'What answers there does not speak TLS.',
  'Use ws:// instead of wss://, or the port that serves TLS.',
)

const unreachedBehindProxy = found(
  'The proxy in front does not reach the server.',
  'Start the server behind it, or check its port.',
)

/** Codes are those of Node and OpenSSL, HTTP statuses as `http-502`, and our own. */
export const findings: Readonly<Record<DialStage, Readonly<Record<string, Finding>>>> = {
  dns: {
    'invalid-address': found('The text is no address of a WebSocket.', 'Write it as wss://HOST:PORT/PATH.'),
    ENOTFOUND: found('No such host name exists.', 'Check the spelling of the address and the entry in DNS.'),
    EAI_AGAIN: found(
      'The name server did not answer.',
      'Check whether this machine is online and which name server it asks.',
    ),
  },
  tcp: {
    ECONNREFUSED: found(
      'The machine answered that nothing listens on that port.',
      'Start the server there, or check the port.',
    ),
    ETIMEDOUT: silent,
    timeout: silent,
    EHOSTUNREACH: found('The network has no way to that machine.', 'Check routes, VPN, and whether the machine is up.'),
    ENETUNREACH: found('This machine has no network.', 'Check whether this machine is online.'),
    ECONNRESET: found(
      'The connection was cut as it was opened.',
      'Look for a firewall or a proxy in between, and for limits of the server.',
    ),
  },
  tls: {
    CERT_HAS_EXPIRED: found('The certificate of the server has expired.', 'Renew it, and check the clock here.'),
    CERT_NOT_YET_VALID: found('The certificate is not valid yet.', 'Check the clock here.'),
    ERR_TLS_CERT_ALTNAME_INVALID: found(
      'The certificate is for another name.',
      'Use the name that it is for, or add this one to it.',
    ),
    DEPTH_ZERO_SELF_SIGNED_CERT: certificate,
    SELF_SIGNED_CERT_IN_CHAIN: certificate,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate,
    EPROTO: noTls,
    ERR_SSL_WRONG_VERSION_NUMBER: noTls,
    timeout: silent,
  },
  connect: {
    offline: found('This machine is offline.', 'It dials again by itself once it is online.'),
  },
  handshake: {
    'http-400': found(
      'The upgrade is not taken as it is.',
      'Keep credentials out of the address: token() hands them over.',
    ),
    'http-401': found(
      'Something in front of the server wants a credential of its own.',
      'Have it let this path through: token() is shown to the server only.',
    ),
    'http-403': found(
      'Something in front of the server, or its rule for origins, turns this one down.',
      'Check both, and the path of the address.',
    ),
    'http-404': found('The server has nothing at that path.', 'Check the path of the address.'),
    'http-426': found(
      'What answers there does not take WebSockets.',
      'Check address and path, and that a proxy in between passes upgrades on.',
    ),
    'http-429': found(
      'The server takes no more connections now.',
      'Nothing is to be done: it is dialled again by itself.',
    ),
    'http-502': unreachedBehindProxy,
    'http-504': unreachedBehindProxy,
    'http-503': found('The server is starting, draining or overloaded.', 'Wait: it is dialled again by itself.'),
    version: found('Both sides share no version of the protocol.', 'Bring the older of the two up to date.'),
    'not-rejoin': found('Something else answers there.', 'Check address, port and path.'),
    full: found(
      'The other side has all the connections that it takes.',
      'Nothing: others are dialled. Or raise max there.',
    ),
    self: found('The address is our own.', 'Nothing, unless it was meant to be of somebody else.'),
    timeout: found(
      'The connection is there, but the other side says nothing.',
      'Look for a proxy that does not pass WebSockets on, and at the load of the server.',
    ),
  },
  auth: {
    unauthorized: found('The token is missing or not accepted.', 'Sign in again, and check what token() gives.'),
    expired: found('The token has expired.', 'Let token() fetch a fresh one, and check the clock here.'),
    forbidden: found('Whoever this is may not come in.', 'Ask whoever runs the server for access.'),
    'wrong-peer': found(
      'Another replica answers there than the one that was expected.',
      'Check whether the address was given to another machine.',
    ),
  },
}

/** Where the code says nothing more. */
export const otherwise: Readonly<Record<DialStage, Finding>> = {
  dns: found('The host name could not be looked up.', 'Check the address, and whether this machine is online.'),
  tcp: found('No connection to that port could be opened.', 'Check whether the server runs and can be reached.'),
  tls: found('No secure connection could be agreed on.', 'Check the certificate and the TLS settings of the server.'),
  connect: found(
    'No connection came about; the platform does not say why.',
    'Check whether this machine is online, then the name, port and certificate from a machine with a shell.',
  ),
  handshake: found('The other side did not complete the handshake.', 'Look into its log at this time.'),
  auth: found('The other side does not accept who we are.', 'Check the token and the rights behind it.'),
}
