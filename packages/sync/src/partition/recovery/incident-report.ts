import { failureWords } from './classify.ts'
import type { Incident, Symptoms } from './incident.ts'

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
    ...timeline.map(({ at, phase, text }) => `- ${spelled(at)} (${phase}) ${text}`),
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
  for (const [from, to] of missing) lines.push(`- No way from ${from} to ${to}`)
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
