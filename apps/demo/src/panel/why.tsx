import { decisionText, titleCase } from '../captions.ts'
import type { ConflictCard, ConflictWrite } from '../events.ts'
import { clockText, seatNames } from '../frame.ts'
import { Emblem } from '../parts/icons.tsx'
import { authorNames } from './author-names.ts'

/** One row of the two vectors, merged by author. */
interface Row {
  readonly author: string
  readonly name: string
  readonly kept: number
  readonly other: number
}

/** Two writes side by side: what each had seen, where they differ, and the rule that had to decide. */
export function Why({ card }: { card: ConflictCard }) {
  const rows = rowsOf(card)
  return (
    <div class="why">
      <table>
        <thead>
          <tr>
            <th scope="col">Had seen</th>
            <Head write={card.kept} card={card} />
            <Head write={card.other} card={card} />
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.author} class={row.kept === row.other ? '' : 'differs'}>
              <th scope="row">{row.name}</th>
              <Count value={row.kept} against={row.other} />
              <Count value={row.other} against={row.kept} />
            </tr>
          ))}
        </tbody>
      </table>
      <div class="conc">
        <p>
          <dfn>concurrent</dfn> Neither had seen the other.
        </p>
        <p>{decisionText(card)}</p>
      </div>
    </div>
  )
}

function Head({ write, card }: { write: ConflictWrite; card: ConflictCard }) {
  return (
    <th scope="col">
      <span class="tag">
        {card.leaf === 'flag' && write.value !== undefined ? <Emblem flag={write.value} /> : null}
        {valueText(write, card)}
      </span>
      <small class="num">
        {write.record.name}, {clockText(write.record.at, 2)}
      </small>
    </th>
  )
}

function valueText(write: ConflictWrite, card: ConflictCard): string {
  if (card.leaf === 'chest') return write.value === undefined ? 'Taken out' : 'Put in'
  return write.value === undefined ? 'Removed' : titleCase(write.value)
}

function Count({ value, against }: { value: number; against: number }) {
  return (
    <td>
      {value > against ? (
        <b>
          {value} <span>newer</span>
        </b>
      ) : (
        value
      )}
    </td>
  )
}

function rowsOf(card: ConflictCard): Row[] {
  const kept = new Map(card.kept.record.seen.map((entry) => [entry.author, entry.count]))
  const other = new Map(card.other.record.seen.map((entry) => [entry.author, entry.count]))
  const known = new Map(authorNames.value)
  known.set(card.kept.record.author, card.kept.record.name)
  known.set(card.other.record.author, card.other.record.name)
  return [...new Set([...kept.keys(), ...other.keys()])]
    .map((author) => ({
      author,
      name: known.get(author) ?? author.slice(0, 6),
      kept: kept.get(author) ?? 0,
      other: other.get(author) ?? 0,
    }))
    .sort((a, b) => orderOf(a.name) - orderOf(b.name) || (a.author < b.author ? -1 : 1))
}

/** Ring order, like everywhere; whoever has no seat comes last. */
function orderOf(name: string): number {
  const at = (seatNames as readonly string[]).indexOf(name)
  return at < 0 ? seatNames.length : at
}
