import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { below, root } from './pages.ts'

const pages = [
  ...['README.md', 'CONTRIBUTING.md'],
  ...['docs', 'packages', 'examples', 'apps', 'bench'].flatMap((folder) => below(folder, '.md')),
]

/** The links of a Markdown text that stay in the repository, without what stands inside code. */
function localLinks(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)|\b(?:src|href|srcset)="([^"]+)"/g)].map(
    (match) => match[1] ?? match[2] ?? '',
  )
  return targets.filter((target) => !/^[a-z]+:/.test(target))
}

/** The anchors that a hosting page makes of the headings. */
function anchors(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map((match) => match[1] ?? '')
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  )
}

test('finds links', () => {
  expect(localLinks('[a](b.md) `[c](d.md)` [e](https://x) <img src="f.png">')).toEqual(['b.md', 'f.png'])
  expect(anchors('# A `b`, c\n## Two words')).toEqual(new Set(['a-b-c', 'two-words']))
})

test('every link inside the repository leads somewhere', () => {
  const broken = pages.flatMap((page) => {
    const text = readFileSync(join(root, page), 'utf8')
    return localLinks(text)
      .filter((link) => {
        const [path = '', anchor] = link.split('#')
        const target = path === '' ? join(root, page) : join(root, dirname(page), path)
        if (!existsSync(target)) return true
        return anchor !== undefined && target.endsWith('.md') && !anchors(readFileSync(target, 'utf8')).has(anchor)
      })
      .map((link) => `${page}: ${link}`)
  })
  expect(pages.length).toBeGreaterThan(5)
  expect(broken).toEqual([])
})
