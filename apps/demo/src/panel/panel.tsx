import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import { Icon } from '../parts/icons.tsx'
import { drawerOpen, openTab, type Tab, tab } from '../ui.ts'

const tabs: readonly { readonly id: Tab; readonly text: string }[] = [
  { id: 'island', text: 'Island' },
  { id: 'report', text: 'Heal report' },
  { id: 'incidents', text: 'Incidents' },
]

/** Side panel, side drawer or bottom sheet, by width; three pages. */
export function Panel({ pages }: { pages: Readonly<Record<Tab, () => ComponentChildren>> }) {
  const list = useRef<HTMLDivElement>(null)
  const start = useRef<number | undefined>(undefined)
  const current = tab.value
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
    event.preventDefault()
    event.stopPropagation()
    const step = event.key === 'ArrowRight' ? 1 : -1
    const next = tabs[(tabs.findIndex((entry) => entry.id === current) + step + tabs.length) % tabs.length]
    if (next === undefined) return
    tab.value = next.id
    list.current?.querySelector<HTMLButtonElement>(`#tab-${next.id}`)?.focus()
  }
  return (
    <aside
      class={`panel ${drawerOpen.value ? 'open' : ''} ${drawerOpen.value && current !== 'island' ? 'tall-sheet' : ''}`}
      aria-label="Details"
    >
      <button
        type="button"
        class="grab only-tall"
        aria-label={drawerOpen.value ? 'Lower the sheet' : 'Raise the sheet'}
        onClick={() => {
          drawerOpen.value = !drawerOpen.value
        }}
        onPointerDown={(event) => {
          start.current = event.clientY
        }}
        onPointerUp={(event) => {
          const moved = event.clientY - (start.current ?? event.clientY)
          if (Math.abs(moved) > 24) drawerOpen.value = moved < 0
        }}
      />
      <div class="tabs" role="tablist" aria-label="Details" ref={list} onKeyDown={onKeyDown}>
        {tabs.map((entry) => (
          <button
            key={entry.id}
            type="button"
            role="tab"
            id={`tab-${entry.id}`}
            aria-selected={current === entry.id}
            aria-controls="panel-body"
            tabIndex={current === entry.id ? 0 : -1}
            onClick={() => openTab(entry.id)}
          >
            {entry.text}
          </button>
        ))}
        <button
          type="button"
          class="closer"
          tabIndex={-1}
          aria-hidden="true"
          onClick={() => {
            drawerOpen.value = false
          }}
        >
          <Icon name="close" />
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a page that scrolls has to be reachable by keyboard */}
      <div class="body" role="tabpanel" id="panel-body" aria-labelledby={`tab-${current}`} tabIndex={0}>
        <div key={current}>{pages[current]()}</div>
      </div>
    </aside>
  )
}
