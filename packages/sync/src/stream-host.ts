import type { DocumentStream } from './document-stream.ts'
import type { Frame, VersionFrame } from './frame.ts'
import type { Hub } from './hub.ts'

/** What a stream needs of its session. */
export interface StreamHost {
  readonly hub: Hub
  readonly isServer: boolean
  readonly isSameProfile: boolean
  /** Whether the other side is what this one is: two servers, or two without a server. */
  readonly isEqual: boolean
  /** How the other side is called in reports. */
  readonly peerName: string
  readonly peerReplica: string
  /** Greatest frame that the other side takes in. */
  readonly peerFrameBytes: number
  /** Whether the other side can join by sketch. */
  readonly joinsBySketch: boolean
  /** Whether the other side takes versions, contexts and bundles that are told by what differs. */
  readonly namesVersions: boolean
  /** Whether the other side knows of epochs. */
  readonly crossesEpochs: boolean
  /** Whether the other side takes packed changes and bundles. */
  readonly packs: boolean
  /** Whether the other side tells digests of subtrees. */
  readonly tellsSubtrees: boolean
  /** Whether the other side tells stamps, by which two who write as one author are told apart. */
  readonly tellsStamps: boolean
  /** Authors that the other side names beyond those that are known here, in all documents. */
  readonly strangers: number
  /** The key of its outages; undefined when they are not followed. */
  readonly contactKey: string | undefined
  /** Sends a frame that tells no version; the others go through the `StreamVersions` of the stream. */
  send(frame: Exclude<Frame, VersionFrame>): void
  /** Whether what is sent now would only wait here. */
  isCongested(): boolean
  /** Pump this stream when the batch ends. */
  wakeStream(stream: DocumentStream): void
  fail(code: 'protocol-error' | 'refused-flood', reason: string): void
}
