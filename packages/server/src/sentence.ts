/** A text as a sentence: one full stop at its end, where nothing else ends it. */
export function sentence(text: string): string {
  const bare = text.trim().replace(/\.+$/, '')
  return /[?!]$/.test(bare) ? bare : `${bare}.`
}
