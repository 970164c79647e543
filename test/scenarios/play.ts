import { isRejoinError, type Rights } from '@rejoin/state'
import type { MemoryDisk } from '@rejoin/sync'
import { type DiskImage, imageOf, type Opening, restore, Stage, type Wire } from '../support/stage.ts'
import { Guild, type Place, write } from './guild.ts'
import { reportInWords, valueInWords } from './in-words.ts'
import { type Command, type Line, readScript, ScriptError, type Write } from './script.ts'

/** Every line takes so long; those that open or heal, as long as that needs. */
const lineMs = 100
const healMs = 5000

/** Somebody with a disk, which is open or not. */
interface Person {
  readonly name: string
  readonly disk: MemoryDisk
  readonly server: Wire
  /** Ways to other tabs of the same disk. */
  readonly dials: Wire[]
  readonly listens: Wire[]
  isTab: boolean
  skewMs: number
  opening: Opening<typeof Guild> | undefined
}

/** Plays a scenario and answers it with what came out, indented, below each line. */
export function play(script: string): string {
  const scene = new Scene()
  return readScript(script)
    .flatMap((line) => [line.text, ...scene.play(line).map((output) => `    ${output}`)])
    .join('\n')
    .concat('\n')
}

class Scene {
  readonly #stage = new Stage(Guild, 1)
  readonly #people = new Map<string, Person>()
  readonly #images = new Map<MemoryDisk, DiskImage>()
  /** How many of its heal reports were told. */
  readonly #told = new Map<Opening<typeof Guild>, number>()
  /** How many forks it was told of, and how often it was handed what no server took. */
  readonly #forked = new Map<Opening<typeof Guild>, number>()
  readonly #handed = new Map<Opening<typeof Guild>, number>()
  readonly #server = this.#stage.open({ name: 'server', disk: this.#stage.disk(), role: 'server' })

  play({ command, number }: Line): string[] {
    if (command === undefined) return []
    try {
      const said = this.#carryOut(command)
      this.#stage.advance(lineMs)
      return [...said, ...this.#news()]
    } catch (error) {
      throw new ScriptError(number, (error as Error).message)
    }
  }

  #carryOut(command: Command): string[] {
    const people = 'who' in command && Array.isArray(command.who) ? this.#named(command) : []
    switch (command.kind) {
      case 'clients':
        for (const name of command.who) this.#open(this.#add(name, this.#stage.disk()))
        return this.#settle()
      case 'cut':
        for (const { server } of people) server.cut()
        return []
      case 'heal':
        for (const person of people) this.#heal(person)
        return this.#settle()
      case 'open':
        for (const person of people) this.#open(person)
        return this.#settle()
      case 'close':
        for (const person of people) this.#up(person).close()
        return []
      case 'crash':
        for (const person of people) this.#up(person).crash()
        return []
      case 'backup':
        for (const { disk } of people) this.#images.set(disk, imageOf(disk))
        return []
      case 'restore':
        for (const person of people) this.#restore(person)
        return []
      case 'tab':
      case 'process':
        for (const name of command.who) this.#beside(name, this.#person(command.of), command.kind === 'tab')
        return this.#settle()
      case 'copy':
        this.#open(this.#add(command.to, this.#stage.disk(imageOf(this.#person(command.of).disk))))
        return this.#settle()
      case 'clone':
        this.#clone(this.#person(command.of), command.to)
        return this.#settle()
      case 'clock':
        this.#setClock(this.#person(command.who), command.byMs)
        return []
      case 'wait':
        this.#stage.advance(command.ms)
        return []
      case 'show':
        return command.places.flatMap((place) => this.#show(place))
      case 'rights':
        return this.#each(({ opening }) => `may spend ${opening === undefined ? 0 : spendable(opening)}`)
      case 'unsaved':
        return this.#each(({ opening }) => `has ${opening?.document.unsaved.changes} unsaved`)
      case 'calm':
        return this.#calm()
      case 'change':
        return people.flatMap((person) => this.#change(person, command.writes, command.token))
      case 'reapply':
        return this.#reapply(this.#person(command.who), command.place)
    }
  }

  #person(name: string): Person {
    const person = this.#people.get(name)
    if (person === undefined) throw new Error(`nobody is called ${name}`)
    return person
  }

  #named({ kind, who }: { readonly kind: string; readonly who: string | readonly string[] }): Person[] {
    if (kind === 'clients' || kind === 'tab' || kind === 'process') return []
    const everyone = who.length === 1 && who[0] === 'everyone'
    return everyone ? this.#present() : [...who].map((name) => this.#person(name))
  }

