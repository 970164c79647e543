/**
 * Remembers beside IndexedDB that a store was made, to notice when it alone was removed: by the user, by a browser that
 * evicts databases one by one, by a bug. An eviction of the whole origin takes this note along and goes unnoticed.
 */

const prefix = 'rejoin-store:'

/** Notes that the store exists from now on. */
export function expectStore(name: string): void {
  notes()?.setItem(prefix + name, '1')
}

/** Whether the store was made in an earlier life of the page. */
export function isStoreExpected(name: string): boolean {
  return notes()?.getItem(prefix + name) === '1'
}

interface Notes {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

/** Undefined in workers and where the user forbids it; a full local storage drops the note. */
function notes(): Notes | undefined {
  try {
    const storage = typeof localStorage === 'undefined' ? undefined : localStorage
    if (storage === undefined) return undefined
    return {
      getItem: (key) => storage.getItem(key),
      setItem: (key, value) => {
        try {
          storage.setItem(key, value)
        } catch {
          // Without the note an eviction of this one store is not noticed after a reload; nothing else depends on it.
        }
      },
    }
  } catch {
    return undefined
  }
}
