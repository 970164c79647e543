import { type Rules, soundRules } from '@rejoin/state'

/**
 * The decisions of this package that safety rests on, as values, so that tests can replace one by a wrong shortcut and
 * show that it is caught. Everything outside tests uses {@link soundSyncRules}.
 */
export interface SyncRules {
  /** Acknowledge, locally and to peers, only after the flush. */
  readonly acknowledgeAfterFlush: boolean
  /** Fall back to the server's state when a right was lost. */
  readonly refusalFallsBack: boolean
  /** A server asks for write permission before it merges. */
  readonly writesNeedPermission: boolean
  /** Send state as a bundle to whoever cannot be served with changes. */
  readonly healSendsBundle: boolean
  /** The version of a bundle is claimed only by all of its rows together (C3). */
  readonly bundlesAreWhole: boolean
  /** A refused incarnation is renewed and its stored rows never come back. */
  readonly refusalIsRemembered: boolean
  /**
   * Changes are sent in an order in which each finds what it depends on. The one rule here that safety does not rest on:
   * whoever is sent them in another order lets them wait (ST5), and a simulated peer without it puts that to the test.
   */
  readonly changesInOrder: boolean
  /** Whoever is told a digest at its own version compares it. */
  readonly digestsAreCompared: boolean
  /** Two who write as one author are told apart. */
  readonly forksAreFound: boolean
  /** Memory is rechecked, a portion with each heartbeat. */
  readonly memoryIsRechecked: boolean
  /** The rules of the stores. */
  readonly state: Rules
}

/** The rules as they must be. */
export const soundSyncRules: SyncRules = {
  acknowledgeAfterFlush: true,
  refusalFallsBack: true,
  writesNeedPermission: true,
  healSendsBundle: true,
  bundlesAreWhole: true,
  refusalIsRemembered: true,
  changesInOrder: true,
  digestsAreCompared: true,
  forksAreFound: true,
  memoryIsRechecked: true,
  state: soundRules,
}
