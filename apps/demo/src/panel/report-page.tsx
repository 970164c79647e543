import { conflictTitle, ruleText, stormSpanText, titleCase } from '../captions.ts'
import type { ConflictCard, HealCard } from '../events.ts'
import { bytesText, countText, secondsText, shortDigest } from '../frame.ts'
import type { SeaModel } from '../model.ts'
import { ConflictMark } from '../parts/icons.tsx'
import { whyOpen } from '../ui.ts'
import { Why } from './why.tsx'

/** What both sides did, where they crossed, which rule decided, and what merged without anybody noticing. */
export function ReportPage({ model }: { model: SeaModel }) {
  const report = model.report.value
  if (report === undefined) {
    return (
      <section>
        <h2 class="verdict">No heal yet</h2>
        <p class="lede">
          When two sides that lost each other meet again, this page says what each did and where they crossed.
        </p>
      </section>
    )
  }
  return <Report report={report} model={model} />
}

function Report({ report, model }: { report: HealCard; model: SeaModel }) {
  const open = whyOpen.value ?? report.conflicts[0]?.id
  return (
    <>
      <section>
        <p class={`who ink-${report.ink}`}>
          <span class="num">
            {report.cause === 'storm'
              ? stormSpanText(report.cutAt, report.liftedAt)
              : `Apart for ${secondsText(report.liftedAt - report.cutAt)}`}
          </span>
          <span class="dig">
            <i class="sw" />
            {shortDigest(report.digest, 2)}
          </span>
        </p>
        <h2 class="verdict">{headline(report)}</h2>
        <div class="sides">
          {report.sides.map((side) => (
            <div key={side.name + side.islands.join()} class={`ink-${side.ink}`}>
              <h4>{side.name}</h4>
              <p>{side.islands.join(', ')}</p>
              <ul>
                {side.did.length === 0 ? <li>changed nothing</li> : null}
                {side.did.map((line) => (
                  <li key={line}>{line}</li>
                ))}
              </ul>
              <p class="num">
                {countText(side.changes, 'change')}, {countText(side.keys, 'key')}
                {side.bytes === 0 ? '' : `, ${bytesText(side.bytes)}`}
              </p>
            </div>
          ))}
        </div>
      </section>
      <section>
        <h3>
          {report.conflicts.length === 0 ? 'No conflicts' : titleCase(countWord(report.conflicts.length, 'conflict'))}
          {report.conflicts.length === 0 ? null : <small>both writes are shown</small>}
        </h3>
        {report.conflicts.length === 0 ? <p class="empty">The sides did not touch the same values.</p> : null}
        {report.conflicts.map((card) => (
          <Case key={card.id} card={card} model={model} open={open === card.id} />
        ))}
      </section>
      {report.quiet.length === 0 ? null : (
        <section>
          <h3>Merged without a conflict</h3>
          <ul class="plain-list">
            {report.quiet.map((line) => (
              <li key={line.what + line.text}>
                <span>{line.what}</span>
                {line.text}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  )
}

function Case({ card, model, open }: { card: ConflictCard; model: SeaModel; open: boolean }) {
  const title = conflictTitle(card)
  return (
    <div class="case">
      <header>
        <ConflictMark />
        <p class="title">
          {title.lead}
          <b>{title.kept}</b> {title.mid === '' ? null : <em>{title.mid}</em>} {title.other}
        </p>
        <small>
          {ruleText(card.rule)}
          {card.before === undefined || card.leaf === 'chest' ? '' : `. Was ${titleCase(card.before)}`}
          <button
            type="button"
            class="whytoggle"
            aria-expanded={open}
            onClick={() => {
              whyOpen.value = open ? '' : card.id
            }}
          >
            {open ? 'Hide why' : 'Why did it win?'}
          </button>
        </small>
        {card.canReapply ? (
          <button type="button" class="btn" onClick={() => model.reapply(card)}>
            {reapplyText(card)}
          </button>
        ) : null}
      </header>
      {open ? <Why card={card} /> : null}
    </div>
  )
}

function reapplyText(card: ConflictCard): string {
  if (card.leaf === 'chest') return card.other.value === undefined ? 'Take it out' : 'Put it back'
  return card.other.value === undefined ? 'Remove it' : `Re-apply ${titleCase(card.other.value)}`
}

function headline(report: HealCard): string {
  return `${titleCase(numberWord(report.sides.length))} sides, one world`
}

function countWord(count: number, one: string): string {
  return `${numberWord(count)} ${one}${count === 1 ? '' : 's'}`
}

function numberWord(count: number): string {
  return ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'][count] ?? String(count)
}
