/** What an error code means: the reason in words, and the way out. */
export interface ErrorText {
  readonly reason: string
  readonly remedy: string
}

/** The code of a `RejoinError`. */
export type ErrorCode =
  | 'address-unavailable'
  | 'author-forked'
  | 'authorize-failed'
  | 'authorize-timeout'
  | 'change-nested'
  | 'change-required'
  | 'closed'
  | 'config-invalid'
  | 'data-in-use'
  | 'document-full'
  | 'document-limit'
  | 'fencing-token-invalid'
  | 'fencing-token-required'
  | 'fencing-token-stale'
  | 'forbidden'
  | 'full'
  | 'going-away'
  | 'handshake-failed'
  | 'invalid-author'
  | 'invalid-change'
  | 'invalid-document-name'
  | 'invalid-json'
  | 'invalid-key'
  | 'invalid-scenario'
  | 'invalid-schema'
  | 'invalid-value'
  | 'lease-lost'
  | 'lease-not-held'
  | 'lost'
  | 'malformed'
  | 'operation-refused'
  | 'out-of-range'
  | 'peer-closed'
  | 'peer-silent'
  | 'protocol-error'
  | 'protocol-too-new'
  | 'protocol-too-old'
  | 'refused'
  | 'refused-flood'
  | 'rights-insufficient'
  | 'rights-refused'
  | 'seq-exhausted'
  | 'server-draining'
  | 'server-exposed'
  | 'server-failed'
  | 'server-storage-failing'
  | 'server-unreachable'
  | 'slow-peer'
  | 'storage-blocked'
  | 'storage-closed'
  | 'storage-corrupt'
  | 'storage-evicted'
  | 'storage-full'
  | 'storage-unavailable'
  | 'token-too-long'
  | 'too-large'
  | 'too-many-connections'
  | 'too-many-messages'
  | 'try-later'
  | 'unauthorized'
  | 'value-too-large'
  | 'write-withdrawn'

/** A text with its code. */
export interface CodedText extends ErrorText {
  readonly code: ErrorCode
}

// Those that are thrown here have a name each: a program carries the texts of what it can meet, and all of them only
// where it asks for texts by their codes.

export const changeNested: CodedText = {
  code: 'change-nested',
  reason: 'change() was called while another change() of the same document was running.',
  remedy: 'Call change() once and make all writes inside it; a listener may schedule its own change for later.',
}

export const changeRequired: CodedText = {
  code: 'change-required',
  reason: 'A draft was written outside the change() that made it.',
  remedy: 'Write inside document.change(draft => { ... }) and do not keep drafts for later.',
}

export const documentFull: CodedText = {
  code: 'document-full',
  reason: 'The document holds as many items as it may, and the change would add to them.',
  remedy: 'Delete what is not needed, split the document, or raise limits.documentItems; nothing was written.',
}

export const fencingTokenInvalid: CodedText = {
  code: 'fencing-token-invalid',
  reason: 'A fencing token is not { lease, epoch, ballot } with whole numbers from 0.',
  remedy: 'Pass on the token that the grant of the lease gave, unchanged.',
}

export const fencingTokenRequired: CodedText = {
  code: 'fencing-token-required',
  reason: 'A fenced field was written without the token of its lease.',
  remedy: 'Acquire the lease that the field names and write with change(write, { token }).',
}

export const fencingTokenStale: CodedText = {
  code: 'fencing-token-stale',
  reason: 'A later holder of the lease has written the fenced field.',
  remedy: 'Stop acting as the holder, read what the later one wrote, and acquire the lease again.',
}

export const invalidAuthor: CodedText = {
  code: 'invalid-author',
  reason: 'An author id is not 16 lowercase hex digits.',
  remedy: 'Make author ids from 8 random bytes with authorIdFromBytes().',
}

export const invalidChange: CodedText = {
  code: 'invalid-change',
  reason: 'A change breaks a rule of the store, so nothing of it was applied.',
  remedy:
    'The peer that made it is faulty or hostile; its connection is closed. Compare versions of the library on both sides.',
}

export const invalidJson: CodedText = {
  code: 'invalid-json',
  reason: 'JSON does not fit the document, so nothing of it was written.',
  remedy: 'Correct what details.path names; exportJSON() of the document shows the form.',
}

export const invalidKey: CodedText = {
  code: 'invalid-key',
  reason: 'A map key or path cannot be stored.',
  remedy: 'Use a string of at most the key length limit.',
}

export const invalidSchema: CodedText = {
  code: 'invalid-schema',
  reason: 'A schema holds something that is not a leaf, a map or a struct.',
  remedy: 'Build every field with register(), counter(), flag(), set(), map(), list() or a nested object of those.',
}

export const invalidValue: CodedText = {
  code: 'invalid-value',
  reason: 'A value cannot be stored.',
  remedy: 'Store JSON values, Uint8Array, bigint or Date: no undefined, functions, class instances or cycles.',
}

