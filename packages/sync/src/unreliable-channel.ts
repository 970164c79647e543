import { attempt, ByteReader, ByteWriter } from '@rejoin/state'
import type { Channel, ChannelEffect, ChannelOptions } from './channel.ts'
import { channelTag, count, defaultQueueBytes, defaultWindowBytes, noCounts, overshootBytes } from './channel-common.ts'
import { byte, checked, type Field, record, rest, uint, word } from './wire-fields.ts'

const maxFlightFrames = 256
const firstTimeoutMs = 400
const minTimeoutMs = 60
const maxTimeoutMs = 4000
const resendFrames = 8

interface Flight {
  readonly seq: number
  readonly payload: Uint8Array
  sentAt: number
  resent: boolean
  /** The other side has it, though something before it is missing there. */
  arrived: boolean
}

interface Packet {
  readonly tag: number
  readonly from: number
  readonly to: number
  readonly seq: number
  /** Everything below this seq arrived. */
  readonly ack: number
  /** The data frame that this answers, 0 for none: measures the round trip, and need not be sent again. */
  readonly answers: number
  /** Total bytes that the receiver may have been sent since the start. */
  readonly granted: number
  readonly payload: Uint8Array
}

/** The channel over a link that may lose, duplicate and reorder: nonces, numbers, acknowledgements, resending. */
export function unreliableChannel(options: ChannelOptions): Channel {
  const windowBytes = options.windowBytes ?? defaultWindowBytes
  const maxQueuedBytes = options.maxQueuedBytes ?? defaultQueueBytes
  const counters = noCounts()
  const queue: Uint8Array[] = []
  const arrived = new Map<number, Uint8Array>()
  let queuedBytes = 0
  let flight: Flight[] = []
  let candidate = 0
  let peer = 0
  let open = false
  let failed = false
  let nextSeq = 1
  let expected = 1
  let sentBytes = 0
  let grantedToUs = windowBytes
  let grantedToThem = windowBytes
  let receivedBytes = 0
  let ackOwed = false
  let lastArrived = 0
  let smoothed: number | undefined
  let timeoutMs = firstTimeoutMs
  let resendAt: number | undefined

  const transmit = (kind: number, seq: number, payload: Uint8Array, effects: ChannelEffect[]): void => {
    const packet = {
      tag: kind,
      from: options.nonce,
      to: peer || candidate,
      seq,
      ack: expected,
      answers: kind === channelTag.ack ? lastArrived : 0,
      granted: grantedToThem,
      payload,
    }
    const frame = encodePacket(packet)
    ackOwed = false
    count(counters, frame)
    effects.push({ kind: 'transmit', frame })
  }
  const drain = (now: number, effects: ChannelEffect[]): void => {
    let sent = 0
    while (peer !== 0 && sent < queue.length && flight.length < maxFlightFrames && sentBytes < grantedToUs) {
      const payload = queue[sent++] as Uint8Array
      queuedBytes -= payload.length
      sentBytes += payload.length
      const seq = nextSeq++
      flight.push({ seq, payload, sentAt: now, resent: false, arrived: false })
      resendAt ??= now + timeoutMs
      transmit(channelTag.data, seq, payload, effects)
    }
    if (sent > 0) queue.splice(0, sent)
    // A grant may have been lost: ask when nothing else would bring it.
    if (peer !== 0 && queue.length > 0) resendAt ??= now + timeoutMs
  }
  const resend = (items: readonly Flight[], now: number, effects: ChannelEffect[]): void => {
    for (const item of items.slice(0, resendFrames)) {
      item.resent = true
      item.sentAt = now
      counters.retransmitted += 1
      transmit(channelTag.data, item.seq, item.payload, effects)
    }
  }
  const acknowledge = (packet: Packet, now: number, effects: ChannelEffect[]): boolean => {
    if (packet.ack > nextSeq) return false
    const answered = flight.find((item) => item.seq === packet.answers)
    if (answered !== undefined) {
      answered.arrived = true
      const sample = Math.max(0, now - answered.sentAt)
      // Of what was sent twice nobody knows which of the two was answered.
      if (!answered.resent) smoothed = smoothed === undefined ? sample : smoothed * 0.8 + sample * 0.2
    }
    const before = flight.length
    flight = flight.filter((item) => item.seq >= packet.ack)
    if (flight.length < before || answered !== undefined) {
      timeoutMs = Math.min(maxTimeoutMs, Math.max(minTimeoutMs, (smoothed ?? firstTimeoutMs) * 2.5))
      resendAt = flight.length === 0 ? undefined : now + timeoutMs
    }
    // What was overtaken by more than a round trip is lost.
    const newest = flight.findLastIndex((item) => item.arrived)
    const patience = (smoothed ?? firstTimeoutMs) * 1.5
    const holes = flight.slice(0, Math.max(0, newest)).filter((item) => !item.arrived && now - item.sentAt > patience)
    resend(holes, now, effects)
    return true
  }
  const receive = (packet: Packet, effects: ChannelEffect[]): void => {
    ackOwed = true
    lastArrived = packet.seq
    if (packet.seq < expected || arrived.has(packet.seq)) {
      counters.duplicates += 1
      return
    }
    if (packet.seq >= expected + maxFlightFrames) return
    arrived.set(packet.seq, packet.payload)
    receivedBytes += packet.payload.length
    for (let payload = arrived.get(expected); payload !== undefined; payload = arrived.get(expected)) {
      arrived.delete(expected)
      expected += 1
      effects.push({ kind: 'deliver', payload })
    }
  }
  const become = (from: number, effects: ChannelEffect[]): void => {
    peer = from
    resendAt = undefined
    timeoutMs = firstTimeoutMs
    effects.push({ kind: 'ready' })
  }
  const fail = (code: 'protocol-error' | 'slow-peer', reason: string): ChannelEffect[] => {
    failed = true
    return [{ kind: 'failed', code, reason }]
  }
  const frameArrived = (bytes: Uint8Array, now: number, effects: ChannelEffect[]): ChannelEffect[] | undefined => {
    counters.framesIn += 1
    counters.bytesIn += bytes.length
    const decoded = attempt(() => packetFields.read(new ByteReader(bytes)))
    if (!decoded.ok) return fail('protocol-error', decoded.error.message)
    const packet = decoded.value
    if (packet.to !== options.nonce) {
      // Invariant 2: nothing of it is believed but that somebody is there. A first flight names nobody.
      if (packet.to !== 0 || peer !== 0) return undefined
      candidate = packet.from
      transmit(channelTag.syn, 0, nothing, effects)
      return undefined
    }
    if (peer === 0) become(packet.from, effects)
    if (packet.from !== peer) return fail('protocol-error', 'the other side began anew on the same link')
    if (!acknowledge(packet, now, effects)) return fail('protocol-error', 'an acknowledgement of frames never sent')
    const blocked = queue.length > 0
    grantedToUs = Math.max(grantedToUs, packet.granted)
    if (packet.tag === channelTag.syn) ackOwed = true
    if (packet.tag === channelTag.data) receive(packet, effects)
    if (receivedBytes > grantedToThem + overshootBytes) return fail('protocol-error', 'more bytes than were granted')
    drain(now, effects)
    if (blocked && queue.length === 0) effects.push({ kind: 'writable' })
    // One bare acknowledgement per arrival; it also tells the credit.
    if (ackOwed) transmit(channelTag.ack, 0, nothing, effects)
    return undefined
  }

  return {
    counters,
    get queuedBytes(): number {
      return queuedBytes
    },
    get creditBytes(): number {
      return grantedToUs - sentBytes
    },
    get wakeAt(): number | undefined {
      return failed ? undefined : resendAt
    },
    step: (input) => {
      const effects: ChannelEffect[] = []
      if (failed) return effects
      switch (input.kind) {
        case 'opened':
          open = true
          transmit(channelTag.syn, 0, nothing, effects)
          resendAt = input.now + timeoutMs
          break
        case 'send':
          queue.push(input.payload)
          queuedBytes += input.payload.length
          drain(input.now, effects)
          if (queuedBytes > maxQueuedBytes) return fail('slow-peer', `${queuedBytes} bytes wait for credit`)
          break
        case 'frame':
          return frameArrived(input.bytes, input.now, effects) ?? effects
        case 'consumed': {
          const before = grantedToThem
          grantedToThem += input.bytes
          const step = windowBytes / 2
          if (peer !== 0 && Math.floor(before / step) !== Math.floor(grantedToThem / step)) {
            transmit(channelTag.ack, 0, nothing, effects)
          }
          break
        }
        case 'tick':
          if (!open || resendAt === undefined || input.now < resendAt) break
          if (peer !== 0 && flight.length === 0 && queue.length === 0) {
            resendAt = undefined
            break
          }
          timeoutMs = Math.min(maxTimeoutMs, timeoutMs * 2)
          resendAt = input.now + timeoutMs
          if (peer === 0 || flight.length === 0) transmit(channelTag.syn, 0, nothing, effects)
          else
            resend(
              flight.filter((item) => !item.arrived),
              input.now,
              effects,
            )
          break
      }
      return effects
    },
  }
}

const nothing = new Uint8Array(0)

const packetFields: Field<Packet> = checked(
  record<Packet>({
    tag: byte,
    from: word,
    to: word,
    seq: uint,
    ack: uint,
    answers: uint,
    granted: uint,
    payload: rest,
  }),
  (reader, { tag, from, seq }) => {
    if (from === 0) reader.fail('malformed', 'a nonce of 0')
    if (tag === channelTag.data ? seq === 0 : tag !== channelTag.syn && tag !== channelTag.ack) {
      reader.fail('malformed', 'a channel frame of unknown kind')
    }
  },
)

function encodePacket(packet: Packet): Uint8Array {
  const writer = new ByteWriter(packet.payload.length + 32)
  packetFields.write(writer, packet)
  return writer.finish()
}
