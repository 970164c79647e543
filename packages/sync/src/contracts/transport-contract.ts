import type { Link, LinkClosed, LinkEvents, LinkInfo, Transport } from '../seams.ts'
import { eventually, type TestApi } from './test-api.ts'

/** Two transports that reach each other. */
export interface TransportSubject {
  readonly left: Transport
  readonly right: Transport
  /** Lets the platform work for a moment. */
  settle(): PromiseLike<void>
  /** Breaks the links that exist, without a farewell; undefined where the test cannot. */
  cut?(): void | PromiseLike<void>
  /** A dialling transport whose other end does not exist; undefined for transports that only listen. */
  readonly nowhere?: Transport
  dispose(): void | PromiseLike<void>
}

/** One end of a link as the suite records it. */
interface RecordedEnd {
  link: Link | undefined
  info: LinkInfo | undefined
  opened: number
  readonly frames: Uint8Array[]
  readonly closed: LinkClosed[]
  readonly disorder: string[]
}

/** The suite for a `Transport` pair. Unreliable transports are held to integrity, not to order or arrival. */
export function runTransportContract(
  { describe, it, expect }: TestApi,
  name: string,
  factory: () => TransportSubject | PromiseLike<TransportSubject>,
): void {
  const scenario = (
    title: string,
    body: (subject: TransportSubject, ends: { left: RecordedEnd; right: RecordedEnd }) => Promise<void>,
  ): void => {
    it(title, async () => {
      const subject = await factory()
      const right = attach(subject.right)
      const left = attach(subject.left)
      const up = await eventually(subject.settle, () => left.end.opened > 0 && right.end.opened > 0)
      expect(up).toBe(true)
      await body(subject, { left: left.end, right: right.end })
      left.stop()
      right.stop()
      await subject.dispose()
    })
  }

  describe(`transport contract: ${name}`, () => {
    scenario('[TR1] opens once at both ends, before any frame', async (_subject, { left, right }) => {
      expect([left.opened, right.opened]).toEqual([1, 1])
      expect([left.disorder, right.disorder]).toEqual([[], []])
    })

    scenario('[TR2] agrees on one end that speaks first', async (_subject, { left, right }) => {
      const initiators = [left, right].map((end) => (end.info === undefined ? true : end.info.initiator))
      expect(initiators.filter(Boolean).length).toBe(1)
    })

    scenario('[TR3] carries frames both ways, whole and unchanged', async (subject, { left, right }) => {
      const sizes = [1, 2, 125, 126, 127, 1000, 65_535, 65_536, 70_000]
      const frames = sizes.map((size) => pattern(size))
      for (const frame of frames) {
        left.link?.send(frame)
        right.link?.send(frame)
      }
      const all = await eventually(
        subject.settle,
        () => left.frames.length >= frames.length && right.frames.length >= frames.length,
      )
      if (subject.left.reliable) {
        expect(all).toBe(true)
        expect(right.frames.map((frame) => frame.length)).toEqual(sizes)
        expect(left.frames.map((frame) => frame.length)).toEqual(sizes)
      }
      const intact = [...left.frames, ...right.frames].every((frame) => equalBytes(frame, pattern(frame.length)))
      expect(intact).toBe(true)
    })

    scenario('[TR4] keeps the order of many small frames', async (subject, { left, right }) => {
      if (!subject.left.reliable) return
      for (let i = 0; i < 500; i++) left.link?.send(Uint8Array.of(i & 0xff, i >> 8))
      expect(await eventually(subject.settle, () => right.frames.length === 500)).toBe(true)
      expect(right.frames.every((frame, i) => frame[0] === (i & 0xff) && frame[1] === i >> 8)).toBe(true)
    })

    scenario('[TR5] a sender may reuse the bytes it has sent', async (subject, { left, right }) => {
      const frame = Uint8Array.of(1, 2, 3)
      left.link?.send(frame)
      frame.fill(9)
      await eventually(subject.settle, () => right.frames.length > 0)
      if (subject.left.reliable) expect([...(right.frames[0] ?? [])]).toEqual([1, 2, 3])
    })

    scenario('[TR6] says how much is buffered as a number', async (subject, { left }) => {
      left.link?.send(pattern(10_000))
      const buffered = left.link?.bufferedBytes ?? -1
      expect(Number.isFinite(buffered) && buffered >= 0).toBe(true)
      expect(await eventually(subject.settle, () => (left.link?.bufferedBytes ?? 1) === 0)).toBe(true)
    })

    scenario('[TR7] a close reaches both ends once, and nothing follows it', async (subject, { left, right }) => {
      left.link?.close('done', 'The test is over.')
      const ended = await eventually(subject.settle, () => left.closed.length > 0 && right.closed.length > 0)
      expect(ended).toBe(true)
      left.link?.send(Uint8Array.of(1))
      right.link?.send(Uint8Array.of(1))
      left.link?.close()
      right.link?.close()
      for (let round = 0; round < 5; round++) await subject.settle()
      expect([left.closed.length, right.closed.length]).toEqual([1, 1])
      expect([left.disorder, right.disorder]).toEqual([[], []])
    })

    scenario('[TR8] the accepting end may close too', async (subject, { left, right }) => {
      right.link?.close('enough', 'No more.')
      const ended = await eventually(subject.settle, () => left.closed.length > 0 && right.closed.length > 0)
      expect(ended).toBe(true)
      expect([left.closed.length, right.closed.length]).toEqual([1, 1])
    })

    scenario('[TR9] a broken link is told to the end that can notice it', async (subject, { left, right }) => {
      if (subject.cut === undefined) return
      await subject.cut()
      const noticed = await eventually(subject.settle, () => left.closed.length + right.closed.length > 0)
      expect(noticed).toBe(true)
      expect([...left.closed, ...right.closed].some((reason) => reason.clean)).toBe(false)
    })

    it('[TR10] dialling nobody is told by closed, not thrown', async () => {
      const subject = await factory()
      const nowhere = subject.nowhere
      if (nowhere !== undefined) {
        const { end, stop } = attach(nowhere)
        expect(await eventually(subject.settle, () => end.closed.length > 0)).toBe(true)
        expect([end.opened, end.closed.length]).toEqual([0, 1])
        stop()
      }
      await subject.dispose()
    })

    it('[TR11] a dial that is given up at once opens nothing', async () => {
      const subject = await factory()
      if (subject.left.kind === 'dial') {
        const end = emptyEnd()
        const link = subject.left.dial(recording(end))
        link.close()
        await eventually(subject.settle, () => end.closed.length > 0)
        expect(end.closed.length).toBe(1)
        expect(end.disorder).toEqual([])
      }
      await subject.dispose()
    })
  })
}

function attach(transport: Transport): { end: RecordedEnd; stop: () => void } {
  const end = emptyEnd()
  if (transport.kind === 'dial') {
    end.link = transport.dial(recording(end))
    return {
      end,
      stop: () => {
        end.link?.close()
        transport.close?.()
      },
    }
  }
  const listening = transport.listen({
    accept: (link, info) => {
      end.link ??= link
      end.info ??= info
      return recording(end)
    },
  })
  return { end, stop: () => listening.close() }
}

function emptyEnd(): RecordedEnd {
  return { link: undefined, info: undefined, opened: 0, frames: [], closed: [], disorder: [] }
}

function recording(end: RecordedEnd): LinkEvents {
  return {
    opened: () => {
      if (end.closed.length > 0) end.disorder.push('opened after closed')
      end.opened += 1
    },
    frame: (bytes) => {
      if (end.opened === 0) end.disorder.push('frame before opened')
      if (end.closed.length > 0) end.disorder.push('frame after closed')
      end.frames.push(bytes.slice())
    },
    closed: (reason) => {
      end.closed.push(reason)
    },
  }
}

function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 7 + size) & 0xff
  return bytes
}

function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, i) => byte === right[i])
}
