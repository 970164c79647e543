import { diagnose } from '@rejoin/sync/partition'

/** Of answers that pass by themselves. */
const passing: ReadonlySet<string> = new Set(['http-429', 'http-503'])

/**
 * What an answer over HTTP in place of an upgrade means, as the end of an attempt, in the words of a diagnosis. `failure` is the code of
 * a stage, as `http-404`.
 */
export function httpAnswer(failure: string, path: string): { code: string; reason: string } | undefined {
  const [, status] = /^http-(\d{3})$/.exec(failure) ?? []
  const at = { transport: 'web-socket', address: path, stage: 'handshake', afterMs: 0 } as const
  const [diagnosis] = diagnose([{ ...at, outcome: 'failed', code: failure }])
  if (status === undefined || diagnosis?.outcome !== 'failed') return undefined
  const code = passing.has(failure) ? 'try-later' : 'handshake-failed'
  return { code, reason: `HTTP ${status} at ${path}: ${diagnosis.meaning} ${diagnosis.advice}` }
}
