import type { ComponentChildren } from 'preact'
import { beats, type Tour } from './tour.ts'

/** The story of the beat on show: one headline, one or two short sentences, Continue. */
export function Caption({ tour, extra }: { tour: Tour | undefined; extra?: ComponentChildren }) {
  const at = tour?.beat.value
  const beat = at === undefined ? undefined : beats[at]
  const last = at === beats.length - 1
  return (
    <div class="cap" aria-live="polite">
      {tour === undefined || beat === undefined || at === undefined ? (
        extra
      ) : (
        <div key={at} class={`telling ${tour.waiting.value ? 'waiting' : ''}`}>
          <h1>{beat.headline}</h1>
          <p>{beat.sentence}</p>
          <div class="go">
            <button type="button" class="primary" data-continue onClick={() => tour.next()}>
              {last ? 'Set sail' : 'Continue'}
            </button>
            <span class="steps" role="img" aria-label={`Step ${at + 1} of ${beats.length}`}>
              {beats.map((entry, index) => (
                <i key={entry.headline} class={index < at ? 'on' : index === at ? 'now' : ''} />
              ))}
            </span>
            {last ? null : (
              <button type="button" class="quiet" onClick={() => tour.skip()}>
                Skip
              </button>
            )}
          </div>
        </div>
      )}
    </div>
  )
}

/** A caption outside the tour: what a link holds, or how the live sea is doing. */
export function Telling({
  headline,
  sentence,
  children,
}: {
  headline: string
  sentence: string
  children?: ComponentChildren
}) {
  return (
    <div key={headline} class="telling">
      <h1>{headline}</h1>
      <p>{sentence}</p>
      {children === undefined ? null : <div class="go">{children}</div>}
    </div>
  )
}