  #present(): Person[] {
    return [...this.#people.values()].filter(({ opening }) => opening?.isUp)
  }

  #up({ name, opening }: Person): Opening<typeof Guild> {
    if (!opening?.isUp) throw new Error(`${name} is not open`)
    return opening
  }

  #add(name: string, disk: MemoryDisk): Person {
    if (this.#people.has(name) || name === 'server' || name === 'everyone') throw new Error(`${name} is there already`)
    const server = this.#stage.wire(`${name} to the server`)
    this.#server.listen(server)
    const person = { name, disk, server, dials: [], listens: [], isTab: false, skewMs: 0, opening: undefined }
    this.#people.set(name, person)
    return person
  }

  #beside(name: string, other: Person, isTab: boolean): void {
    const person = this.#add(name, other.disk)
    person.isTab = isTab
    if (isTab) {
      other.isTab = true
      for (const tab of this.#people.values()) if (tab.disk === other.disk && tab.isTab) this.#link(person, tab)
    }
    this.#open(person)
  }

  #link(person: Person, tab: Person): void {
    if (person === tab) return
    const wire = this.#stage.wire(`${person.name} to ${tab.name}`)
    person.dials.push(wire)
    tab.listens.push(wire)
    if (tab.opening?.isUp) tab.opening.listen(wire)
  }

  #open(person: Person): void {
    const { name, disk, server, dials, listens, skewMs, opening } = person
    if (opening?.isUp) throw new Error(`${name} is open`)
    person.opening = this.#stage.open({ name, disk, skewMs, dials: [server, ...dials], listens })
  }

  /** The clone's way to the server is cut when that of the original is. */
  #clone(of: Person, name: string): void {
    const person = this.#add(name, of.disk)
    if (of.server.isCut) person.server.cut()
    person.opening = this.#stage.clone(this.#up(of), { name, skewMs: of.skewMs, dials: [person.server] })
    this.#people.set(name, { ...person, disk: person.opening.disk })
  }

  #heal({ server, opening }: Person): void {
    server.restore()
    if (opening?.isUp) opening.net.reconnect()
  }

  #restore({ name, disk }: Person): void {
    const image = this.#images.get(disk)
    const open = this.#present().find((person) => person.disk === disk)
    if (image === undefined) throw new Error(`there is no backup of ${name}`)
    if (open !== undefined) throw new Error(`close ${open.name} first`)
    restore(disk, image)
  }

  #setClock(person: Person, byMs: number): void {
    person.skewMs += byMs
    if (person.opening?.isUp) person.opening.time.jump(byMs)
  }

  /** Waits for what was opened or healed. */
  #settle(): string[] {
    this.#stage.advance(healMs)
    return []
  }

  #change({ name, ...person }: Person, writes: readonly Write[], token: number | undefined): string[] {
    const options = token === undefined ? {} : { token: { lease: 'round', epoch: 1, ballot: token } }
    return this.#attempt(name, () =>
      this.#up({ name, ...person }).document.change((draft) => {
        for (const { place, verb, words } of writes) write(draft, place, verb, this.#meant(place, verb, words))
      }, options),
    )
  }

  /** Amounts of rights, and who gets them, in the words of the draft. */
  #meant([field]: Place, verb: string, words: Write['words']): readonly unknown[] {
    if (field !== 'potions') return words
    if (verb === 'ask') return [{ spend: words[0] }]
    return verb === 'give'
      ? [this.#up(this.#person(String(words[0]))).document.store.author, { spend: words[1] }]
      : words
  }

  #reapply(person: Person, place: Place): string[] {
    const opening = this.#up(person)
    const conflicts = this.#reports(person).flatMap(({ conflicts }) => conflicts)
    const conflict = conflicts.findLast(({ path }) => path.join('.') === place.join('.'))
    if (conflict === undefined) throw new Error(`${person.name} knows of no conflict at ${place.join('.')}`)
    return this.#attempt(person.name, () => opening.document.reapply(conflict))
  }

  #attempt(name: string, action: () => unknown): string[] {
    try {
      action()
      return []
    } catch (error) {
      if (isRejoinError(error)) return [`${name} is refused: ${error.code}`]
      throw error
    }
  }

  /** Those who read the same together. */
  #show(place: Place): string[] {
    const readers = new Map<string, string[]>()
    for (const { name, opening } of [...this.#present(), { name: 'server', opening: this.#server }]) {
      let value: unknown = opening?.document.snapshot
      for (const segment of place) value = (value as Readonly<Record<string, unknown>> | undefined)?.[segment]
      const text = valueInWords(value)
      readers.set(text, [...(readers.get(text) ?? []), name])
    }
    const label = place.join('.')
    return [...readers].map(([text, names]) => `${label} for ${readers.size === 1 ? 'all' : names.join(', ')}: ${text}`)
  }

  #each(say: (person: Person) => string): string[] {
    return this.#present().map((person) => `${person.name} ${say(person)}`)
  }

  #reports({ opening }: Person): Opening<typeof Guild>['healed'] {
    return opening?.healed ?? []
  }

  /** Heals that were reported since the last line. */
  #news(): string[] {
    return this.#present().flatMap((person) => {
      const { name, opening } = person
      if (opening === undefined) return []
      return [...this.#alarms(name, opening), ...this.#heals(name, opening)]
    })
  }

  #heals(name: string, opening: Opening<typeof Guild>): string[] {
    const fresh = opening.healed.slice(this.#told.get(opening) ?? 0)
    this.#told.set(opening, opening.healed.length)
    return fresh.flatMap((event) => {
      const [head, ...rest] = reportInWords(event)
      return head === undefined ? [] : [`${name} ${head}`, ...rest]
    })
  }

  /** Forks that were told since the last line, and what was handed over. */
  #alarms(name: string, opening: Opening<typeof Guild>): string[] {
    const fresh = opening.forked.slice(this.#forked.get(opening) ?? 0)
    this.#forked.set(opening, opening.forked.length)
    const said = fresh.map(({ error }) => `${name} is told: ${error.code}`)
    const contents = opening.refused.slice(this.#handed.get(opening) ?? 0)
    this.#handed.set(opening, opening.refused.length)
    const handed = contents.map(({ changes }) => {
      const writes = changes.flatMap((change) => change.writes)
      const words = writes.map(({ path, type, kind, member = '', value }) => {
        // Of an element of a set its canonical key is told, which begins with its type.
        const what = kind.startsWith('set') ? member.slice(1) : valueInWords(value)
        return `${path.join('.')} ${type} ${what}`
      })
      return `${name} is handed ${words.join(', ')}`
    })
    return [...said, ...handed]
  }

  #calm(): string[] {
    for (const person of this.#people.values()) if (person.server.isCut) this.#heal(person)
    this.#stage.advance(60_000)
    const wrong = this.#present().flatMap(({ name, opening }) => {
      const { document, net } = opening as Opening<typeof Guild>
      const faults = [
        ...(document.digest() === this.#server.document.digest() ? [] : ['reads something else than the server']),
        ...(net.link.state === 'synced' ? [] : [`is ${net.link.state}`]),
        ...(document.unsaved.changes === 0 ? [] : [`has ${document.unsaved.changes} unsaved`]),
      ]
      return faults.map((fault) => `${name} ${fault}`)
    })
    return wrong.length > 0 ? wrong : ['all have the same, are synced, and have nothing unsaved']
  }
}

function spendable({ document }: Opening<typeof Guild>): Rights['spend'] {
  let rights = 0
  document.change(({ potions }) => {
    rights = potions.spendable()
  })
  return rights
}
