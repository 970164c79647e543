import { channelTag } from './channel-common.ts'
import { decodeFrame } from './codec.ts'
import { partitionChannel } from './partition/neighbours.ts'
import { decodePartition } from './partition/whole-wire.ts'

/**
 * What a message on a reliable link carries, in the protocol's words: `hello`, `changes`, `bundle`, `ping`, ...; `credit`
 * for flow control, `unknown` for what does not decode. Of the partition layer what that says: `partition/heartbeat`,
 * `partition/lease`, ... For pictures and traces.
 */
export function wireKind(message: Uint8Array): string {
  if (message[0] !== channelTag.data) return 'credit'
  const frame = decodeFrame(message.subarray(1))
  if (!frame.ok) return 'unknown'
  const { value } = frame
  if (value.kind !== 'aside' || value.channel !== partitionChannel) return value.kind
  const told = decodePartition(value.bytes)
  return told.ok ? `partition/${told.value.kind}` : 'unknown'
}