export const outOfRange: CodedText = {
  code: 'out-of-range',
  reason: 'An index lies outside the list.',
  remedy: 'Use an index from 0 to the length of the list.',
}

export const rightsInsufficient: CodedText = {
  code: 'rights-insufficient',
  reason: 'This replica does not hold enough rights to a bounded counter.',
  remedy: 'Write at most spendable() or room(), or ask() for more and write when it has come.',
}

export const rightsRefused: CodedText = {
  code: 'rights-refused',
  reason: 'Only the authority hands out or takes over the rights of a bounded counter.',
  remedy: 'Ask for rights with ask(); a server that may grant them answers with the next changes.',
}

export const seqExhausted: CodedText = {
  code: 'seq-exhausted',
  reason: 'One incarnation has used all of its sequence numbers.',
  remedy: 'Call renewAuthor(); the next write begins a fresh incarnation.',
}

export const valueTooLarge: CodedText = {
  code: 'value-too-large',
  reason: 'A value takes more bytes than one value may.',
  remedy: 'Keep large content in files and store their names, split it, or raise limits.valueBytes.',
}

/** Every code that a `RejoinError` can carry. The reference page is generated from this table. */
export const errorCodes: Readonly<Record<ErrorCode, ErrorText>> = {
  'address-unavailable': {
    reason: 'The server cannot listen on its address.',
    remedy: 'Choose another port or address (--port, --host, PORT), or stop what uses it.',
  },
  'author-forked': {
    reason: 'Somebody else wrote under the same incarnation: a machine was cloned while it ran.',
    remedy: 'Both go on by themselves. Offer what onRefused() handed over again, and stop cloning running machines.',
  },
  'authorize-failed': {
    reason: 'The authorize hook of the server failed, so nothing was allowed.',
    remedy: 'Look at the log of the server; the hook must answer read, write, admin or no.',
  },
  'authorize-timeout': {
    reason: 'The authorize hook of the server did not answer in time, so nothing was allowed.',
    remedy: 'Connect again later; on the server, make the hook faster or raise limits.authorizeTimeoutMs.',
  },
  'change-nested': changeNested,
  'change-required': changeRequired,
  closed: {
    reason: 'The replica, document or connection was closed.',
    remedy: 'Open it again, or stop using the handle after close().',
  },
  'config-invalid': {
    reason: 'A setting, an option or an argument is not one that can be kept to.',
    remedy: 'Correct what the reason names; what is taken stands where it is documented. Nothing was done.',
  },
  'data-in-use': {
    reason: 'Another server has the data directory open.',
    remedy: 'Stop it, or give this one a directory of its own with --data or DATA_DIR.',
  },
  'document-full': documentFull,
  'document-limit': {
    reason: 'More documents are open than the limits allow.',
    remedy: 'Close documents that are not in use, or raise limits.documents.',
  },
  'fencing-token-invalid': fencingTokenInvalid,
  'fencing-token-required': fencingTokenRequired,
  'fencing-token-stale': fencingTokenStale,
  forbidden: {
    reason: 'This connection may not write the document.',
    remedy: 'Ask for write permission, or open the document read-only; nothing was written.',
  },
  full: {
    reason: 'The other server takes no more connections of servers.',
    remedy: 'Nothing to do: others are dialled, and it later.',
  },
  'going-away': {
    reason: 'The other side shuts down.',
    remedy: 'Nothing to do: it is dialled again by itself.',
  },
  'handshake-failed': {
    reason: 'The other side closed before the handshake was done.',
    remedy: 'Check that it speaks this protocol; the connection is retried by itself.',
  },
  'invalid-author': invalidAuthor,
  'invalid-change': invalidChange,
  'invalid-document-name': {
    reason: 'A document name is empty, too long or not well-formed text.',
    remedy: 'Use 1 to 256 bytes of well-formed Unicode text.',
  },
  'invalid-key': invalidKey,
  'invalid-json': invalidJson,
  'invalid-scenario': {
    reason: 'A simulated scenario, or what is asked of a simulation, exceeds a limit or names what does not exist.',
    remedy:
      'Correct what the reason names. A scenario keeps to scenarioLimits, names nodes from 0, and has its actions in order of whole milliseconds.',
  },
  'invalid-schema': invalidSchema,
  'invalid-value': invalidValue,
  'lease-lost': {
    reason: 'The lease ended before a quorum was known to have the write.',
    remedy: 'The write may survive or not: read the field once the lease is held again, and write what is missing.',
  },
  'lease-not-held': {
    reason: 'The lease is not held here, and the field refuses writes meanwhile.',
    remedy:
      'Write when the lease is usable (lease.onChange), or let the field queue such writes or show them as tentative (`apart`).',
  },
  lost: {
    reason: 'The connection broke without a word: a cable, a proxy, a crash.',
    remedy: 'Nothing to do: it is dialled again by itself.',
  },
  malformed: {
    reason: 'Bytes do not decode.',
    remedy: 'They were damaged, cut short, or made by something else. Fetch them again from a peer.',
  },
  'operation-refused': {
    reason: 'The server cannot do what an operator asked for.',
    remedy: 'Correct what the reason names; nothing was done.',
  },
  'out-of-range': outOfRange,
  'peer-closed': {
    reason: 'The other side ended the connection.',
    remedy: 'Nothing to do: it is dialled again by itself.',
  },
  'peer-silent': {
    reason: 'Nothing was heard from the other side for several heartbeats.',
    remedy: 'Nothing to do: the connection is closed and dialled again by itself.',
  },
  'protocol-error': {
    reason: 'The other side sent a frame that breaks the protocol, so the connection was closed.',
    remedy: 'Compare the versions of the library on both sides; state is unharmed.',
  },
  'protocol-too-new': {
    reason: 'This side speaks only newer versions of the protocol than the other.',
    remedy: 'Update the other side.',
  },
  'protocol-too-old': {
    reason: 'This side speaks only older versions of the protocol than the other.',
    remedy: 'Update this side.',
  },
  refused: {
    reason: 'The server refused the change.',
    remedy: 'Its content was handed to onRefused; show it to the user or write it elsewhere.',
  },
  'refused-flood': {
    reason: 'Too many refused writes came over one connection, so it was closed.',
    remedy: 'Stop writing to documents without permission.',
  },
  'rights-insufficient': rightsInsufficient,
  'rights-refused': rightsRefused,
  'seq-exhausted': seqExhausted,
  'server-draining': {
    reason: 'The server is shutting down.',
    remedy: 'Nothing: clients come back by themselves, to it or its successor. Unacknowledged changes are sent again.',
  },
  'server-exposed': {
    reason: 'The server would be reachable from other machines and let everybody read and write.',
    remedy:
      'Give it an authorize hook (--authorize MODULE, createServer({ authorize })), bind it to 127.0.0.1, or accept that with --insecure.',
  },
  'server-failed': {
    reason: 'The other side failed.',
    remedy: 'Nothing to do: it is dialled again by itself. Its log says why.',
  },
  'server-storage-failing': {
    reason: 'The server cannot store changes at the moment.',
    remedy: 'Nothing to do: unsaved changes are kept here and sent again by themselves.',
  },
  'server-unreachable': {
    reason: 'No server answers at the address.',
    remedy: 'Start it with `rejoin serve`, or give its address with --url.',
  },
  'slow-peer': {
    reason: 'The other side takes in less than it asks for, so the connection was closed.',
    remedy: 'Nothing to do: it is dialled again by itself.',
  },
  'storage-blocked': {
    reason: 'Another opening holds the store and does not let go.',
    remedy: 'Close other tabs or processes that use an older version.',
  },
  'storage-closed': {
    reason: 'The store was closed.',
    remedy: 'Open the replica again.',
  },
  'storage-corrupt': {
    reason: 'Stored rows are damaged.',
    remedy: 'The damaged rows were set aside and the rest was loaded; the missing part comes from peers.',
  },
  'storage-evicted': {
    reason: 'The platform removed the stored data.',
    remedy: 'Ask for persistent storage; the state comes back from peers, unsent changes of closed tabs are lost.',
  },
  'storage-full': {
    reason: 'There is no room left to store changes.',
    remedy: 'Free space; writing goes on in memory and is stored as soon as there is room.',
  },
  'storage-unavailable': {
    reason: 'The store cannot be reached.',
    remedy: 'It may be disabled (private mode) or its disk failing; writing goes on in memory and is retried.',
  },
  'token-too-long': {
    reason: 'The token of a client exceeds the limit of the server.',
    remedy: 'Send a shorter token, or raise limits.tokenBytes on the server.',
  },
  'too-large': {
    reason: 'A message is longer than the other side takes.',
    remedy: 'Write less in one change, or raise limits.messageBytes on both sides.',
  },
  'too-many-connections': {
    reason: 'The server has as many connections as it may have, altogether or from one address.',
    remedy: 'Connect again later; on the server, raise limits.connections or limits.connectionsPerRemote.',
  },
  'too-many-messages': {
    reason: 'A connection sent more messages than the server takes.',
    remedy: 'Put several writes into one change(); on the server, raise limits.messagesPerSecond.',
  },
  'try-later': {
    reason: 'The other side has no room at the moment.',
    remedy: 'Nothing to do: it is dialled again by itself.',
  },
  unauthorized: {
    reason: 'The other side did not accept the credential.',
    remedy: 'Answer token() with a valid credential; it is asked again at each dial.',
  },
  'value-too-large': valueTooLarge,
  'write-withdrawn': {
    reason: 'The write was withdrawn while it waited for its lease.',
    remedy: 'Nothing was written. Make the change again if it is still wanted.',
  },
}
