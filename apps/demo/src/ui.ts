/** What the visitor has open, chosen and lit. Nothing here is about the world. */
import { signal } from '@preact/signals'
import type { Seat } from './frame.ts'

export type Tab = 'island' | 'report' | 'incidents'

export const selected = signal<Seat>(0)
export const tab = signal<Tab>('island')
export const theme = signal<'dark' | 'light'>('dark')
/** The storm tool: off, drawing with the pointer, or choosing one side by digits. */
export const brush = signal<'off' | 'draw' | 'keys'>('off')
export const brushSide = signal<ReadonlySet<Seat>>(new Set())
export const keysOpen = signal(false)
/** The panel as a drawer (721 to 1180 px) or a raised sheet (phone). */
export const drawerOpen = signal(false)
/** One line of news for everybody, read out politely: a copied link, a refused link. */
export const notice = signal('')
/** Whether the why-card of the first conflict is open. */
export const whyOpen = signal<string | undefined>(undefined)

let noticeTimer: ReturnType<typeof setTimeout> | undefined

/** Shows a line for a few seconds. */
export function tell(text: string, forMs = 6000): void {
  notice.value = text
  clearTimeout(noticeTimer)
  noticeTimer = setTimeout(() => {
    notice.value = ''
  }, forMs)
}

/** Opens a tab of the panel, and the panel itself where it is a drawer or a sheet. */
export function openTab(next: Tab): void {
  tab.value = next
  drawerOpen.value = true
}

/** Selects an island and shows its page. */
export function openIsland(seat: Seat): void {
  selected.value = seat
  openTab('island')
}

/** Follows the system until the visitor decides otherwise. */
export function watchTheme(): void {
  const query = matchMedia('(prefers-color-scheme: light)')
  let chosen = readChoice()
  const apply = (): void => {
    theme.value = chosen ?? (query.matches ? 'light' : 'dark')
    document.documentElement.dataset['theme'] = theme.value
  }
  query.addEventListener('change', apply)
  apply()
  toggleTheme = () => {
    chosen = theme.peek() === 'dark' ? 'light' : 'dark'
    keepChoice(chosen)
    apply()
  }
}

export let toggleTheme: () => void = () => undefined

const themeKey = 'archipelago-theme'

function readChoice(): 'dark' | 'light' | undefined {
  try {
    const kept = localStorage.getItem(themeKey)
    return kept === 'dark' || kept === 'light' ? kept : undefined
  } catch {
    return undefined
  }
}

function keepChoice(choice: string): void {
  try {
    localStorage.setItem(themeKey, choice)
  } catch {
    // A browser that keeps nothing still shows the theme for this visit.
  }
}
