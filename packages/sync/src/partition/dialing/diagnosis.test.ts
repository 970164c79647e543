import { describe, expect, it } from 'vitest'
import { type DialStageEvent, diagnose, diagnosisText, mostDiagnosed } from './diagnosis.ts'
import { type DialStage, dialStages, findings, otherwise } from './diagnosis-table.ts'

const event = (address: string, stage: DialStage, code?: string): DialStageEvent => {
  const at = { transport: 'web-socket', address, stage, afterMs: 12.4 }
  return code === undefined ? { ...at, outcome: 'ok' } : { ...at, outcome: 'failed', code }
}
const failedAt = (stage: DialStage, code: string): string =>
  diagnose([event('a', stage, code)])
    .map(diagnosisText)
    .join()

describe('a diagnosis', () => {
  it('[DG1] names for each address the first stage that failed', () => {
    const events = [
      event('a', 'dns'),
      event('b', 'dns', 'ENOTFOUND'),
      event('a', 'tcp', 'ECONNREFUSED'),
      event('a', 'tls', 'EPROTO'),
      event('c', 'connect'),
      event('c', 'handshake'),
      event('c', 'auth'),
      event('d', 'tcp'),
      event('d', 'dns'),
    ]
    expect(
      diagnose(events).map(({ address, ...rest }) => [address, rest.outcome, 'stage' in rest && rest.stage]),
    ).toEqual([
      ['a', 'failed', 'tcp'],
      ['b', 'failed', 'dns'],
      ['c', 'works', false],
      ['d', 'unfinished', 'tcp'],
    ])
    expect(diagnose(events).map(diagnosisText)).toMatchInlineSnapshot(`
      [
        "a (web-socket, 12 ms): tcp failed (ECONNREFUSED). The machine answered that nothing listens on that port. Start the server there, or check the port.",
        "b (web-socket, 12 ms): dns failed (ENOTFOUND). No such host name exists. Check the spelling of the address and the entry in DNS.",
        "c (web-socket, 12 ms): works.",
        "d (web-socket, 12 ms): got past tcp, then nothing more came.",
      ]
    `)
  })

  it('[DG2] says of every stage what a failure means and what to do, also where its code says nothing', () => {
    const lines = dialStages.flatMap((stage) =>
      [...Object.keys(findings[stage]), 'something-else'].map((code) => `${stage} ${code}: ${failedAt(stage, code)}`),
    )
    expect(
      lines.join('\n').replaceAll(/: a \(web-socket, 12 ms\): \w+ failed \([^)]*\)\./g, ':'),
    ).toMatchInlineSnapshot(`
      "dns invalid-address: The text is no address of a WebSocket. Write it as wss://HOST:PORT/PATH.
      dns ENOTFOUND: No such host name exists. Check the spelling of the address and the entry in DNS.
      dns EAI_AGAIN: The name server did not answer. Check whether this machine is online and which name server it asks.
      dns something-else: The host name could not be looked up. Check the address, and whether this machine is online.
      tcp ECONNREFUSED: The machine answered that nothing listens on that port. Start the server there, or check the port.
      tcp ETIMEDOUT: Nothing came back in time. Look for a firewall between here and there that drops packets, and whether the machine is up.
      tcp timeout: Nothing came back in time. Look for a firewall between here and there that drops packets, and whether the machine is up.
      tcp EHOSTUNREACH: The network has no way to that machine. Check routes, VPN, and whether the machine is up.
      tcp ENETUNREACH: This machine has no network. Check whether this machine is online.
      tcp ECONNRESET: The connection was cut as it was opened. Look for a firewall or a proxy in between, and for limits of the server.
      tcp something-else: No connection to that port could be opened. Check whether the server runs and can be reached.
      tls CERT_HAS_EXPIRED: The certificate of the server has expired. Renew it, and check the clock here.
      tls CERT_NOT_YET_VALID: The certificate is not valid yet. Check the clock here.
      tls ERR_TLS_CERT_ALTNAME_INVALID: The certificate is for another name. Use the name that it is for, or add this one to it.
      tls DEPTH_ZERO_SELF_SIGNED_CERT: The certificate is not signed by an authority that is trusted here. Give the server a certificate with its whole chain, or make its authority known here.
      tls SELF_SIGNED_CERT_IN_CHAIN: The certificate is not signed by an authority that is trusted here. Give the server a certificate with its whole chain, or make its authority known here.
      tls UNABLE_TO_VERIFY_LEAF_SIGNATURE: The certificate is not signed by an authority that is trusted here. Give the server a certificate with its whole chain, or make its authority known here.
      tls EPROTO: What answers there does not speak TLS. Use ws:// instead of wss://, or the port that serves TLS.
      tls ERR_SSL_WRONG_VERSION_NUMBER: What answers there does not speak TLS. Use ws:// instead of wss://, or the port that serves TLS.
      tls timeout: Nothing came back in time. Look for a firewall between here and there that drops packets, and whether the machine is up.
      tls something-else: No secure connection could be agreed on. Check the certificate and the TLS settings of the server.
      connect offline: This machine is offline. It dials again by itself once it is online.
      connect something-else: No connection came about; the platform does not say why. Check whether this machine is online, then the name, port and certificate from a machine with a shell.
      handshake http-400: The upgrade is not taken as it is. Keep credentials out of the address: token() hands them over.
      handshake http-401: Something in front of the server wants a credential of its own. Have it let this path through: token() is shown to the server only.
      handshake http-403: Something in front of the server, or its rule for origins, turns this one down. Check both, and the path of the address.
      handshake http-404: The server has nothing at that path. Check the path of the address.
      handshake http-426: What answers there does not take WebSockets. Check address and path, and that a proxy in between passes upgrades on.
      handshake http-429: The server takes no more connections now. Nothing is to be done: it is dialled again by itself.
      handshake http-502: The proxy in front does not reach the server. Start the server behind it, or check its port.
      handshake http-504: The proxy in front does not reach the server. Start the server behind it, or check its port.
      handshake http-503: The server is starting, draining or overloaded. Wait: it is dialled again by itself.
      handshake version: Both sides share no version of the protocol. Bring the older of the two up to date.
      handshake not-rejoin: Something else answers there. Check address, port and path.
      handshake full: The other side has all the connections that it takes. Nothing: others are dialled. Or raise max there.
      handshake self: The address is our own. Nothing, unless it was meant to be of somebody else.
      handshake timeout: The connection is there, but the other side says nothing. Look for a proxy that does not pass WebSockets on, and at the load of the server.
      handshake something-else: The other side did not complete the handshake. Look into its log at this time.
      auth unauthorized: The token is missing or not accepted. Sign in again, and check what token() gives.
      auth expired: The token has expired. Let token() fetch a fresh one, and check the clock here.
      auth forbidden: Whoever this is may not come in. Ask whoever runs the server for access.
      auth wrong-peer: Another replica answers there than the one that was expected. Check whether the address was given to another machine.
      auth something-else: The other side does not accept who we are. Check the token and the rights behind it."
    `)
    for (const stage of dialStages) expect(failedAt(stage, 'constructor')).toContain(otherwise[stage].meaning)
  })

  it('[DG3] is bounded, whatever a driver says', () => {
    const events = Array.from({ length: 1000 }, (_, at) => event(`a${at}`, 'tcp', 'x'.repeat(1000)))
    const all = diagnose([event('q', 'nonsense' as DialStage), ...events])
    expect(all.length).toBe(mostDiagnosed)
    expect(all.every((one) => one.outcome === 'failed' && one.code.length <= 64)).toBe(true)
  })
})
