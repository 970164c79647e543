/** What a quorum is, as the command line, files and requests name it. */
import type { Policy } from '@rejoin/sync/partition'
import { z } from 'zod'

/** The name of a policy; of a static quorum with how many voters it takes, as `static-quorum:2`. */
export type PolicyText = Exclude<Policy['kind'], 'static-quorum'> | `static-quorum:${number}`

/** All there is, for helps and messages. */
export const policyNames = 'keep-majority, static-quorum:N, two-thirds, keep-oldest, lease or none'

const plain: ReadonlySet<string> = new Set(['keep-majority', 'two-thirds', 'keep-oldest', 'lease', 'none'])

function isPlain(text: string): text is Exclude<PolicyText, `static-quorum:${number}`> {
  return plain.has(text)
}

export const policySchema: z.ZodType<Policy, string> = z.string().transform((text, context) => {
  const [, voters] = /^static-quorum:(\d{1,3})$/.exec(text) ?? []
  if (voters !== undefined) return { kind: 'static-quorum' as const, voters: Number(voters) }
  if (isPlain(text)) return { kind: text }
  context.addIssue({ code: 'custom', message: `must be ${policyNames}` })
  return z.NEVER
})

/** The text of which `policySchema` makes this policy. */
export function policyToText(policy: Policy): PolicyText {
  return policy.kind === 'static-quorum' ? `static-quorum:${policy.voters}` : policy.kind
}
