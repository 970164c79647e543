import type { DialTransport } from '../../seams.ts'

/** How addresses of one kind are dialled: `webSockets()` of `@rejoin/node` and `@rejoin/web`. */
export interface AddressTransport {
  /** What its addresses are kept under, as `web-socket`: lower case letters, digits and hyphens, a letter first. */
  readonly name: string
  /**
   * An address in its one spelling; undefined where it is none, or must not be dialled from here. `toldBy` is where whoever told
   * of it is connected from, or what was dialled to be connected with it; undefined where it was configured.
   */
  addressOf(text: string, toldBy?: string): string | undefined
  /** What dials it. Its name has no secret in it. */
  dial(address: string): DialTransport
}

/** The kinds of addresses that can be dialled from here. */
export class AddressTransports {
  readonly #byName: ReadonlyMap<string, AddressTransport>

  constructor(all: readonly AddressTransport[]) {
    this.#byName = new Map(all.map((one) => [one.name, one]))
  }

  get(name: string): AddressTransport | undefined {
    return this.#byName.get(name)
  }

  /** The address in a text, of the first kind that takes it. */
  read(text: string): { readonly transport: string; readonly address: string } | undefined {
    for (const { name, addressOf } of this.#byName.values()) {
      const address = addressOf(text)
      if (address !== undefined) return { transport: name, address }
    }
    return undefined
  }

  /** An address as it is kept; undefined where it cannot, or must not, be dialled from here. */
  accept<T extends { readonly transport: string; readonly address: string }>(at: T, toldBy?: string): T | undefined {
    const address = this.#byName.get(at.transport)?.addressOf(at.address, toldBy)
    return address === undefined ? undefined : { ...at, address }
  }
}
