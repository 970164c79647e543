import { isIP, type Socket } from 'node:net'
import type { LinkClosed } from '@rejoin/sync'

/** What dialling a WebSocket from a process goes through before the two sides speak. */
export type SocketStage = Exclude<NonNullable<LinkClosed['stage']>, 'connect'>

/** Told of each stage, once it is over; `failure` is the code of why it failed. */
export type StageListener = (stage: SocketStage, failure?: string) => void

/** Follows one attempt on its way. */
export class DialStages {
  /** What is under way. */
  at: SocketStage
  /** The code of why it failed. */
  failure: string | undefined
  readonly #isSecure: boolean
  readonly #told: StageListener
  #isOver = false

  constructor(url: URL, told: StageListener = () => {}) {
    this.#isSecure = url.protocol === 'wss:'
    this.#told = told
    // There is nothing to look up.
    this.at = isIP(url.hostname.replace(/^\[(.*)\]$/, '$1')) === 0 ? 'dns' : 'tcp'
  }

  /** Listens to the socket that is about to connect. */
  follow(socket: Socket): void {
    socket.once('lookup', (error: Error | null) => {
      if (error === null && this.at === 'dns') this.#pass('tcp')
    })
    socket.once('connect', () => {
      // Names of this machine may be known without asking anybody.
      if (this.at === 'dns') this.#pass('tcp')
      this.#pass(this.#isSecure ? 'tls' : 'handshake')
    })
    socket.once('secureConnect', () => this.#pass('handshake'))
  }

  /** It failed, with an error of the platform or of the `ws` package. */
  failed(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.failure = codeOf(error)
    this.#told(this.at, this.failure)
  }

  /** The upgrade is through: from here on the two sides speak. */
  opened(): void {
    this.#isOver = true
  }

  #pass(next: SocketStage): void {
    if (this.#isOver || this.at === next) return
    const passed = this.at
    this.at = next
    this.#told(passed)
  }
}

function codeOf(error: NodeJS.ErrnoException): string {
  if (typeof error.code === 'string') return error.code
  const status = /Unexpected server response: (\d{3})/.exec(error.message)?.[1]
  if (status !== undefined) return `http-${status}`
  if (/timed out/.test(error.message)) return 'timeout'
  return /Invalid (Upgrade|Sec-WebSocket)/.test(error.message) ? 'not-rejoin' : 'failed'
}
