import { decodeFrame, encodeFrame } from './codec.ts'
import type { Frame, HelloFrame, Introduction } from './frame.ts'
import type { DialTransport, Link, LinkClosed, ReplicaOptions } from './index.ts'
import { type Star, star } from './world.test-helper.ts'

/** Somebody who speaks to the server of a star by hand. */
export class Stranger {
  /** Frames that came, without the byte of the channel. */
  readonly received: Uint8Array[] = []
  closed: LinkClosed | undefined
  readonly #link: Link

  constructor(world: Star, transport: DialTransport) {
    this.#link = transport.dial({
      opened: () => {},
      frame: (bytes) => {
        if (bytes[0] === 0) this.received.push(bytes.slice(1))
      },
      closed: (reason) => {
        this.closed = reason
      },
    })
    world.world.advance(50)
  }

  /** The frames of a kind that came. */
  heard<K extends Frame['kind']>(kind: K): Extract<Frame, { readonly kind: K }>[] {
    return this.received.flatMap((bytes) => {
      const frame = decodeFrame(bytes)
      return frame.ok && frame.value.kind === kind ? [frame.value as Extract<Frame, { readonly kind: K }>] : []
    })
  }

  send(frame: Frame | Uint8Array): void {
    const payload = frame instanceof Uint8Array ? frame : encodeFrame(frame)
    const bytes = new Uint8Array(payload.length + 1)
    bytes.set(payload, 1)
    this.#link.send(bytes)
  }
}

/** Whom a stranger says to be. */
export const introduction: Introduction = {
  replica: '00000000000000ee',
  role: 'client',
  name: 'stranger',
  profiles: [],
  wall: 0,
  frameBytes: 1_000_000,
}
export const range = { min: 1, max: 1 }
export const hello: HelloFrame = { kind: 'hello', protocol: range, format: range, introduction }

/** A star with one client, and somebody else on a wire of their own. */
export function withStranger(server: Partial<ReplicaOptions> = {}): { star: Star; stranger: Stranger } {
  const made = star(1, { server })
  const extra = made.world.wire('stranger')
  made.server.join({ transports: [extra.listen] })
  return { star: made, stranger: new Stranger(made, extra.dial) }
}
