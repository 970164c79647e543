/// <reference lib="esnext.disposable" preserve="true" />
/** What a server is told, and what it tells. */
import type { Authorize, Storage } from '@rejoin/sync'
import type { Health, Partitions } from '@rejoin/sync/partition'
import type { ServerLimits } from './limits.ts'
import type { PolicyText } from './policy-text.ts'

/** The part of pino (and of most loggers) that the server uses: fields first, then the message. */
export interface ServerLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Options of {@link createServer}. Give `storage` or `dataDir`; all else has a default that is safe on this machine. */
export interface ServerOptions {
  /** Where documents are kept. It stays the caller's: the server never closes it. */
  readonly storage?: Storage
  /** Directory of an LMDB store that the server opens and closes itself. */
  readonly dataDir?: string
  /** Port to listen on, 0 for any free one. Default 4000. */
  readonly port?: number
  /** Address to bind. Default 127.0.0.1: this machine only. Anything wider needs `authorize` or `insecure`. */
  readonly host?: string
  /** Decides who may read and write which document. Without it everybody who connects may write everything. */
  readonly authorize?: Authorize
  /** Accepts that everybody who reaches the port reads and writes everything. */
  readonly insecure?: boolean
  /** Origins of web pages that may connect, besides the server's own. `*` allows all there are. */
  readonly origins?: readonly string[]
  /** Serves `/livez`, `/readyz` and `/metrics` on this port, and no longer on the main one. */
  readonly adminPort?: number
  /** Address of the admin port. Default 127.0.0.1; it has no authorization, so choose a private one. */
  readonly adminHost?: string
  /** Serves the files below this directory, with a strict content security policy. */
  readonly staticDir?: string
  /** A stable name among servers: what others call it. Default: another one at each start. */
  readonly node?: string
  /**
   * Addresses of other servers, such as `ws://10.0.0.2:4000/sync`: all documents are replicated between this one and them, and
   * on to those that they are connected to.
   */
  readonly join?: readonly string[]
  /**
   * Where other servers are told to dial this one, such as `wss://b.example/sync`; nobody is told where the list is empty. Servers that
   * are connected tell each other, so that each needs to know only one to begin with. Clients are told nothing. Default: where it
   * listens, unless that is every host there is.
   */
  readonly advertise?: readonly string[]
  /**
   * The servers that vote together, by their `node` names, the same list at each of them: who of them may act for all in a split
   * is the side with more than half. Default: this one alone. What is on the disk counts instead.
   */
  readonly voters?: readonly string[]
  /**
   * What a quorum of them is, for the first start: `keep-majority` (the default), `static-quorum:2`, `two-thirds`, `keep-oldest`,
   * `lease` or `none`, the same at each of them. What is on the disk counts instead.
   */
  readonly policy?: PolicyText
  /**
   * Whether this server has never voted: for the first start of each voter, and never after its data was lost; then it is
   * readmitted by the others. Default: where it is the only voter, and joins none.
   */
  readonly founding?: boolean
  /** The pace at which the others are watched. Default `lan`. */
  readonly preset?: 'lan' | 'wan' | 'large'
  /** The credential for the servers in `join`, and for those that servers of the cluster tell of, asked again at each dial. */
  readonly joinToken?: () => string | undefined | PromiseLike<string | undefined>
  /**
   * Whether this server grants the first rights of bounded counters and begins epochs. Default: where it joins no other. Of
   * servers that replicate to each other one does, for ever the same.
   */
  readonly grantsRights?: boolean
  /** Keeps traces of divergences as files in this directory: at most 20, which have content of documents. Default: none. */
  readonly traceDir?: string
  /** Replaces single limits. */
  readonly limits?: Partial<ServerLimits>
  /** Where log lines go. Default: nowhere. */
  readonly logger?: ServerLogger
}

/** Where a server listens. */
export interface ServerAddress {
  readonly host: string
  readonly port: number
  /** What to open in a browser. */
  readonly url: string
  /** What clients dial. */
  readonly syncUrl: string
  /** Where the admin port is, when there is one. */
  readonly adminUrl: string | undefined
}

/**
 * How a server does. Who is `degraded` serves its clients all the same: only where it is not `ready`, with a code and a reason in words,
 * clients should not be sent there.
 */
export interface ServerHealth extends Health {
  readonly live: true
  readonly ready: boolean
  readonly code?: string
  readonly reason?: string
}

/** A running (or not yet, or no longer running) server. */
export interface RejoinServer {
  /**
   * Opens the store and the port. Twice is an error.
   * @throws RejoinError `server-exposed`, `data-in-use`, `address-unavailable`, or what the store says.
   */
  listen(): Promise<ServerAddress>
  /** Drains: makes durable and acknowledges what has come, ends every link with a code, closes the store. Idempotent. */
  close(): Promise<void>
  /** What to open in a browser; undefined before `listen`. */
  readonly url: string | undefined
  /** Whether `/readyz` answers 200. */
  readonly ready: boolean
  /** Where this server stands among those that vote; undefined before `listen`. */
  readonly partitions: Partitions | undefined
  /** Whether it is there for clients, and how well it does among the servers that vote, with all reasons why it does not do better. */
  health(): ServerHealth
  /** What `/metrics` answers. */
  metrics(): Promise<string>
  [Symbol.asyncDispose](): Promise<void>
}
