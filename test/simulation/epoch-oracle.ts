/** What the model of epochs is compared with: every operation as it was meant, for ever, and nothing folded. */

export type Versions = Map<string, number>
export interface Dot {
  readonly author: string
  readonly seq: number
}

/** One operation as it was meant, for ever. */
export interface Logged extends Dot {
  readonly context: Versions
  readonly what: 'add' | 'reset' | 'ban' | 'unban' | 'put' | 'remove'
  readonly at: string
  readonly amount: number
}

/** All that ever happened, and the cuts at which epochs began. */
export interface Logs {
  readonly ops: readonly Logged[]
  readonly cuts: readonly { readonly author: string; readonly cut: Versions }[]
}

export const counters = ['hp', 'gold']
export const members = ['eve', 'mallory']

/** From the definitions alone. An epoch decides one thing: adds that a removal in its cut had won over stay lost. */
export function readOracle({ ops, cuts }: Logs, version: Versions): string {
  const seen = ops.filter((op) => has(version, op))
  const sees = (later: Logged, earlier: Logged): boolean => has(later.context, earlier)
  const liveAt = (at: string, what: readonly Logged['what'][], within: readonly Logged[]): Logged[] => {
    const here = within.filter((op) => op.at === at && what.includes(op.what))
    return here.filter((op) => !here.some((later) => later !== op && sees(later, op)))
  }
  const read: string[] = []
  for (const counter of counters) {
    const resets = seen.filter((op) => op.what === 'reset' && op.at === counter)
    const adds = seen.filter((op) => op.what === 'add' && op.at === counter)
    const sum = adds.reduce((total, add) => (resets.some((reset) => sees(reset, add)) ? total : total + add.amount), 0)
    read.push(`${counter}=${sum}`)
  }
  for (const member of members) {
    const lost = new Set<Logged>()
    for (const { author, cut } of cuts) {
      if (!version.has(author)) continue
      const within = ops.filter((op) => has(cut, op))
      const bans = liveAt(member, ['ban', 'unban'], within).filter((op) => op.what === 'ban' && !lost.has(op))
      for (const op of seen) {
        if (op.at !== member || op.context.has(author)) continue
        if (op.what === 'unban' && bans.some((ban) => !sees(op, ban))) lost.add(op)
      }
      for (const ban of bans) lost.add(ban)
    }
    const within = seen.filter((op) => op.at === member && (op.what === 'ban' || op.what === 'unban'))
    const live = liveAt(member, ['ban', 'unban'], within).filter((op) => !lost.has(op))
    if (live.length > 0 && live.every((op) => op.what === 'unban')) read.push(`in ${member}`)
    if (liveAt(member, ['put', 'remove'], seen).some((op) => op.what === 'put')) read.push(`put ${member}`)
    // A removal takes nothing away that it had not seen, so a put beside one is there.
  }
  return read.join()
}

export function has(version: Versions, { author, seq }: Dot): boolean {
  return (version.get(author) ?? 0) >= seq
}

export function covers(version: Versions, other: Versions): boolean {
  return [...other].every(([author, seq]) => (version.get(author) ?? 0) >= seq)
}

export function raise(version: Versions, author: string, seq: number): void {
  if ((version.get(author) ?? 0) < seq) version.set(author, seq)
}

export function isSame(a: Dot, b: Dot): boolean {
  return a.author === b.author && a.seq === b.seq
}

export function isEarlier(dot: Dot, change: Dot): boolean {
  return dot.author === change.author && dot.seq < change.seq
}

export function compareDots(a: Dot, b: Dot): number {
  return a.author === b.author ? a.seq - b.seq : a.author < b.author ? -1 : 1
}
