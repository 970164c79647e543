import type { DetectorSettings } from './presets.ts'

/**
 * How long a suspicion lasts that `confirmers` others share, the first accuser not counted, among `members` (this replica included).
 * Long where nobody else sees it, as then it may be our own fault, and falling to the least with each distinct one (Lifeguard:
 * Dadgar, Phillips, Currey 2018; formula and numbers of memberlist).
 */
export function suspicionTimeoutMs(
  { suspicionMult, suspicionMaxMult }: DetectorSettings,
  intervalMs: number,
  members: number,
  confirmers: number,
): number {
  const least = suspicionMult * Math.max(1, Math.log10(Math.max(1, members))) * intervalMs
  const wanted = confirmersWanted(suspicionMult, members)
  if (wanted < 1) return least
  const most = suspicionMaxMult * least
  return Math.max(least, most - (Math.log(confirmers + 1) / Math.log(wanted + 1)) * (most - least))
}

/** How many confirmers make a suspicion as short as it gets; 0 where there are not so many to be had. */
export function confirmersWanted(suspicionMult: number, members: number): number {
  const wanted = Math.max(0, suspicionMult - 2)
  return members - 2 < wanted ? 0 : wanted
}
