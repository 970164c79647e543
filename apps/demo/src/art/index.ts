import cinder from './cinder.svg?raw'
import defs from './defs.svg?raw'
import halo from './halo.svg?raw'
import lantern from './lantern.svg?raw'
import needle from './needle.svg?raw'
import quern from './quern.svg?raw'

/** Inner markup of the five drawings, in ring order; five tones of one ink each. */
export const islandArt: readonly string[] = [lantern, needle, cinder, halo, quern].map(innerMarkup)

/** Gradients, emblems, flag pole, boat, small icons and shallows, for `<use>`. */
export const definitions: string = innerMarkup(defs)

/** Name of the drawing of a seat in {@link definitions}. */
export const artNames = ['lantern', 'needle', 'cinder', 'halo', 'quern'] as const

/** Where the harbour flag stands on each drawing. */
export const flagSpots: readonly (readonly [number, number])[] = [
  [43, -12],
  [50, 2],
  [-22, 2],
  [-6, 22],
  [-4, 2],
]

/** Every flag there is; an island may fly a name the page does not know, and then flies it as a plain cloth. */
export const emblems = ['anchor', 'star', 'whale', 'moon'] as const

export function emblemOf(flag: string): string | undefined {
  return (emblems as readonly string[]).includes(flag) ? `#em-${flag}` : undefined
}

function innerMarkup(svg: string): string {
  return svg.slice(svg.indexOf('>') + 1, svg.lastIndexOf('</svg>'))
}
