import { commonVersion } from './codec.ts'
import {
  formatVersions,
  type HelloFrame,
  protocolVersions,
  type RejectFrame,
  type VersionRange,
  type WelcomeFrame,
} from './frame.ts'
import type { Hub } from './hub.ts'

/** What is answered to a hello: a welcome with the versions chosen, or why not. */
export function answerHello(hub: Hub, hello: HelloFrame): WelcomeFrame | RejectFrame {
  const protocol = commonVersion(protocolVersions, hello.protocol)
  const format = commonVersion(formatVersions, hello.format)
  const { introduction } = hello
  if (protocol === undefined) return versionsDoNotMeet('protocol', protocolVersions, hello.protocol)
  if (format === undefined) return versionsDoNotMeet('format', formatVersions, hello.format)
  if (introduction === undefined || introduction.replica === hub.speaksAs) {
    return reject('handshake-failed', 'A replica does not connect to itself.', false)
  }
  if (hub.role === 'server' && hub.queue.status.state === 'failing') {
    return reject('server-storage-failing', 'The server cannot store changes at the moment.', true)
  }
  return { kind: 'welcome', protocol, format, introduction: hub.introduction(), echo: introduction.wall }
}

/** Whether the versions in a welcome are among those that hello offered. */
export function isOffered(welcome: WelcomeFrame): boolean {
  const within = (version: number, range: VersionRange): boolean => version >= range.min && version <= range.max
  return within(welcome.protocol, protocolVersions) && within(welcome.format, formatVersions)
}

/** Codes after which the same hello will meet the same answer. */
export function isFinal(code: string): boolean {
  return ['protocol-too-old', 'protocol-too-new', 'unauthorized', 'refused-flood'].includes(code)
}

function versionsDoNotMeet(what: string, ours: VersionRange, theirs: VersionRange): RejectFrame {
  const code = theirs.max < ours.min ? 'protocol-too-old' : 'protocol-too-new'
  const reason = `This side speaks ${what} ${ours.min} to ${ours.max}, the other ${theirs.min} to ${theirs.max}.`
  return reject(code, reason, false)
}

function reject(code: string, reason: string, retry: boolean): RejectFrame {
  return { kind: 'reject', code, reason, protocol: protocolVersions, retry }
}
