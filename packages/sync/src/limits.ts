/** Bounds of a replica. Each has a default that suits a page as well as a small server. */
export interface Limits {
  /** Documents open at once, on demand of connections. Default 10,000. */
  readonly documents: number
  /** Documents that one connection may take part in. Default 1,000. */
  readonly documentsPerConnection: number
  /** Greatest whole frame taken in. Default 1 MiB. */
  readonly messageBytes: number
  /** Greatest bundle taken in. Default 256 MiB. */
  readonly bundleBytes: number
  /** Bytes of partly received bundles per document. Default 256 MiB. */
  readonly stagedBytes: number
  /** Transfers of at least this size are staged durably. Default 256 KiB. */
  readonly stagedDurablyBytes: number
  /** Encoded bundles kept so that a cut transfer can go on. Default 64 MiB. */
  readonly transferCacheBytes: number
  /** How long such a bundle is kept unused. Default 5 minutes. */
  readonly transferCacheMs: number
  /** Acknowledged changes kept per document for peers a little behind. Defaults 2,000 and 1 MiB. */
  readonly keptChanges: number
  readonly keptChangeBytes: number
  /** Bytes queued towards one connection before changes wait for room. Default 256 KiB. */
  readonly sendAheadBytes: number
  /** Bytes waiting for a slow or failing disk before input is held back. Default 8 MiB. */
  readonly unwrittenBytes: number
  /** Authors of a version from which on it is told by what differs from one that both sides hold. Default 64. */
  readonly namedVersionAuthors: number
  /** Rows of a document before they are folded into a snapshot. Default 512. */
  readonly rowsBeforeCompaction: number
  /** Entries of presence per document and bytes of one. Defaults 1,024 and 4,096. */
  readonly presenceEntries: number
  readonly presenceBytes: number
  /** Refused writes on one connection before it is closed. Default 100. */
  readonly refusedWrites: number
  /** How long after a heal later conflicts with what was written apart still revise its report. Default 10 minutes. */
  readonly revisionMs: number
  /** Age at which removal records are freed; who was away for longer joins whole. Default 14 days. */
  readonly floorLagMs: number
  /** Removal records for each live item beyond which they are freed after an hour (a 336th of the lag). Default 0.25. */
  readonly floorShare: number
  /**
   * How long a server that begins epochs runs before it begins one: one whose disk was put back to an old copy hears meanwhile
   * what was begun after that. Default 14 days. Looked at once in a 336th of it.
   */
  readonly epochMs: number
  /** Resets of counters and removals of remove-wins sets from which an epoch is worth that everybody crosses. Default 256. */
  readonly epochItems: number
  /** Live items from which whoever was away for longer is asked what it has, and sent the difference. Default 256. */
  readonly joinItems: number
  /** Part of the whole state that such a difference may take in bytes; where it would take more, all is sent. Default 0.8. */
  readonly joinShare: number
  /** Items of sketches kept at once for those who join, 20 bytes each; beyond, the whole state is sent. Default 4 million. */
  readonly sketchItems: number
  /** Encoded bytes of one value written here. Default 1 MiB. */
  readonly valueBytes: number
  /** Live items and list elements of a document above which nothing is added here; merges pass. Default 1,000,000. */
  readonly documentItems: number
  /** Times that a document's state is replaced by that of a server, or made anew from the disk. Default 4. */
  readonly repairsPerHour: number
  /**
   * Rows of a document that are rechecked with a heartbeat, of which each takes about a microsecond: whether memory still
   * holds what was written. Default 1,000: 100,000 rows in 17 minutes.
   */
  readonly recheckedRows: number
  /** How long a server keeps a document in memory that no connection uses. Default 30 s. */
  readonly idleDocumentMs: number
}

/** The defaults. */
export const defaultLimits: Limits = {
  documents: 10_000,
  documentsPerConnection: 1000,
  messageBytes: 1024 * 1024,
  bundleBytes: 256 * 1024 * 1024,
  stagedBytes: 256 * 1024 * 1024,
  stagedDurablyBytes: 256 * 1024,
  transferCacheBytes: 64 * 1024 * 1024,
  transferCacheMs: 5 * 60_000,
  keptChanges: 2000,
  keptChangeBytes: 1024 * 1024,
  sendAheadBytes: 256 * 1024,
  unwrittenBytes: 8 * 1024 * 1024,
  namedVersionAuthors: 64,
  rowsBeforeCompaction: 512,
  presenceEntries: 1024,
  presenceBytes: 4096,
  refusedWrites: 100,
  revisionMs: 10 * 60_000,
  valueBytes: 1024 * 1024,
  documentItems: 1_000_000,
  floorLagMs: 14 * 86_400_000,
  floorShare: 0.25,
  epochMs: 14 * 86_400_000,
  epochItems: 256,
  joinItems: 256,
  joinShare: 0.8,
  sketchItems: 4_000_000,
  repairsPerHour: 4,
  recheckedRows: 1000,
  idleDocumentMs: 30_000,
}

/** Pace of the connection-level machinery. */
export interface Timing {
  /** How often a quiet connection is pinged. Default 10 s. */
  readonly pingMs: number
  /** Silence after which a connection counts as lost. Default 2.5 pings. */
  readonly silenceMs: number
  /** How long a dial and its handshake may take. Default 10 s. */
  readonly handshakeMs: number
  /** How long a document is read from the disk in one go: then others have their turn. Default 2 ms: what collects garbage comes on top, and a frame has 16. */
  readonly sliceMs: number
}

/** The defaults. */
export const defaultTiming: Timing = { pingMs: 10_000, silenceMs: 25_000, handshakeMs: 10_000, sliceMs: 2 }
