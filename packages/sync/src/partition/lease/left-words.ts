/** For how long something lasts still, in words: whole seconds, at least one. */
export function forMore(ms: number): string {
  return `for ${Math.max(1, Math.ceil(ms / 1000))} s more`
}

/** A reason that was told so long ago, with what is left now of the times that `forMore` named in it; in whole seconds, never too few. */
export function countedDown(reason: string, passedMs: number): string {
  return reason.replace(/for (\d+) s more/g, (_, told) => forMore(1000 * Number(told) - Math.max(0, passedMs)))
}
