/** The fragment of the address: a recorded run, the live sea, or nothing. Whatever else stands there is hostile. */

/** What an address asks for. */
export type Request =
  | { readonly kind: 'calm' }
  | { readonly kind: 'live'; readonly room: string }
  | { readonly kind: 'run'; readonly text: string }
  | { readonly kind: 'refused'; readonly reason: string }

/** Longest fragment that is read at all; a long run takes a few thousand characters. */
export const longestFragment = 70_000

const roomPattern = /^[a-z0-9-]{1,32}$/

/** Reads a fragment. Total: any text gives an answer, and nothing of it is run or shown as markup. */
export function readFragment(hash: string): Request {
  const text = hash.startsWith('#') ? hash.slice(1) : hash
  if (text === '') return { kind: 'calm' }
  if (text.length > longestFragment) {
    return { kind: 'refused', reason: `it has ${text.length} characters, at most ${longestFragment} are read` }
  }
  if (text === 'live') return { kind: 'live', room: 'harbour' }
  if (text.startsWith('live=')) {
    const room = text.slice(5)
    return roomPattern.test(room)
      ? { kind: 'live', room }
      : { kind: 'refused', reason: 'a live sea is named by 1 to 32 of a to z, 0 to 9 and -' }
  }
  const run = text.startsWith('run=') ? text.slice(4) : undefined
  if (run === undefined) return { kind: 'refused', reason: 'it names neither a run nor a live sea' }
  if (!/^[A-Za-z0-9_-]+$/.test(run)) return { kind: 'refused', reason: 'a run is written in letters, digits, - and _' }
  return { kind: 'run', text: run }
}

/** The fragment of a recorded run. */
export function runFragment(text: string): string {
  return `#run=${text}`
}

/** The fragment of a live sea. */
export function liveFragment(room: string): string {
  return room === 'harbour' ? '#live' : `#live=${room}`
}
