import { type Place, placeFault, writeFault } from './guild.ts'

/** One write to the guild. */
export interface Write {
  readonly place: Place
  readonly verb: string
  readonly words: readonly (string | number | boolean)[]
}

/** What a line of a scenario tells to do. */
export type Command =
  | { readonly kind: 'clients' | 'cut' | 'heal' | 'close' | 'crash' | 'open'; readonly who: readonly string[] }
  | { readonly kind: 'backup' | 'restore'; readonly who: readonly string[] }
  | { readonly kind: 'tab' | 'process'; readonly who: readonly string[]; readonly of: string }
  | { readonly kind: 'copy' | 'clone'; readonly of: string; readonly to: string }
  | { readonly kind: 'clock'; readonly who: string; readonly byMs: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'show'; readonly places: readonly Place[] }
  | { readonly kind: 'rights' | 'unsaved' | 'calm' }
  | {
      readonly kind: 'change'
      readonly who: readonly string[]
      readonly writes: readonly Write[]
      readonly token: number | undefined
    }
  | { readonly kind: 'reapply'; readonly who: string; readonly place: Place }

/** A line of a scenario: what it says, and what it does, if anything. */
export interface Line {
  readonly number: number
  readonly text: string
  readonly command: Command | undefined
}

/** A scenario that cannot be understood, with the line that is wrong. */
export class ScriptError extends Error {
  constructor(line: number, what: string) {
    super(`line ${line}: ${what}`)
  }
}

/**
 * Reads a scenario. Indented lines are what came out the last time, and left out here.
 * @throws ScriptError
 */
export function readScript(text: string): Line[] {
  const lines: Line[] = []
  for (const [index, line] of text.replace(/\n$/, '').split('\n').entries()) {
    if (/^\s+\S/.test(line)) continue
    const number = index + 1
    try {
      lines.push({ number, text: line, command: readLine(line) })
    } catch (error) {
      throw new ScriptError(number, (error as Error).message)
    }
  }
  return lines
}

function readLine(line: string): Command | undefined {
  if (line.trim() === '' || line.startsWith('#')) return undefined
  const speech = /^(\S[^:"]*): (.+)$/.exec(line)
  if (speech !== null) return readSpeech(names((speech[1] as string).split(' ')), speech[2] as string)
  const [verb = '', ...words] = line.split(/\s+/)
  switch (verb) {
    case 'clients':
    case 'cut':
    case 'heal':
    case 'close':
    case 'crash':
    case 'open':
    case 'backup':
    case 'restore':
      return { kind: verb, who: names(words) }
    case 'tab':
    case 'process': {
      const [of, word, ...who] = [...words].reverse()
      if (word !== 'of' || of === undefined) throw new Error(`say: ${verb} NAME ... of NAME`)
      return { kind: verb, who: names(who.reverse()), of }
    }
    case 'copy':
    case 'clone': {
      const [of, word, to] = words
      if (words.length !== 3 || word !== 'to') throw new Error(`say: ${verb} NAME to NAME`)
      return { kind: verb, of: of as string, to: to as string }
    }
    case 'clock': {
      const [who, by] = words
      if (words.length !== 2) throw new Error('say: clock NAME +1h')
      return { kind: 'clock', who: who as string, byMs: duration(by as string) }
    }
    case 'wait':
      if (words.length !== 1) throw new Error('say: wait 5s')
      return { kind: 'wait', ms: duration(words[0] as string) }
    case 'show':
      if (words.length === 0) throw new Error('say: show FIELD ...')
      return { kind: 'show', places: words.map(placeOf) }
    case 'rights':
    case 'unsaved':
    case 'calm':
      if (words.length > 0) throw new Error(`${verb} stands alone`)
      return { kind: verb }
    default:
      throw new Error(`there is no command "${verb}", see README.md`)
  }
}

function readSpeech(who: readonly string[], text: string): Command {
  const reapply = /^reapply (\S+)$/.exec(text)
  if (reapply !== null) return { kind: 'reapply', who: who[0] as string, place: placeOf(reapply[1] as string) }
  const [, said = '', token] = /^(.*?)(?: under token (\d+))?$/.exec(text) ?? []
  const writes = (said.match(/(?:"[^"]*"|[^,"])+/g) ?? []).map((part): Write => {
    const [place = '', verb = '', ...words] = part.match(/"[^"]*"|\S+/g) ?? []
    const fault = writeFault(place.split('.'), verb, words.length)
    if (fault !== undefined) throw new Error(fault)
    return { place: place.split('.'), verb, words: words.map(wordValue) }
  })
  return { kind: 'change', who, writes, token: token === undefined ? undefined : Number(token) }
}

function names(words: readonly string[]): readonly string[] {
  const wrong = words.find((word) => !/^[a-z]\w*$/.test(word))
  if (words.length === 0) throw new Error('say who')
  if (wrong !== undefined) throw new Error(`"${wrong}" is no name`)
  return words
}

function placeOf(word: string): Place {
  const fault = placeFault(word.split('.'))
  if (fault !== undefined) throw new Error(fault)
  return word.split('.')
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function duration(text: string): number {
  const found = /^([+-]?\d+)(ms|s|m|h|d)$/.exec(text)
  if (found === null) throw new Error(`"${text}" is no time such as 500ms, 5s, 10m, 1h, 2d`)
  return Number(found[1]) * (units[found[2] as string] as number)
}

/** A number, true or false, or text, in quotes where it has spaces. */
function wordValue(word: string): string | number | boolean {
  if (/^-?\d+(\.\d+)?$/.test(word)) return Number(word)
  if (word === 'true' || word === 'false') return word === 'true'
  return word.startsWith('"') ? word.slice(1, -1) : word
}
