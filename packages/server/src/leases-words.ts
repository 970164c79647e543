import { columns } from './columns.ts'
import { type LeasesView, mayBeBehind } from './leases-view.ts'

/** For `rejoin leases`: all that is listed, and what it is worth. */
export function leasesWords(view: LeasesView, document: string | undefined, now: number): string[] {
  const { self, isVoter, leases, count, more, mayLackUntil } = view
  if (!isVoter) return [`${self} has no vote, so that it knows of no leases: ask a voter.`]
  const of = document === undefined ? '' : ` of ${printable(document)}`
  const lacking =
    mayLackUntil === undefined
      ? []
      : [
          `Until ${new Date(mayLackUntil).toISOString()} leases of before may be missing here: ${self} was started a short while ago, or the roster was changed.`,
        ]
  if (count === 0) return [`no lease${of} that ${self} voted for`, ...lacking]
  const rows = leases.map(({ document: name, name: lease, holder, token, until }) => [
    printable(name),
    printable(lease),
    printable(holder),
    `${token.epoch}.${token.ballot}`,
    `${new Date(until).toISOString()} (${Math.max(0, Math.ceil((until - now) / 1000))} s)`,
  ])
  return [
    ...columns([['document', 'lease', 'holder', 'token', 'until, unless it is renewed'], ...rows]),
    ...(more === 0
      ? []
      : [`and ${more} more${document === undefined ? '; --document NAME lists those of one document' : ''}`]),
    '',
    `This is what ${self} voted for${of}. ${mayBeBehind}`,
    ...lacking,
  ]
}

/** For `rejoin status`: how many, and the first of them. */
export function leasesLine({ self, isVoter, leases, count, more }: LeasesView): string[] {
  if (!isVoter) return []
  if (count === 0) return [`leases: none that ${self} voted for`]
  const named = leases.map(
    ({ document, name, holder }) => `${printable(name)} of ${printable(document)} by ${printable(holder)}`,
  )
  const rest = more === 0 ? [] : [`and ${more} more (\`rejoin leases\`)`]
  return [`leases: ${count} that ${self} voted for: ${[...named, ...rest].join(', ')}`]
}

/** Names come from whoever may write: none of them moves the cursor of a terminal. */
function printable(name: string): string {
  return name.replace(/\p{C}/gu, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`)
}
