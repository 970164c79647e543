/** `rejoin leases`: who holds which lease, as far as one server knows by its own votes. */
import { asking, type Terminal } from './ask-server.ts'
import type { LeasesView } from './leases-view.ts'
import { leasesWords } from './leases-words.ts'
import { type PrintOptions, printJson } from './status.ts'

/** Prints the leases that a server voted for, of all documents or of one. */
export async function printLeases(
  url: string,
  { json, document }: PrintOptions & { readonly document?: string },
  terminal: Terminal,
): Promise<number> {
  const { stdout } = terminal
  const place = document === undefined ? 'leases' : `leases/${encodeURIComponent(document)}`
  const view = JSON.parse(await asking(url, terminal).look(place)) as LeasesView
  if (json) printJson(view, terminal)
  else for (const line of leasesWords(view, document, Date.now())) stdout.write(`${line}\n`)
  return 0
}
