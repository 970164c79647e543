import type { Stand } from '../stand.ts'

const paths = {
  link: 'M8.2 11.8l3.6 -3.6M9.2 6.4l1.6 -1.6a3.1 3.1 0 0 1 4.4 4.4l-1.6 1.6M10.8 13.6l-1.6 1.6a3.1 3.1 0 0 1 -4.4 -4.4l1.6 -1.6',
  theme: 'M10 3.5a6.5 6.5 0 1 0 0 13zM10 3.5a6.5 6.5 0 0 1 0 13',
  help: 'M7.6 7.8a2.4 2.4 0 1 1 3.5 2.15c-.8 .4 -1.1 .9 -1.1 1.75M10 14.6v.2M10 3a7 7 0 1 0 0 14a7 7 0 0 0 0 -14',
  back: 'M13.5 5l-6 5 6 5zM5.5 5v10',
  forward: 'M6.5 5l6 5 -6 5zM14.5 5v10',
  pause: 'M6 4.5v11M14 4.5v11',
  play: 'M6.5 4.5l9 5.5l-9 5.5z',
  fork: 'M5.5 4v12M5.5 12c0 -4 9 -2 9 -6.5M12.5 7.5l2 -2.5 2 2.5',
  storm: 'M4 12.5c3 -5 5.5 1 8 -3.5s3.5 -3 4 -5M4.5 16.5l1.5 -2.5M9 16.5l1.5 -2.5M13.5 14.5l1.5 -2.5',
  lift: 'M10 15V5M6 9l4 -4 4 4',
  close: 'M5 5l10 10M15 5L5 15',
  plus: 'M10 4.5v11M4.5 10h11',
  chart: 'M3 14l4 -4 3 3 7 -8',
  plug: 'M7 3v4M13 3v4M5 7h10v2a5 5 0 0 1 -10 0zM10 14v3',
  tick: 'M4.5 10.5l3.5 3.5 7.5 -8',
} as const

/** A line icon of the page; it takes the colour of the text round it. */
export function Icon({ name }: { name: keyof typeof paths }) {
  return (
    <svg class="i" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  )
}

/** Linked diamonds: a conflict. */
export function ConflictMark() {
  return (
    <svg class="mk conflict" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d="M5.5 3.5L10 8l-4.5 4.5L1 8zM10.5 3.5L15 8l-4.5 4.5L6 8z" />
    </svg>
  )
}

/** The emblem of a flag, or nothing for a name that has none. */
export function Emblem({ flag }: { flag: string }) {
  return (
    <svg class="emb" viewBox="-14 -12 28 24" width="26" height="22" aria-hidden="true" focusable="false">
      <use href={`#em-${['anchor', 'star', 'whale', 'moon'].includes(flag) ? flag : 'none'}`} />
    </svg>
  )
}

/** The lease of the regatta at whoever holds it, with its token; hollow while it is asked for. */
export function LeaseMark({ lease }: { lease: Stand['lease'] }) {
  if (lease === undefined) return null
  const held = lease.state === 'held'
  return (
    <span class={`leasemark ${lease.state}`} title={held ? 'Holds the lease of the regatta' : 'Asks for the lease'}>
      <svg viewBox="0 0 14 16" width="13" height="15" aria-hidden="true" focusable="false">
        <path class="lm-pole" d="M2 15V1.500" />
        <path class="lm-cloth" d="M2 2L12.500 5.500 2 9z" />
      </svg>
      {held ? <span class="mono">{lease.token}</span> : null}
    </span>
  )
}

/** A barred circle: an action that was not allowed. */
export function RefusedMark() {
  return (
    <svg class="refusedmark" viewBox="-8 -8 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <circle r="6" />
      <path d="M-4.100 4.100L4.100 -4.100" />
    </svg>
  )
}
