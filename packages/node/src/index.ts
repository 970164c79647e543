export {
  type DiagnosedAddress,
  type DiagnoseOptions,
  diagnoseAddresses,
} from './diagnose-addresses.ts'
export type { SocketStage, StageListener } from './dial-stages.ts'
export { lmdb } from './lmdb-storage.ts'
export { type OpenReplicaOptions, openReplica } from './open-replica.ts'
export { processClock, processEnvironment, processRandom, processTimers } from './platform.ts'
export { saveTraces, type TraceOptions } from './trace-files.ts'
export { type WebSocketOptions, webSocket } from './web-socket.ts'
export {
  type UpgradeRefusal,
  type WebSocketServerOptions,
  type WebSocketServerTransport,
  webSocketServer,
} from './web-socket-server.ts'
export { type WebSocketsOptions, webSockets } from './web-sockets.ts'
