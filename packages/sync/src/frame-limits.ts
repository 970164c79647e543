/** Bounds of what a decoder accepts and an encoder makes. */
export const frameLimits = {
  /** Greatest whole frame. */
  frameBytes: 1_048_576,
  /** Least bound that a peer may set on the frames it takes in. */
  smallestFrameBytes: 4096,
  /** Greatest piece of a bundle. */
  chunkBytes: 65_536,
  /** Greatest announced bundle. */
  bundleBytes: 536_870_912,
  documentNameBytes: 256,
  tokenBytes: 16_384,
  nameBytes: 128,
  codeBytes: 64,
  reasonBytes: 1024,
  versionAuthors: 65_536,
  /** Authors that a connection names when it opens documents, of all of them together: some 80 MB. */
  offeredAuthors: 1_048_576,
  /** Names of versions that are offered at once. */
  versionNames: 16,
  profiles: 8,
  presenceEntries: 1024,
  presenceBytes: 4096,
  ownAuthors: 4096,
  /** Stamps of changes that are told at once. */
  stamps: 2000,
  /** Handles are dense numbers from 1. */
  handle: 1_000_000,
} as const
