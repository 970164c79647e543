import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { SimulatedPage } from './app.tsx'
import { clockText, countText } from './frame.ts'
import { listenToKeys } from './keys.ts'
import { LivePage } from './live/live-page.tsx'
import { type LiveSea, openLive } from './live/live-sea.ts'
import { liveFragment, readFragment, runFragment } from './permalink.ts'
import { Telling } from './tour/caption.tsx'
import { startTour, type Tour } from './tour/tour.ts'
import { drawerOpen, openTab, selected, tab, tell } from './ui.ts'
import { openRun, shipyard } from './world/sim-world.ts'
import { Voyage } from './world/voyage.ts'

type Scene =
  | {
      readonly kind: 'simulated'
      readonly sailing: Voyage
      readonly tour: Tour | undefined
      readonly run: RunCaption | undefined
    }
  | { readonly kind: 'live'; readonly sea: LiveSea; readonly room: string }

/** What the caption says of a link that was opened. */
interface RunCaption {
  readonly headline: string
  readonly sentence: string
}

const scene = signal<Scene | undefined>(undefined)
const caption = signal(true)
const calmSeed = 433

/** Chooses the scene by the address, and again whenever the address changes. */
export function Root() {
  useEffect(() => {
    openScene()
    addEventListener('hashchange', openScene)
    const stopKeys = listenToKeys({
      sailing: () => (scene.peek()?.kind === 'simulated' ? simulated()?.sailing : undefined),
      tour: () => simulated()?.tour,
      share,
    })
    return () => {
      removeEventListener('hashchange', openScene)
      stopKeys()
    }
  }, [])
  const now = scene.value
  if (now === undefined) return null
  if (now.kind === 'live') return <LivePage sea={now.sea} onMode={goTo} onShare={share} />
  return (
    <SimulatedPage
      sailing={now.sailing}
      tour={now.tour}
      onMode={goTo}
      onShare={share}
      caption={now.run === undefined || !caption.value ? undefined : <Telling {...now.run}>{dismiss}</Telling>}
    />
  )
}

const dismiss = (
  <button
    type="button"
    class="primary"
    onClick={() => {
      caption.value = false
    }}
  >
    Set sail
  </button>
)

function openScene(): void {
  const old = scene.peek()
  if (old?.kind === 'live') old.sea.close()
  const request = readFragment(location.hash)
  if (request.kind === 'live') {
    scene.value = { kind: 'live', sea: openLive(request.room), room: request.room }
    return
  }
  if (request.kind === 'run') {
    const run = openRun(request.text)
    if (run.ok) {
      caption.value = true
      const sailing = new Voyage(shipyard, run.world, () => undefined)
      sailing.sailTo(run.durationMs)
      scene.value = {
        kind: 'simulated',
        sailing,
        tour: undefined,
        run: {
          headline: 'A recorded run',
          sentence: `Seed ${run.world.seed}, ${countText(run.actions, 'action')}, sailed to ${clockText(run.durationMs)}. Drag the timeline, or sail on.`,
        },
      }
      return
    }
    tell(`This link cannot be read: ${run.reason}. Here is a calm sea instead.`, 20_000)
  } else if (request.kind === 'refused') {
    tell(`This link cannot be read: ${request.reason}. Here is a calm sea instead.`, 20_000)
  }
  scene.value = calmScene()
}

/** The default: a calm sea and the first minute. */
function calmScene(): Scene {
  let tour: Tour | undefined
  const sailing = new Voyage(
    shipyard,
    shipyard.calm(calmSeed),
    () => tour?.look(),
    () => tour?.acted(),
  )
  const onBeat = (beat: number | undefined): void => {
    if (beat === 0) {
      selected.value = 0
      tab.value = 'island'
      drawerOpen.value = false
    }
    if (beat === 3) selected.value = 2
    if (beat === 5) {
      openTab('island')
      drawerOpen.value = false
    }
  }
  // The report opens by itself once: when the colours have met, so that it hides nothing of that.
  const onShown = (beat: number): void => {
    if (beat === 4) openTab('report')
  }
  tour = startTour(sailing, onBeat, onShown)
  return { kind: 'simulated', sailing, tour, run: undefined }
}

function simulated(): Extract<Scene, { kind: 'simulated' }> | undefined {
  const now = scene.peek()
  return now?.kind === 'simulated' ? now : undefined
}

function goTo(mode: 'simulated' | 'live'): void {
  const now = scene.peek()?.kind
  if (now === mode) return
  location.hash = mode === 'live' ? liveFragment('harbour') : ''
}

/** Puts the address of this run on the clipboard, and into the address bar. */
function share(): void {
  const now = scene.peek()
  if (now === undefined) return
  const hash = now.kind === 'live' ? liveFragment(now.room) : runFragment(now.sailing.fragment())
  history.replaceState(null, '', hash)
  const copied = navigator.clipboard?.writeText(location.href)
  if (copied === undefined) tell('The address bar now holds the link to this run.')
  else {
    copied.then(
      () =>
        tell(
          now.kind === 'live'
            ? 'Link copied. Open it on another machine of this server.'
            : 'Link copied: the seed and everything you did.',
        ),
      () => tell('The address bar now holds the link to this run.'),
    )
  }
}
