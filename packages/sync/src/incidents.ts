/**
 * Outages per document and contact, from the loss to the heal and its later revisions.
 *
 * Invariants
 * 1. The cut begins at the loss (or at load, before unacknowledged work is put on top), so that ancestors are exact.
 * 2. `contact` is told before anything of the other side is merged.
 * 3. Healed means: each side covers what the other had at contact (C15), not that the two are equal.
 */
import { beginCut, type Cut, type HealReport, type Version } from '@rejoin/state'
import { Alarm } from './alarm.ts'
import type { DocumentCore } from './document-core.ts'

/** What a heal brought, once per revision. */
export interface HealEvent extends HealReport {
  readonly document: string
  /** Name or id of the other side. */
  readonly peer: string
  /** 1 for the heal; higher when somebody who healed later conflicts with what was written here apart. */
  readonly revision: number
  /** Wall time of the loss of contact. */
  readonly since: number
  /** How long contact was lost, milliseconds. */
  readonly offlineMs: number
}

interface Incident {
  key: ContactKey
  readonly cut: Cut
  readonly since: number
  readonly isFirstContact: boolean
  contact: { readonly ours: Version; readonly theirs: Version; readonly at: number } | undefined
  revision: number
  readonly revising: Alarm
  stop: () => void
}

/** How one other side is known across connections: a transport's name, or a replica's. */
export type ContactKey = string

export interface Incidents {
  /** The document was loaded: what was done since the last contact of an earlier opening is one more outage. */
  loaded(cut: Cut, since: number, hadContact: boolean): void
  /** Contact with `key` was lost. */
  lost(key: ContactKey): void
  /** Contact is back; `theirs` is what the other side has. */
  contact(key: ContactKey, theirs: Version): void
  /** Knowledge grew: `theyHave` is what the other side is known to have, `sentBytes` what it was sent since contact. */
  progress(key: ContactKey, peer: string, theyHave: Version, sentBytes: number): void
  /** The store was replaced or the document closed. */
  clear(): void
  /** Whether an outage with `key` has not been healed. */
  isOpen(key: ContactKey): boolean
}

/** A link that flaps faster than it heals gets no more cuts than these; the older ones cover what happens. */
const maxOpen = 4
/** Whoever does not come back would be waited for for ever, and each of them costs a copy of what is written. */
const maxContacts = 64
const maxHealed = 4

export function createIncidents(core: DocumentCore): Incidents {
  const { hub } = core
  const open = new Map<ContactKey, Incident[]>()
  const healed: Incident[] = []
  let sinceLoad: Incident | undefined

  const finish = (incident: Incident): void => {
    incident.revising.clear()
    incident.stop()
    incident.cut.close()
  }
  const report = (incident: Incident, peer: string, sentBytes: number): void => {
    incident.revision += 1
    const { cut, contact, revision, since } = incident
    hub.metrics.heals += revision === 1 ? 1 : 0
    // A heal of thousands of keys is not spelled out where nobody listens.
    if (!hub.hearsHeals) return
    const offlineMs = Math.max(0, (contact?.at ?? hub.clock.now()) - since)
    hub.healed({ ...cut.report(core.schemas[0], sentBytes), document: core.name, peer, revision, since, offlineMs })
  }
  const heal = (incident: Incident, peer: string, sentBytes: number): void => {
    const { contact } = incident
    const wroteNothing = contact === undefined || contact.theirs.covers(contact.ours)
    const heardNothing = contact === undefined || contact.ours.covers(contact.theirs)
    // Without earlier contact, two have been apart only if both have something.
    if (incident.isFirstContact && (wroteNothing || heardNothing)) {
      finish(incident)
      return
    }
    report(incident, peer, sentBytes)
    incident.cut.settle()
    if (wroteNothing) {
      finish(incident)
      return
    }
    let isDue = false
    incident.stop = incident.cut.onRevision(() => {
      if (isDue) return
      isDue = true
      hub.soon(() => {
        isDue = false
        if (incident.cut.open) report(incident, peer, sentBytes)
      })
    })
    incident.revising.set(hub.limits.revisionMs, () => {
      healed.splice(healed.indexOf(incident), 1)
      finish(incident)
    })
    healed.push(incident)
    while (healed.length > maxHealed) finish(healed.shift() as Incident)
  }

  const begin = (cut: Cut, since: number, isFirstContact: boolean): Incident => {
    const revising = new Alarm(hub.timers)
    return { key: '', cut, since, isFirstContact, contact: undefined, revision: 0, revising, stop: () => {} }
  }

  return {
    loaded: (cut, since, hadContact) => {
      sinceLoad = begin(cut, since, !hadContact)
    },
    lost: (key) => {
      // From here on its conflicts belong to the next report.
      for (const incident of healed.filter((one) => one.key === key)) {
        healed.splice(healed.indexOf(incident), 1)
        finish(incident)
      }
      const incidents = open.get(key) ?? []
      if (incidents.length >= maxOpen) return
      for (const [oldest, gone] of open) {
        if (open.size < maxContacts || incidents.length > 0) break
        gone.forEach(finish)
        open.delete(oldest)
      }
      open.set(key, [...incidents, begin(beginCut(core.store), hub.clock.now(), false)])
      hub.metrics.cuts += 1
    },
    contact: (key, theirs) => {
      const incidents = open.get(key) ?? []
      if (sinceLoad !== undefined) {
        incidents.unshift(sinceLoad)
        sinceLoad = undefined
        open.set(key, incidents)
      }
      const ours = core.store.version
      for (const incident of incidents) {
        incident.key = key
        incident.cut.contact(theirs)
        incident.contact = { ours, theirs, at: hub.clock.now() }
      }
    },
    progress: (key, peer, theyHave, sentBytes) => {
      const incidents = open.get(key)
      if (incidents === undefined) return
      const version = core.store.version
      const left = incidents.filter((incident) => {
        const { contact } = incident
        // Invariant 3.
        return contact === undefined || !version.covers(contact.theirs) || !theyHave.covers(contact.ours)
      })
      if (left.length === incidents.length) return
      if (left.length === 0) open.delete(key)
      else open.set(key, left)
      for (const incident of incidents) if (!left.includes(incident)) heal(incident, peer, sentBytes)
    },
    clear: () => {
      for (const incidents of open.values()) incidents.forEach(finish)
      healed.forEach(finish)
      if (sinceLoad !== undefined) finish(sinceLoad)
      open.clear()
      healed.length = 0
      sinceLoad = undefined
    },
    isOpen: (key) => open.has(key),
  }
}
