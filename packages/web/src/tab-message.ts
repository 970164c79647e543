/**
 * What tabs say to each other on a BroadcastChannel. Everybody hears everything, so each message names its sender, and
 * all but `announce` name whom they are for.
 */

/** 16 hex digits, drawn anew each time a tab begins to listen. */
export type TabId = string

/** `link` numbers the links that one initiator has opened, so that a late message cannot meet a later link. */
export type TabMessage =
  | { readonly kind: 'announce'; readonly from: TabId }
  | { readonly kind: 'present'; readonly from: TabId; readonly to: TabId }
  | LinkMessage

/** A message of one link. */
export type LinkMessage = { readonly from: TabId; readonly to: TabId; readonly link: number } & (
  | { readonly kind: 'open' | 'accept' }
  | { readonly kind: 'frame'; readonly seq: number; readonly bytes: Uint8Array }
  | { readonly kind: 'taken'; readonly bytes: number }
  | { readonly kind: 'close'; readonly code: string; readonly reason: string; readonly clean: boolean }
)

/** Marks our messages, and their format, on a channel whose name somebody else may use too. */
const format = 'rejoin-tab-1'

/** A message as it is posted. */
export function envelope(message: TabMessage): unknown {
  return { format, ...message }
}

/** The message in what arrived, or undefined when it is not one of ours or not well-formed. */
export function parseTabMessage(data: unknown): TabMessage | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { format: said, kind, from, to, link, ...rest } = data as Record<string, unknown>
  if (said !== format || !isTabId(from)) return undefined
  if (kind === 'announce') return { kind, from }
  if (!isTabId(to)) return undefined
  if (kind === 'present') return { kind, from, to }
  if (!isCount(link)) return undefined
  const head = { from, to, link }
  if (kind === 'open' || kind === 'accept') return { ...head, kind }
  if (kind === 'taken' && isCount(rest['bytes'])) return { ...head, kind, bytes: rest['bytes'] }
  if (kind === 'frame' && isCount(rest['seq']) && isBytes(rest['bytes'])) {
    return { ...head, kind, seq: rest['seq'], bytes: rest['bytes'] }
  }
  if (kind !== 'close' || typeof rest['code'] !== 'string' || typeof rest['reason'] !== 'string') return undefined
  return { ...head, kind, code: rest['code'], reason: rest['reason'], clean: rest['clean'] === true }
}

function isTabId(value: unknown): value is TabId {
  return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isBytes(value: unknown): value is Uint8Array {
  return Object.prototype.toString.call(value) === '[object Uint8Array]'
}
