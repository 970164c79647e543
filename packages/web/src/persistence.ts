/**
 * Asks the browser not to evict this origin's data under disk pressure. Some browsers ask the user, so call it when the
 * user has just done something worth keeping, never at start. Nothing else in this package asks.
 *
 * @returns `granted`, `denied`, or `unavailable` where the platform has no such promise to give
 */
export async function askForPersistence(): Promise<'granted' | 'denied' | 'unavailable'> {
  if (typeof navigator === 'undefined' || typeof navigator.storage?.persist !== 'function') return 'unavailable'
  try {
    return (await navigator.storage.persist()) ? 'granted' : 'denied'
  } catch {
    return 'unavailable'
  }
}
