import type { AuthorId, Path } from './ids.ts'

/**
 * Decides what only one place at a time may do. Without one a store does nothing of the kind: it is right for replicas
 * that are no anchors.
 */
export interface Authority {
  /**
   * Whether this replica may hand out the first rights of the bounded counter at a path, and take over those of authors
   * that have ended. To be answered with yes at one place only, for ever: rights granted twice break the bounds.
   */
  grantRights(path: Path): boolean
  /**
   * Whether an author has ended although it could not say so, as an earlier incarnation of an anchor on the same disk, of
   * which nothing can be anywhere that is not on that disk. A wrong yes breaks the bounds.
   */
  hasEnded?(author: AuthorId): boolean
  /**
   * Whether this replica may begin an epoch now (`beginEpoch`). To be answered with yes at one place only, and there
   * only while no other replica can be in an epoch that this one has not heard of, as after its disk was put back to an
   * old copy: two epochs begun side by side never come together. Without it no epoch begins here.
   */
  proposeCut?(): boolean
  /**
   * Whether this replica may free removal records, and so raise its floor. Freeing them is sound anywhere, as whoever is
   * below the floor joins whole; it is a matter of who decides what that costs others. Without it every replica may.
   */
  mayPrune?(): boolean
}
