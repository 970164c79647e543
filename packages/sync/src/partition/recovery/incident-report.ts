import type { FailureClass, Incident, Rung, Strategy, Symptoms, TimelineEntry } from './incident.ts'

/** An incident in words, by the headings that a post-mortem has: what is known is filled in, what is not is left to a person. */
export function incidentReport(incident: Incident): string {
  const { id, name, openedAt, closedAt, failure, rung, attempts, outcome, symptoms, timeline } = incident
  const lines = [
    `# Incident ${name}`,
    '',
    `- Began: ${spelled(openedAt)}`,
    `- Ended: ${closedAt === undefined ? 'not yet' : `${spelled(closedAt)}, after ${duration(closedAt - openedAt)}`}`,
    `- Here: ${id === name ? 'under this name' : `as ${id}`}`,
    '',
    '## Timeline',
    '',
    ...timeline.map((entry) => `- ${spelled(entry.at)} (${entry.phase}) ${entryWords(entry)}`),
    '',
    '## Impact',
    '',
    ...impact(symptoms),
    '',
    '## Root cause',
    '',
    failure === undefined ? 'Nothing was told yet.' : failureWords[failure],
    '',
    '## Resolution',
    '',
    outcome === undefined
      ? `Open. It was tried ${times(attempts)}, at last by: ${rung}.`
      : `${outcome === 'healed' ? 'Healed' : 'Dismissed by a person'}. It was tried ${times(attempts)}, at last by: ${rung}.`,
    '',
    '## Prevention',
    '',
    '(to be filled in)',
    '',
  ]
  return lines.join('\n')
}

function impact({ here, absent, missing, lossy, slow, diverged }: Symptoms): string[] {
  const lines = [`- Reached: ${list(here)}`]
  if (absent.length > 0) lines.push(`- Not reached: ${list(absent)}`)
  // One that works one way only may be told as missing too.
  lines.push(...new Set(missing.map(([from, to]) => `- No way from ${from} to ${to}`)))
  if (lossy.length > 0) lines.push(`- Much was lost on the way to: ${list(lossy)}`)
  if (slow.length > 0) lines.push(`- Slow to answer: ${list(slow)}`)
  if (diverged.length > 0) lines.push(`- Documents with different states at the same version: ${list(diverged)}`)
  return lines
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'nobody' : names.join(', ')
}

function times(attempts: number): string {
  return attempts === 1 ? 'once' : `${attempts} times`
}

function spelled(at: number): string {
  return new Date(at).toISOString()
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}

const failureWords: { readonly [F in FailureClass]: string } = {
  isolation: 'This replica reaches nobody else.',
  'node-lost': 'One voter is gone for everybody here: it crashed, or it is cut off. From here the two look alike.',
  partition: 'Several voters are gone: they are on another side, or crashed together. From here the two look alike.',
  'partial-partition': 'All voters are reached, but not all of them reach each other.',
  'message-loss': 'All voters are reached, but much gets lost on the way.',
  slowness: 'All voters are reached, but they answer slowly.',
  divergence: 'Two replicas hold different states at the same version.',
}

const strategyWords: { readonly [S in Strategy]: string } = {
  'wait-for-heal': 'Waiting for it to pass.',
  'active-reconnection': 'Dialling whoever is missing.',
  'merge-and-verify': 'Bringing the states together.',
  operator: 'It does not pass: a person should look. Dialling goes on.',
}

const rungWords: { readonly [R in Rung]: string } = {
  wait: 'it may pass',
  known: 'the addresses that are known',
  discover: 'whatever can be found',
  widen: 'every address of everybody',
  operator: 'a person is called',
}

/** A line of a timeline for people. */
export function entryWords({ what, about = '' }: TimelineEntry): string {
  switch (what) {
    case 'opened':
      return 'Something is wrong.'
    case 'classified':
      return failureWords[about as FailureClass]
    case 'chosen':
      return strategyWords[about as Strategy]
    case 'escalated':
      return `Trying harder: ${rungWords[about as Rung]}.`
    case 'cleared':
      return 'Nothing is wrong any more: bringing the states together.'
    case 'relapsed':
      return 'It came back.'
    case 'named':
      return `The other side calls it ${about}.`
    case 'healed':
      return 'Each side has what the other had.'
    case 'dismissed':
      return about
  }
}
