/**
 * The sync server of Rejoin: `createServer` as a library, `rejoin serve` as a command.
 *
 * @module
 */
export type { Authorize, AuthorizeRequest, Permission } from '@rejoin/sync'
export { createServer } from './create-server.ts'
export { defaultServerLimits, type ServerLimits } from './limits.ts'
export type { RejoinServer, ServerAddress, ServerHealth, ServerLogger, ServerOptions } from './options.ts'
export type { PolicyText } from './policy-text.ts'
