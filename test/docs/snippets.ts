/** A piece of TypeScript found in the documentation. */
export interface Snippet {
  /** Path from the root of the repository. */
  readonly file: string
  /** The line of `file` on which the first line of `code` stands, counted from 1. */
  readonly line: number
  readonly code: string
  /** `run`: type-checked and executed. `check`: type-checked only, for what needs a page or a server. */
  readonly kind: 'run' | 'check'
  /** The package in whose docstring it stands: names of that package need no import there. */
  readonly home?: string
}

/** A fence of TypeScript that says neither `run` nor `check`: nobody would notice when it goes stale. */
export interface UnmarkedFence {
  readonly file: string
  readonly line: number
}

/**
 * The `ts run` and `ts check` fences of a Markdown text, and the TypeScript fences that are neither. A `ts continue` fence
 * goes on where the snippet before it ended, with its names and its state.
 */
export function markdownSnippets(file: string, text: string): { snippets: Snippet[]; unmarked: UnmarkedFence[] } {
  const snippets: Snippet[] = []
  const unmarked: UnmarkedFence[] = []
  for (const { info, code, line } of fences(text)) {
    const [language, mark] = info.split(/\s+/)
    if (language !== 'ts' && language !== 'typescript') continue
    if (mark === 'run' || mark === 'check') snippets.push({ file, line, code, kind: mark })
    else if (mark === 'continue' && snippets.length > 0) snippets.push(continued(snippets.pop() as Snippet, code, line))
    else unmarked.push({ file, line })
  }
  return { snippets, unmarked }
}

/** Blank lines stand for the text between, so that line numbers stay right. */
function continued(before: Snippet, code: string, line: number): Snippet {
  const next = before.line + before.code.split('\n').length - 1
  return { ...before, code: `${before.code}${'\n'.repeat(line - next)}${code}` }
}

/**
 * The `@example` blocks of the docstrings of a source file. All of them run, except those of `@rejoin/web`, which need a
 * page, and those whose first line is a comment `// check: why it cannot run here`.
 */
export function docstringSnippets(file: string, text: string): Snippet[] {
  const home = /^packages\/([^/]+)\//.exec(file)?.[1]
  return docstrings(text).flatMap((doc) =>
    examples(doc).map(({ line, code }) => ({
      file,
      line,
      code,
      kind: home === 'web' || /^\s*\/\/ check\b/.test(code) ? ('check' as const) : ('run' as const),
      ...(home === undefined ? {} : { home }),
    })),
  )
}

interface Block {
  readonly line: number
  readonly code: string
}

function docstrings(text: string): Block[] {
  return [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].map((match) => ({
    line: lineAt(text, match.index),
    code: match[0]
      .split('\n')
      .map((line) => line.replace(/^\s*(\/\*\*|\*\/|\* ?)/, '').replace(/\s*\*\/$/, ''))
      .join('\n'),
  }))
}

function examples(doc: Block): Block[] {
  return [...doc.code.matchAll(/^@example\b.*\n([\s\S]*?)(?=^@\w|$(?![\s\S]))/gm)].flatMap((match) => {
    const body = match[1] ?? ''
    const line = doc.line + lineAt(doc.code, match.index)
    const fenced = fences(body)
    if (fenced.length > 0) return fenced.map((fence) => ({ line: line + fence.line - 1, code: fence.code }))
    return body.trim() === '' ? [] : [{ line, code: body }]
  })
}

function fences(text: string): { info: string; line: number; code: string }[] {
  return [...text.matchAll(/^ {0,3}```([^\n`]*)\n([\s\S]*?)^ {0,3}```[ \t]*$/gm)].map((match) => ({
    info: (match[1] ?? '').trim(),
    line: lineAt(text, match.index) + 1,
    code: match[2] ?? '',
  }))
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
