import {
  type AddressDiagnosis,
  type DialStage,
  type DialStageEvent,
  type DialTrialOptions,
  diagnose,
  mostDiagnosed,
  tryDial,
} from '@rejoin/sync/partition'
import { DialStages } from './dial-stages.ts'
import { processClock, processRandom, processTimers } from './platform.ts'
import { type WebSocketOptions, webSocket } from './web-socket.ts'

/** An address to be diagnosed, and who should answer there. */
export interface DiagnosedAddress {
  readonly address: string
  readonly peer?: string | undefined
}

/** How a diagnosis is made. */
export interface DiagnoseOptions
  extends Pick<WebSocketOptions, 'token' | 'maxFrameBytes'>,
    Pick<DialTrialOptions, 'document' | 'self' | 'timeoutMs'> {}

/** Addresses that are dialled at once. */
const atOnce = 16

/**
 * Dials each address once, beside all connections that there are, and says what stops it from working: the name, the connection,
 * the encryption, the handshake, or the credential. Of addresses `mostDiagnosed` are looked at. Never rejects.
 *
 * @example
 * const [diagnosis] = await diagnoseAddresses(['ws://127.0.0.1:1/sync'])
 * diagnosis?.outcome === 'failed' && diagnosis.stage // => 'tcp'
 */
export async function diagnoseAddresses(
  addresses: readonly (string | DiagnosedAddress)[],
  options: DiagnoseOptions = {},
): Promise<AddressDiagnosis[]> {
  const waiting = addresses.slice(0, mostDiagnosed).map((at) => (typeof at === 'string' ? { address: at } : at))
  const found = waiting.map((): DialStageEvent[] => [])
  let next = 0
  const work = async (): Promise<void> => {
    for (let at = next++; at < waiting.length; at = next++)
      found[at] = await stagesOf(waiting[at] as DiagnosedAddress, options)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, work))
  return diagnose(found.flat())
}

async function stagesOf({ address, peer }: DiagnosedAddress, options: DiagnoseOptions): Promise<DialStageEvent[]> {
  const { token, maxFrameBytes, ...trial } = options
  const events: DialStageEvent[] = []
  const start = processClock.monotonic()
  const note = (stage: DialStage, failure?: string): void => {
    const told = { transport: 'web-socket', address, stage, afterMs: processClock.monotonic() - start }
    events.push(failure === undefined ? { ...told, outcome: 'ok' } : { ...told, outcome: 'failed', code: failure })
  }
  if (!URL.canParse(address) || !/^wss?:$/.test(new URL(address).protocol)) {
    note('dns', 'invalid-address')
    return events
  }
  let at: DialStage = new DialStages(new URL(address)).at
  const transport = webSocket(address, {
    ...(token === undefined ? {} : { token }),
    ...(maxFrameBytes === undefined ? {} : { maxFrameBytes }),
    // The time of the trial is what counts.
    handshakeTimeoutMs: 600_000,
    onStage: (stage, failure) => {
      if (failure === undefined) at = after(stage, address)
      note(stage, failure)
    },
  })
  await tryDial(transport, {
    ...trial,
    clock: processClock,
    timers: processTimers,
    random: processRandom,
    ...(peer === undefined ? {} : { expected: peer }),
    // What it calls the connection has stages of its own here.
    onStage: (stage, failure) => note(stage === 'connect' ? at : stage, failure),
  })
  return events
}

function after(stage: DialStage, address: string): DialStage {
  if (stage === 'dns') return 'tcp'
  return stage === 'tcp' && address.startsWith('wss:') ? 'tls' : 'handshake'
}
