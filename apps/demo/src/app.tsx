import type { ComponentChildren } from 'preact'
import { TopBar } from './bar/top-bar.tsx'
import type { StormMode } from './frame.ts'
import { clockText } from './frame.ts'
import { IncidentsPage } from './panel/incidents-page.tsx'
import { IslandPage } from './panel/island-page.tsx'
import { Panel } from './panel/panel.tsx'
import { ReportPage } from './panel/report-page.tsx'
import { ThingsToTry } from './panel/try-page.tsx'
import { Dock } from './parts/dock.tsx'
import { KeysDialog } from './parts/keys-dialog.tsx'
import { Notice } from './parts/notice.tsx'
import { Seal } from './parts/seal.tsx'
import { StormTool } from './parts/storm-tool.tsx'
import { Definitions } from './sea/ground.tsx'
import { Sea } from './sea/sea.tsx'
import { Timeline } from './time/timeline.tsx'
import { Transport } from './time/transport.tsx'
import { Caption } from './tour/caption.tsx'
import type { Tour } from './tour/tour.ts'
import type { Sailing } from './world/sailing.ts'

export interface SimulatedPageProps {
  readonly sailing: Sailing
  readonly tour: Tour | undefined
  readonly caption?: ComponentChildren
  onMode(mode: 'simulated' | 'live'): void
  onShare(): void
}

/** The lab: sea, seal, storms, timeline and panel over the simulated world. */
export function SimulatedPage({ sailing, tour, caption, onMode, onShare }: SimulatedPageProps) {
  const frame = sailing.frame.value
  const now = sailing.head.value
  const preset = (mode: Exclude<StormMode, 'brush'>, seat: 0 | 1 | 2 | 3 | 4): void => {
    if (sailing.frame.peek().storm?.mode === mode) sailing.lift()
    else sailing.storm(mode, seat)
  }
  const trace = sailing.trace.value
  const touring = tour?.beat.value !== undefined && tour.beat.value < 5
  return (
    <>
      <Definitions />
      <div class="app">
        <TopBar
          frame={frame}
          mode="simulated"
          storm={frame.storm?.mode}
          onPreset={preset}
          onMode={onMode}
          onShare={onShare}
        />
        <main class="stage">
          <Caption tour={tour} extra={caption} />
          <Sea
            model={sailing}
            brush={{ raise: (line, lanes) => sailing.raise(line, lanes), enabled: true }}
            trace={
              trace === undefined ? undefined : { line: trace.line, text: `storm lifted ${clockText(trace.liftedAt)}` }
            }
          />
          <Seal frame={frame} now={now} />
          <StormTool sailing={sailing} lit={tour?.beat.value === 5} now={now} />
          <Notice />
        </main>
        <section class="time" aria-label="Timeline">
          <Transport sailing={sailing} onShare={onShare} />
          <Timeline sailing={sailing} />
        </section>
        <Panel
          pages={{
            island: () => (
              <IslandPage
                model={sailing}
                now={now}
                onRegatta={(seat) => sailing.regatta(seat)}
                extra={touring ? undefined : <ThingsToTry sailing={sailing} />}
              />
            ),
            report: () => <ReportPage model={sailing} />,
            incidents: () => <IncidentsPage model={sailing} />,
          }}
        />
        <Dock sailing={sailing} />
      </div>
      <KeysDialog />
    </>
  )
}
