import { useEffect, useRef } from 'preact/hooks'
import { keysOpen } from '../ui.ts'
import { Icon } from './icons.tsx'

const map: readonly (readonly [readonly string[], string])[] = [
  [['Space'], 'play or pause'],
  [['←', '→'], 'one event back or on; with Shift one second'],
  [['[', ']'], 'slower, faster'],
  [['1', '–', '5'], 'select an island'],
  [['S'], 'storm: digits choose one side, Enter raises it'],
  [['L'], 'lift the storm'],
  [['W'], 'why did it win'],
  [['R'], 'heal report'],
  [['F'], 'fork here'],
  [['C'], 'copy a link to this run'],
  [['T'], 'dark or light'],
  [['?'], 'this map'],
  [['Enter'], 'continue'],
  [['Esc'], 'close'],
]

/** The keyboard map. */
export function KeysDialog() {
  const dialog = useRef<HTMLDivElement>(null)
  const open = keysOpen.value
  useEffect(() => {
    if (!open) return
    const before = document.activeElement
    dialog.current?.focus()
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [open])
  if (!open) return null
  const close = (): void => {
    keysOpen.value = false
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes from anywhere; the veil is for the pointer only
    // biome-ignore lint/a11y/noStaticElementInteractions: the same
    <div class="veil" onClick={close}>
      <div
        class="dialog"
        role="dialog"
        aria-modal="true"
        aria-labelledby="keys-title"
        tabIndex={-1}
        ref={dialog}
        onClick={(event) => event.stopPropagation()}
        onKeyDown={(event) => {
          // One control to hold: focus does not leave an open dialog.
          if (event.key === 'Tab') {
            event.preventDefault()
            dialog.current?.querySelector('button')?.focus()
          }
        }}
      >
        <header>
          <h2 id="keys-title">Keyboard map</h2>
          <button type="button" class="icon" aria-label="Close" onClick={close}>
            <Icon name="close" />
          </button>
        </header>
        <dl>
          {map.map(([keys, text]) => (
            <>
              <dt>{keys.map((key) => (key === '–' ? <span key={key}>to</span> : <kbd key={key}>{key}</kbd>))}</dt>
              <dd>{text}</dd>
            </>
          ))}
        </dl>
      </div>
    </div>
  )
}
