/** The bytes of what two replicas tell each other about where servers can be reached, in asides. */
import type { DecodeError, Result } from '@rejoin/state'
import type { Permission } from '../../frame.ts'
import { frameLimits } from '../../frame-limits.ts'
import { choice, decoded, encoded, list, record, text } from '../../wire-fields.ts'
import { mostAddressesAtOnce, mostAddressText, mostIdText, type PeerAddress } from '../dialing/address.ts'
import { union } from '../wire.ts'

/** The channel of asides about addresses. */
export const addressChannel = 3

/** Where a server says that it can be reached. */
export type OwnAddress = Required<PeerAddress>

/** What one replica tells another. */
export type AddressMessage =
  /** Where servers can be reached, each by its own word. */
  | { readonly kind: 'addresses'; readonly addresses: readonly OwnAddress[] }
  /** What may this connection do with a document? */
  | { readonly kind: 'ask'; readonly document: string }
  | { readonly kind: 'given'; readonly document: string; readonly permission: Permission }

const document = text(frameLimits.documentNameBytes)
const address = record<OwnAddress>({
  transport: text(128),
  address: text(4 * mostAddressText),
  peer: text(4 * mostIdText),
})

const message = union<AddressMessage>({
  addresses: { addresses: list(address, mostAddressesAtOnce, 3) },
  ask: { document },
  given: { document, permission: choice<Permission>(['no', 'read', 'write', 'admin']) },
})

/** The bytes of a message. */
export function encodeAddressMessage(told: AddressMessage): Uint8Array {
  return encoded(message, told)
}

/** The message that bytes spell, or why they spell none. Never throws, whatever the bytes. */
export function decodeAddressMessage(bytes: Uint8Array): Result<AddressMessage, DecodeError> {
  return decoded(message, bytes)
}
