import { describe, expect, it } from 'vitest'
import type { Frame } from '../frame.ts'
import { openRun, shipyard } from '../world/sim-world.ts'
import { Voyage } from '../world/voyage.ts'
import { beats, startTour, type Tour } from './tour.ts'

/** Sails the first minute as a visitor would who presses Continue at every pause. */
function sailTour(seed: number): { voyage: Voyage; pauses: Frame[] } {
  let tour: Tour | undefined
  const voyage: Voyage = new Voyage(shipyard, shipyard.calm(seed), () => tour?.look())
  tour = startTour(voyage, () => undefined)
  const pauses: Frame[] = []
  for (let step = 0; step < 4_000 && tour.beat.value !== beats.length - 1; step += 1) {
    voyage.tick(50)
    tour.look()
    if (!tour.waiting.value) continue
    pauses.push(voyage.frame.value)
    tour.next()
  }
  return { voyage, pauses }
}

describe('the first minute', () => {
  const { voyage, pauses } = sailTour(417)
  const inksOf = (frame: Frame | undefined): Set<string> => new Set(frame?.inks.map((ink) => `${ink.ink} ${ink.tone}`))

  it('shows five beats that pause, and ends converged', () => {
    expect(pauses.length).toBe(5)
    expect(pauses[4]?.seal.converged).toBe(true)
    expect(new Set(pauses[4]?.islands.map((island) => island.digest)).size).toBe(1)
  })

  it('splits into two inks and heals into a third', () => {
    const [calm, , , split, healed] = pauses.map(inksOf)
    expect(calm?.size).toBe(1)
    expect(split?.size).toBe(2)
    expect(healed?.size).toBe(1)
    expect(new Set([...(split ?? []), ...(healed ?? [])]).size).toBe(3)
    expect(new Set([...(split ?? []), ...(calm ?? [])]).size).toBe(3)
  })

  it('shows two verdicts in the storm, and a regatta refused at Cinder', () => {
    const sides = pauses[3]?.islands.map((island) => island.stand?.side)
    expect(sides).toEqual(['majority', 'minority', 'minority', 'majority', 'majority'])
    expect(voyage.events.value.filter((event) => event.kind === 'refused')).toEqual([
      expect.objectContaining({
        seat: 2,
        what: 'start the regatta',
        reason: 'It needs 3 of 5 islands, and Cinder reaches 2. Lantern, Halo and Quern did not answer.',
      }),
    ])
    expect(pauses[3]?.boats.length).toBeGreaterThan(0)
  })

  it('reports both sides, both conflicts and what merged quietly', () => {
    const report = voyage.report.value
    expect(report?.sides.map((side) => side.name)).toEqual(['West', 'East'])
    expect(report?.sides[0]?.did).toEqual(['raised the star', 'took out the pearl', 'tally +5'])
    expect(report?.sides[1]?.did).toEqual(['raised the whale', 'put in pearl and coral', 'tally +4'])
    expect(
      report?.conflicts.map((card) => [card.leaf, card.rule, card.leaf === 'flag' ? card.kept.value : card.item]),
    ).toEqual([
      ['flag', 'newer', 'whale'],
      ['chest', 'add-wins', 'pearl'],
    ])
    expect(report?.quiet).toContainEqual({ what: 'Tally', text: '41 + 5 + 4 = 50, both count' })
    expect(report?.quiet).toContainEqual({ what: 'Chest', text: 'coral came from the east' })
  })

  it('shows both vectors of a conflict, each newer in its own author', () => {
    const card = voyage.report.value?.conflicts[0]
    const seen = (
      entries: readonly { author: string; count: number }[] | undefined,
      author: string | undefined,
    ): number => entries?.find((entry) => entry.author === author)?.count ?? 0
    const kept = card?.kept.record
    const other = card?.other.record
    expect(kept?.name).toBe('Cinder')
    expect(other?.name).toBe('Lantern')
    expect(seen(kept?.seen, kept?.author)).toBeGreaterThan(seen(other?.seen, kept?.author))
    expect(seen(other?.seen, other?.author)).toBeGreaterThan(seen(kept?.seen, other?.author))
  })

  it('is a permalink that gives the same digests', () => {
    const run = openRun(voyage.fragment())
    if (!run.ok) throw new Error(run.reason)
    const again = new Voyage(shipyard, run.world, () => undefined)
    again.sailTo(run.durationMs)
    expect(again.frame.value.islands.map((island) => island.digest)).toEqual(
      voyage.frame.value.islands.map((island) => island.digest),
    )
  })

  it('forks in the past and keeps it', () => {
    const before = voyage.frame.value.islands.map((island) => island.digest)
    const edge = voyage.edge.value
    voyage.seek(5_000)
    voyage.write(3, { leaf: 'flag', value: 'moon' })
    expect(voyage.forks.value.length).toBe(1)
    expect(voyage.edge.value).toBeLessThan(6_000)
    expect(voyage.frame.value.islands[3]?.flag).toBe('moon')
    voyage.openFork(voyage.forks.value[0]?.id ?? 0)
    expect(voyage.edge.value).toBe(edge)
    expect(voyage.frame.value.islands.map((island) => island.digest)).toEqual(before)
  })
})

describe('the tour beside a visitor', () => {
  function start(): { voyage: Voyage; tour: Tour } {
    const holder: { tour?: Tour } = {}
    const voyage: Voyage = new Voyage(
      shipyard,
      shipyard.calm(433),
      () => holder.tour?.look(),
      () => holder.tour?.acted(),
    )
    const tour = startTour(voyage, () => undefined)
    holder.tour = tour
    return { voyage, tour }
  }

  it('goes on over its own deeds', () => {
    const { voyage, tour } = start()
    for (let beat = 0; beat < beats.length - 1; beat += 1) tour.next()
    expect(tour.beat.value).toBe(beats.length - 1)
    expect(voyage.events.value.some((event) => event.kind === 'lift')).toBe(true)
  })

  it('steps aside for a storm, a write, and a fork of the visitor', () => {
    const deeds: readonly ((voyage: Voyage) => void)[] = [
      (voyage) => voyage.storm('halves', 1),
      (voyage) => voyage.write(2, { leaf: 'tally', by: 1 }),
      (voyage) => {
        voyage.sailTo(2_000)
        voyage.seek(1_000)
        voyage.forkHere()
      },
    ]
    for (const deed of deeds) {
      const { voyage, tour } = start()
      deed(voyage)
      expect(tour.beat.value).toBeUndefined()
    }
  })

  it('sails on where it had paused, and leaves a pause of the visitor alone', () => {
    const paused = start()
    paused.voyage.sailTo(12_000)
    expect(paused.tour.waiting.value).toBe(true)
    paused.voyage.storm('halves', 1)
    expect(paused.voyage.playing.value).toBe(true)

    const own = start()
    own.voyage.pause()
    own.voyage.storm('halves', 1)
    expect(own.tour.beat.value).toBeUndefined()
    expect(own.voyage.playing.value).toBe(false)
  })
})
