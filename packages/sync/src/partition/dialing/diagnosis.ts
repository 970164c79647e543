import { type DialStage, dialStages, type Finding, findings, otherwise } from './diagnosis-table.ts'

/**
 * What a driver says while it dials an address on trial: each stage that it can see, once it is over. A stage that a transport
 * does not have is left out; `handshake` is complete when the other side has said who it is, `auth` when it lets us in.
 */
export type DialStageEvent = {
  readonly transport: string
  readonly address: string
  readonly stage: DialStage
  /** Since the trial of this address began, milliseconds. */
  readonly afterMs: number
} & (
  | { readonly outcome: 'ok' }
  /** `code`: of the platform, as `ECONNREFUSED`, or one of ours, as `timeout`. */
  | { readonly outcome: 'failed'; readonly code: string }
)

/** What became of one address. */
export type AddressDiagnosis = { readonly transport: string; readonly address: string; readonly afterMs: number } & (
  | { readonly outcome: 'works' }
  | ({ readonly outcome: 'failed'; readonly stage: DialStage; readonly code: string } & Finding)
  /** The last that is known was good, and then nothing more came. */
  | { readonly outcome: 'unfinished'; readonly stage: DialStage }
)

/** Addresses in one diagnosis, and characters of a code. */
export const mostDiagnosed = 256
const mostCodeText = 64

/**
 * What stops each address from working, in words: the first stage that failed is to blame, as later ones cannot succeed.
 * In the order in which addresses came; of events that contradict each other the first counts. Costs O(events).
 */
export function diagnose(events: readonly DialStageEvent[]): AddressDiagnosis[] {
  const byAddress = new Map<string, AddressDiagnosis>()
  for (const event of events) {
    const key = `${event.transport} ${event.address}`
    const before = byAddress.get(key)
    if (!dialStages.includes(event.stage) || (before === undefined && byAddress.size >= mostDiagnosed)) continue
    if (before === undefined || before.outcome === 'unfinished') byAddress.set(key, next(before?.stage, event))
  }
  return [...byAddress.values()]
}

function next(reached: DialStage | undefined, event: DialStageEvent): AddressDiagnosis {
  const { transport, address, stage, afterMs } = event
  const at = { transport, address, afterMs }
  if (event.outcome === 'failed') {
    const code = event.code.slice(0, mostCodeText)
    return { ...at, outcome: 'failed', stage, code, ...findingOf(stage, code) }
  }
  if (stage === 'auth') return { ...at, outcome: 'works' }
  const isLater = reached === undefined || dialStages.indexOf(stage) > dialStages.indexOf(reached)
  return { ...at, outcome: 'unfinished', stage: isLater ? stage : reached }
}

function findingOf(stage: DialStage, code: string): Finding {
  const known = findings[stage]
  // A page, or the way to one, in place of an upgrade: what answers knows of none.
  const meant = /^http-[123]\d\d$/.test(code) ? 'http-426' : code
  return (Object.hasOwn(known, meant) ? known[meant] : undefined) ?? otherwise[stage]
}

/** The diagnosis of one address as a line for people. */
export function diagnosisText(diagnosis: AddressDiagnosis): string {
  const { transport, address, afterMs } = diagnosis
  const start = `${address} (${transport}, ${Math.round(afterMs)} ms):`
  switch (diagnosis.outcome) {
    case 'works':
      return `${start} works.`
    case 'unfinished':
      return `${start} got past ${diagnosis.stage}, then nothing more came.`
    case 'failed':
      return `${start} ${diagnosis.stage} failed (${diagnosis.code}). ${diagnosis.meaning} ${diagnosis.advice}`
  }
}
