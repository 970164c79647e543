import { channelTag } from './channel-common.ts'
import { decodeFrame } from './codec.ts'

/**
 * What a message on a reliable link carries, in the protocol's words: `hello`, `changes`, `bundle`, `ping`, ...; `credit`
 * for flow control, `unknown` for what does not decode. For pictures and traces.
 */
export function wireKind(message: Uint8Array): string {
  if (message[0] !== channelTag.data) return 'credit'
  const frame = decodeFrame(message.subarray(1))
  return frame.ok ? frame.value.kind : 'unknown'
}
