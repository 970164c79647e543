import type { ReplicaCore } from '../replica-core.ts'
import type { StoredRow } from '../seams.ts'
import { absentIn } from './contact-desk.ts'
import { putJson, readJson } from './json-row.ts'
import type { Neighbours } from './neighbours.ts'
import type { PartitionMetrics } from './partitions.ts'
import { readingOf } from './reading.ts'
import { patienceMs } from './recovery/classify.ts'
import { type Incident, noSymptoms, type Symptoms } from './recovery/incident.ts'
import { allPhases, type IncidentInput } from './recovery/incident-machine.ts'
import { createRecovery, type Recovery } from './recovery/recovery.ts'
import type { Verdict } from './verdict/verdict-machine.ts'

/** Where records stand on the disk. */
export const incidentPrefix = 'p/i/'
/** For how long a divergence is a symptom after it was seen. */
const divergedMs = 60_000
/** Documents that an incident names. */
const mostDiverged = 64

const symptomKinds = Object.keys(noSymptoms) as (keyof Symptoms)[]

type Untimed<T> = T extends unknown ? Omit<T, 'now' | 'wall'> : never

/** The incidents of one replica: carries out what its recovery manager decides, and keeps their records. */
export class IncidentDesk {
  readonly listeners: Set<(event: { readonly incident: Incident; readonly what: string }) => void> = new Set()
  /** What is decided; another one once the disk is read. */
  recovery!: Recovery
  readonly #core: ReplicaCore
  readonly #neighbours: Neighbours
  readonly #counts: PartitionMetrics
  readonly #stableMs: number
  /** Until when documents count as diverged. */
  readonly #diverged = new Map<string, number>()
  /** By the last verdict, in this opening. */
  #contact: Pick<Symptoms, 'here' | 'absent' | 'missing'> | undefined

  constructor(core: ReplicaCore, neighbours: Neighbours, counts: PartitionMetrics, stableMs: number) {
    this.#core = core
    this.#neighbours = neighbours
    this.#counts = counts
    this.#stableMs = stableMs
    this.read([])
  }

  /** When time alone makes something of what is seen, as the first divergence that is one no longer. */
  get changesAt(): number {
    return Math.min(...this.#diverged.values())
  }

  /** Goes on with what is on the disk. */
  read(rows: readonly StoredRow[]): void {
    this.recovery = createRecovery({
      stableMs: this.#stableMs,
      newId: () => this.#core.newId(),
      known: incidentsOf(rows),
    })
  }

  diverged(document: string): void {
    if (this.#diverged.size >= mostDiverged && !this.#diverged.has(document)) return
    this.#diverged.set(document, this.#core.clock.monotonic() + divergedMs)
  }

  /** What a verdict shows of being wrong; undefined where there is none. */
  seen(verdict: Verdict | undefined): void {
    const now = this.#core.clock.monotonic()
    for (const [document, until] of this.#diverged) if (now >= until) this.#diverged.delete(document)
    const diverged = [...this.#diverged.keys()]
    // Who was paused, or has just begun, knows nothing of the others: what was wrong, also in an earlier opening, is not well by that.
    if (verdict !== undefined) {
      // What comes back is what does not arrive.
      const oneWay = verdict.oneWay.map(({ from, to }) => [to, from] as const)
      const missing = [...verdict.missingLinks, ...oneWay]
      this.#contact = { here: verdict.sides[0] ?? [], absent: absentIn(verdict), missing }
    } else if (this.#contact === undefined && diverged.length === 0) return
    const contact = this.#contact ?? this.recovery.open[0]?.symptoms
    this.step({ kind: 'seen', symptoms: { ...noSymptoms, ...contact, diverged } })
  }

  step(input: Untimed<IncidentInput>): void {
    const timed = { ...input, ...readingOf(this.#core) } as IncidentInput
    for (const effect of this.recovery.step(timed)) this.#carryOut(effect)
  }

  #carryOut(effect: ReturnType<Recovery['step']>[number]): void {
    const core = this.#core
    switch (effect.kind) {
      case 'dial': {
        this.#counts.redials += 1
        const hadAny = [...core.redialers].map((redial) => redial()).includes(true)
        // Where nothing can be dialled from here, that is all that can be done.
        core.soon(() => this.step({ kind: 'acted' }))
        core.log('info', 'redial', { rung: effect.rung, hadAny })
        break
      }
      case 'compare':
        for (const peer of this.#neighbours.ids)
          for (const session of this.#neighbours.sessionsOf(peer)) session.probe(core.clock.monotonic())
        break
      case 'persist':
        core.queue.push([putJson(incidentPrefix + effect.incident.id, effect.incident)])
        break
      case 'forget':
        core.queue.push([{ kind: 'delete', key: incidentPrefix + effect.id }])
        break
      case 'told': {
        const { incident, what } = effect
        if (what === 'opened') this.#counts.incidentsOpened += 1
        if (what === 'closed') this.#counts.incidentsClosed += 1
        core.log(what === 'operator' ? 'error' : 'info', 'incident', {
          what,
          name: incident.name,
          failure: incident.failure,
        })
        core.tell(this.listeners, effect)
      }
    }
  }
}

/** A damaged record is a record less, and so is one of another build. */
function incidentsOf(rows: readonly StoredRow[]): Incident[] {
  const records = rows.map(({ bytes }) => (readJson(bytes) ?? {}) as Incident)
  return records.filter(({ timeline, symptoms, phase, rung }) => {
    const lists = [timeline, ...symptomKinds.map((kind) => symptoms?.[kind])]
    return lists.every(Array.isArray) && allPhases.includes(phase) && patienceMs[rung] > 0
  })
}
