import { attempt, ByteReader, ByteWriter, type DecodeError, type Result } from '@rejoin/state'
import type { Channel, ChannelEffect, ChannelOptions } from './channel.ts'
import { channelTag, count, defaultQueueBytes, defaultWindowBytes, noCounts, overshootBytes } from './channel-common.ts'

/** The channel over a link that keeps order and loses nothing: one byte per frame, and credit. */
export function reliableChannel(options: ChannelOptions): Channel {
  const windowBytes = options.windowBytes ?? defaultWindowBytes
  const maxQueuedBytes = options.maxQueuedBytes ?? defaultQueueBytes
  const counters = noCounts()
  const queue: Uint8Array[] = []
  let queuedBytes = 0
  let open = false
  let failed = false
  let credit = windowBytes
  let outstanding = 0
  let consumed = 0

  const transmit = (payload: Uint8Array, effects: ChannelEffect[]): void => {
    const frame = new Uint8Array(payload.length + 1)
    frame[0] = channelTag.data
    frame.set(payload, 1)
    credit -= payload.length
    count(counters, frame)
    effects.push({ kind: 'transmit', frame })
  }
  const drain = (effects: ChannelEffect[]): void => {
    let sent = 0
    while (sent < queue.length && open && credit > 0) {
      const payload = queue[sent++] as Uint8Array
      queuedBytes -= payload.length
      transmit(payload, effects)
    }
    if (sent > 0) queue.splice(0, sent)
  }
  const fail = (code: 'protocol-error' | 'slow-peer', reason: string): ChannelEffect[] => {
    failed = true
    return [{ kind: 'failed', code, reason }]
  }

  return {
    counters,
    wakeAt: undefined,
    get queuedBytes(): number {
      return queuedBytes
    },
    get creditBytes(): number {
      return credit
    },
    step: (input) => {
      const effects: ChannelEffect[] = []
      if (failed) return effects
      switch (input.kind) {
        case 'opened':
          open = true
          effects.push({ kind: 'ready' })
          drain(effects)
          break
        case 'send':
          queue.push(input.payload)
          queuedBytes += input.payload.length
          drain(effects)
          if (queuedBytes > maxQueuedBytes) return fail('slow-peer', `${queuedBytes} bytes wait for credit`)
          break
        case 'frame': {
          counters.framesIn += 1
          counters.bytesIn += input.bytes.length
          if (input.bytes[0] === channelTag.data) {
            outstanding += input.bytes.length - 1
            if (outstanding > windowBytes + overshootBytes)
              return fail('protocol-error', 'more bytes than were granted')
            effects.push({ kind: 'deliver', payload: input.bytes.subarray(1) })
          } else {
            const granted = readCredit(input.bytes)
            if (!granted.ok) return fail('protocol-error', granted.error.message)
            const blocked = credit <= 0 || queue.length > 0
            credit += granted.value
            drain(effects)
            if (blocked && queue.length === 0 && credit > 0) effects.push({ kind: 'writable' })
          }
          break
        }
        case 'consumed':
          consumed += input.bytes
          outstanding -= input.bytes
          // Half a window at once, so that credit costs next to nothing.
          if (consumed >= windowBytes / 2 && open) {
            const writer = new ByteWriter(8)
            writer.u8(channelTag.credit)
            writer.varUint(consumed)
            consumed = 0
            const frame = writer.finish()
            count(counters, frame)
            effects.push({ kind: 'transmit', frame })
          }
          break
        case 'tick':
          break
      }
      return effects
    },
  }
}

function readCredit(bytes: Uint8Array): Result<number, DecodeError> {
  return attempt(() => {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== channelTag.credit) reader.fail('malformed', 'a channel frame of unknown kind')
    const granted = reader.varUint()
    if (granted > 2 ** 40) reader.fail('malformed', `credit of ${granted} bytes`)
    reader.end()
    return granted
  })
}
