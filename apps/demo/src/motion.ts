import { signal } from '@preact/signals'

/** True while the system asks for less motion: no loops, no rolling, colours change at once. */
export const reducedMotion = signal(false)

const query = typeof matchMedia === 'function' ? matchMedia('(prefers-reduced-motion: reduce)') : undefined
if (query !== undefined) {
  reducedMotion.value = query.matches
  query.addEventListener('change', (event) => {
    reducedMotion.value = event.matches
  })
}

/** Whether decoration has to hold still. */
export function stillSea(): boolean {
  return reducedMotion.peek()
}
