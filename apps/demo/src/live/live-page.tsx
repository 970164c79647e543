import type { LinkState } from '@rejoin/sync'
import { TopBar } from '../bar/top-bar.tsx'
import { agoText } from '../captions.ts'
import { bytesText, countText, seatName, secondsText } from '../frame.ts'
import { IncidentsPage } from '../panel/incidents-page.tsx'
import { IslandPage } from '../panel/island-page.tsx'
import { Panel } from '../panel/panel.tsx'
import { ReportPage } from '../panel/report-page.tsx'
import { Icon } from '../parts/icons.tsx'
import { KeysDialog } from '../parts/keys-dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { Seal } from '../parts/seal.tsx'
import { Definitions } from '../sea/ground.tsx'
import { Sea } from '../sea/sea.tsx'
import { Caption, Telling } from '../tour/caption.tsx'
import type { LiveSea } from './live-sea.ts'

/** The same scene over the real server: this tab is one island. */
export function LivePage({
  sea,
  onMode,
  onShare,
}: {
  sea: LiveSea
  onMode(mode: 'simulated' | 'live'): void
  onShare(): void
}) {
  const frame = sea.frame.value
  const now = sea.clock.value
  return (
    <>
      <Definitions />
      <div class="app live">
        <TopBar
          frame={frame}
          mode="live"
          storm={undefined}
          onPreset={() => undefined}
          onMode={onMode}
          onShare={onShare}
        />
        <main class="stage">
          <Caption tour={undefined} extra={<LiveCaption sea={sea} />} />
          <Sea model={sea} />
          <Seal frame={frame} now={now} />
          <Notice />
        </main>
        <section class="time live-bar" aria-label="Connection">
          <LiveBar sea={sea} />
        </section>
        <Panel
          pages={{
            island: () => <IslandPage model={sea} now={now} />,
            report: () => <ReportPage model={sea} />,
            incidents: () => <IncidentsPage model={sea} />,
          }}
        />
      </div>
      <KeysDialog />
    </>
  )
}

function LiveCaption({ sea }: { sea: LiveSea }) {
  const own = seatName(sea.own.value)
  const others = sea.frame.value.islands.filter((island) => island.present && island.seat !== sea.own.value).length
  if (sea.trouble.value !== undefined) return <Telling headline="A harbour in trouble" sentence={sea.trouble.value} />
  if (!sea.plugged.value)
    return (
      <Telling
        headline={`${own} is unplugged`}
        sentence="Write on. What you do is kept here, and sails when you plug in."
      />
    )
  const state = sea.link.value?.state
  if (state !== 'synced' && state !== 'syncing' && others === 0) {
    return <Telling headline={`You are ${own}`} sentence="No server is heard. What you do is kept on this disk." />
  }
  if (others === 0)
    return (
      <Telling
        headline={`You are ${own}`}
        sentence="Open this page in another tab or on another machine, and it becomes an island."
      />
    )
  return (
    <Telling
      headline={`You are ${own}`}
      sentence={`${countText(others, 'other island')} here${sea.guests.value > 0 ? ` and ${countText(sea.guests.value, 'guest')}` : ''}. Unplug, write on both sides, plug in again.`}
    />
  )
}

function LiveBar({ sea }: { sea: LiveSea }) {
  const unsaved = sea.unsaved.value
  const link = sea.link.value
  // Read so that "in 4 s" counts down.
  const tick = sea.clock.value
  return (
    <div class="live-row">
      <button
        type="button"
        class="switch"
        role="switch"
        aria-checked={!sea.plugged.value}
        onClick={() => sea.setPlugged(!sea.plugged.value)}
      >
        <i />
        <Icon name="plug" />
        Unplug
      </button>
      <p class="live-link" role="status">
        <b>{linkHeadline(link, sea.plugged.value)}</b> <span class="num">{linkDetail(link, tick)}</span>
      </p>
      {link?.state === 'offline' ? (
        <button type="button" class="btn" onClick={() => sea.reconnect()}>
          Try now
        </button>
      ) : null}
      <p class="unsaved num" role="status" data-unsaved={unsaved.changes}>
        <b>
          {unsaved.changes === 0
            ? 'Everything is on the server'
            : `${countText(unsaved.changes, 'change')} not on the server`}
        </b>{' '}
        <span>{unsaved.changes === 0 ? 'after its flush' : `${bytesText(unsaved.bytes)}, kept on this disk`}</span>
      </p>
    </div>
  )
}

function linkHeadline(link: LinkState | undefined, plugged: boolean): string {
  if (!plugged) return 'Unplugged'
  switch (link?.state) {
    case 'synced':
      return 'In touch with the server'
    case 'syncing':
      return 'Catching up'
    case 'connecting':
      return 'Calling the server'
    case 'refused':
      return 'Refused'
    case 'offline':
      return 'The server is silent'
    default:
      return 'Opening'
  }
}

function linkDetail(link: LinkState | undefined, _tick: number): string {
  const now = Date.now()
  switch (link?.state) {
    case 'synced':
      return `since ${secondsText(now - link.since)}, clocks ${Math.round(Math.abs(link.clockOffsetMs))} ms apart`
    case 'refused':
      return link.reason
    case 'offline': {
      const next =
        link.nextAttemptAt === undefined ? '' : `next attempt in ${secondsText(Math.max(0, link.nextAttemptAt - now))}`
      const last = link.lastSyncedAt === undefined ? '' : `, last in touch ${agoText(now - link.lastSyncedAt)}`
      return `${next}${last}`
    }
    default:
      return ''
  }
}
