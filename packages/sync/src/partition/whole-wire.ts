/** The bytes of all messages, for tests and for whoever looks at a wire. */
import type { DecodeError, Result } from '@rejoin/state'
import { handoverShapes, leaseShapes } from './lease-wire.ts'
import { voterShapes } from './voter-wire.ts'
import { type PartitionMessage, PartitionWire } from './wire.ts'

const wire = new PartitionWire()
wire.learn(leaseShapes)
wire.learn(handoverShapes)
wire.learn(voterShapes)

export function encodePartition(told: PartitionMessage): Uint8Array {
  return wire.encode(told)
}

/** Never throws, whatever the bytes. */
export function decodePartition(bytes: Uint8Array): Result<PartitionMessage, DecodeError> {
  return wire.decode(bytes)
}
