/** Counters and gauges of a replica since it was created. Plain numbers, cheap to read; servers expose them. */
export interface Metrics {
  framesIn: number
  framesOut: number
  bytesIn: number
  bytesOut: number
  /** Frames that broke the protocol; each ended its connection. */
  malformedFrames: number
  connectionsOpened: number
  connectionsClosed: number
  /** Handshakes declined, by either side. */
  rejectedHandshakes: number
  changesMerged: number
  changesSent: number
  bundlesMerged: number
  bundlesSent: number
  chunksSent: number
  /** Transfers that went on where an earlier connection had broken off. */
  transfersResumed: number
  localChanges: number
  conflicts: number
  heals: number
  cuts: number
  /** Digests heard that are others than ours at an equal version. Should be 0. */
  divergences: number
  /** Authors under which two were found to write: machines that were cloned while they ran. Should be 0. */
  forks: number
  /** Documents whose state was replaced by that of a server, or made anew from this disk. */
  repairs: number
  /** Places that changed in memory without being written. Should be 0. */
  damagedPlaces: number
  /** Writes dropped because their connection may not make them. */
  refusedWrites: number
  /** Changes that waited for what they depend on. */
  changesWaiting: number
  /** Returns from below a floor that were answered here: by sketch, and with the whole state. */
  joinsBySketch: number
  joinsWhole: number
  /** Times that more symbols of a sketch were asked for here: each is a round trip more. */
  joinsContinued: number
  /** Joins by sketch that came to nothing here, so that the whole state was asked for. */
  joinsFailed: number
  /** Times that missing state had to be asked for again. */
  needs: number
  storageWrites: number
  storageFailures: number
  corruptRows: number
  compactions: number
  /** Times that removal records were freed and the floor rose. */
  prunings: number
  /** Epochs begun here. */
  epochs: number
  /** Changes and bundles left alone because they are of another epoch and nobody here knows what was folded. */
  epochsClosed: number
  retransmittedFrames: number
  /** Bugs of ours that a frame brought to light; each ended its connection. Should be 0 for ever. */
  internalErrors: number
  dials: number
  /** Now, not since the start. */
  openDocuments: number
  openConnections: number
  unwrittenBytes: number
}

/** All zero. */
export function noMetrics(): Metrics {
  return {
    framesIn: 0,
    framesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    malformedFrames: 0,
    connectionsOpened: 0,
    connectionsClosed: 0,
    rejectedHandshakes: 0,
    changesMerged: 0,
    changesSent: 0,
    bundlesMerged: 0,
    bundlesSent: 0,
    chunksSent: 0,
    transfersResumed: 0,
    localChanges: 0,
    conflicts: 0,
    heals: 0,
    cuts: 0,
    divergences: 0,
    forks: 0,
    repairs: 0,
    damagedPlaces: 0,
    refusedWrites: 0,
    changesWaiting: 0,
    joinsBySketch: 0,
    joinsWhole: 0,
    joinsContinued: 0,
    joinsFailed: 0,
    needs: 0,
    storageWrites: 0,
    storageFailures: 0,
    corruptRows: 0,
    compactions: 0,
    prunings: 0,
    epochs: 0,
    epochsClosed: 0,
    retransmittedFrames: 0,
    internalErrors: 0,
    dials: 0,
    openDocuments: 0,
    openConnections: 0,
    unwrittenBytes: 0,
  }
}
