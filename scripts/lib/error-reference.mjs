/**
 * The reference page of the error codes, as Markdown.
 * @param {Readonly<Record<string, { reason: string, remedy: string }>>} codes
 */
export function renderErrorReference(codes) {
  const entries = Object.entries(codes).sort(([a], [b]) => (a < b ? -1 : 1))
  return [
    '<!-- Made by `npm run reference:errors` from packages/state/src/error-codes.ts. Edit the table there. -->',
    '',
    '# Errors',
    '',
    'Every error of every package is a `RejoinError`: a `code` to switch on, a `reason` that says what happened, a `remedy`',
    'that says what to do, and `details` as plain data. Recognise it with `isRejoinError`, which also works when two copies',
    'of the library are loaded. Many codes never throw: they arrive in `net.link`, in a receipt or in a status.',
    '',
    ...entries.flatMap(([code, { reason, remedy }]) => [
      `## \`${code}\``,
      '',
      reason,
      '',
      `**What to do.** ${remedy}`,
      '',
    ]),
  ].join('\n')
}
