import type { ComponentChildren } from 'preact'
import { agoText, reachHeadline, reachSentence, situationText, titleCase } from '../captions.ts'
import {
  bytesText,
  clockText,
  countText,
  type Frame,
  type IslandFrame,
  type PeerView,
  replicaName,
  type Seat,
  seatName,
  secondsText,
  shortDigest,
} from '../frame.ts'
import type { SeaModel } from '../model.ts'
import { noticeOnPage } from '../noticing.ts'
import { Emblem } from '../parts/icons.tsx'
import { PeerMark, RingGlyph } from '../parts/ring-glyph.tsx'
import { inkClass } from '../sea/island.tsx'
import { type Doubt, doubtText, sideHeadline, sideSentence } from '../stand.ts'
import { selected } from '../ui.ts'
import { Regatta } from './regatta.tsx'
import { Rule } from './rule.tsx'

export interface IslandPageProps {
  readonly model: SeaModel
  readonly now: number
  readonly names?: readonly string[] | undefined
  readonly extra?: ComponentChildren
  readonly lead?: ComponentChildren
  /** Starts a regatta there; where there are none, nothing is said of them. */
  readonly onRegatta?: ((seat: Seat) => void) | undefined
}

/** What one island knows: whom it hears, what it holds, what it did since it lost touch. */
export function IslandPage({ model, now, names, extra, lead, onRegatta }: IslandPageProps) {
  const frame = model.frame.value
  const island = frame.islands[selected.value]
  const ink = frame.inks[selected.value]
  if (island === undefined || ink === undefined) return null
  const name = names?.[island.seat] ?? seatName(island.seat)
  const reached = island.peers.filter((peer) => peer.state === 'connected').length
  const apart = island.peers.some((peer) => peer.state === 'silent')
  const head = noticeOnPage(frame, island, now) ?? wordOf(island, frame, now, reached + 1)
  return (
    <>
      <section>
        <p class={`who ${inkClass(ink)}`}>
          <RingGlyph island={island} size={30} now={now} />
          <b>{name}</b> {replicaName(island.seat)}
          <span class="dig">
            <i class="sw" />
            {shortDigest(island.digest, 2)}
          </span>
        </p>
        <h2 class="verdict">{head.headline}</h2>
        <p class="lede">{head.sentence}</p>
      </section>
      {lead}
      <Peers island={island} now={now} name={name} names={names} />
      {onRegatta === undefined ? null : <Regatta model={model} island={island} now={now} onStart={onRegatta} />}
      <Holds model={model} frame={frame} island={island} name={name} />
      {island.apart === undefined ? null : (
        <section class="apart">
          <div>
            <span>Changed here since the cut</span>
            <b class="num">
              {countText(island.apart.changes, 'change')}, {countText(island.apart.keys, 'key')},{' '}
              {bytesText(island.apart.bytes)}
            </b>
          </div>
          <div>
            <span>Changed across the storm</span>
            <b>unknown until contact</b>
          </div>
        </section>
      )}
      {island.stand === undefined ? null : (
        <section class="plainly">
          <h3>How {name} explains it</h3>
          {island.stand.explained.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </section>
      )}
      {apart && island.stand === undefined ? (
        <section class="plainly">
          <p>{situationText(island)}</p>
        </section>
      ) : null}
      {extra}
    </>
  )
}

/** Its own word: the verdict of its partition layer, or whom it hears where it has none. */
function wordOf(
  island: IslandFrame,
  frame: Frame,
  now: number,
  reaches: number,
): { headline: string; sentence: string } {
  const { stand } = island
  return stand === undefined
    ? { headline: reachHeadline(island), sentence: reachSentence(island, now, frame.seal.converged) }
    : { headline: sideHeadline(stand), sentence: sideSentence(stand, island.seat, now, reaches) }
}

function Peers({
  island,
  now,
  name,
  names,
}: {
  island: IslandFrame
  now: number
  name: string
  names: readonly string[] | undefined
}) {
  return (
    <section>
      <h3>What {name} sees</h3>
      {island.peers.length === 0 ? <p class="empty">Nobody has been heard yet.</p> : null}
      <ul class="peers">
        {island.peers.map((peer) => (
          <li key={peer.seat}>
            <PeerMark view={peer} doubt={doubtOf(island, peer.seat)} now={now} />
            <b>{names?.[peer.seat] ?? seatName(peer.seat)}</b>
            <span class="w num">
              <PeerText peer={peer} doubt={doubtOf(island, peer.seat)} now={now} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function doubtOf(island: IslandFrame, seat: Seat): Doubt | undefined {
  return island.stand?.doubts.find((doubt) => doubt.seat === seat)
}

function PeerText({ peer, doubt, now }: { peer: PeerView; doubt: Doubt | undefined; now: number }) {
  // What is marked long is left out where two columns stand on a phone; the mark before the name says it, too.
  if (doubt !== undefined) {
    return (
      <span class="doubted">
        <span class="long">doubted, </span>
        {doubtText(doubt, now)}
        <span class="long"> to answer</span>
      </span>
    )
  }
  if (peer.state === 'silent') {
    if (peer.since === undefined) return <>not heard yet</>
    return (
      <>
        silent <span class="long">for </span>
        {secondsText(now - peer.since)}
      </>
    )
  }
  if (peer.heardAt === undefined) return <>connected</>
  return (
    <>
      <span class="long">heard </span>
      {agoText(now - peer.heardAt)}
    </>
  )
}

function Holds({ model, frame, island, name }: { model: SeaModel; frame: Frame; island: IslandFrame; name: string }) {
  const before = island.apart
  const mayWrite = model.mayWrite(island.seat)
  const old = new Set(before?.chest ?? island.chest)
  return (
    <section>
      <h3>
        What {name} holds {before === undefined ? null : <small>before the cut</small>}
      </h3>
      <dl class="vals">
        <div>
          <dt>Flag</dt>
          <dd>
            <Emblem flag={island.flag} />
            {titleCase(island.flag) || 'none'}
          </dd>
          <dd class="was">{before === undefined ? flagBy(island, frame) : titleCase(before.flag)}</dd>
          {mayWrite ? (
            <dd class="ruling">
              <Rule kind="flag" model={model} island={island} />
            </dd>
          ) : null}
        </div>
        <div>
          <dt>Chest</dt>
          <dd class="items">
            {island.chest.length === 0 ? <span class="was">empty</span> : null}
            {island.chest.map((item) => (
              <span key={item} class={`item ${old.has(item) ? '' : 'new'}`}>
                {item}
                {mayWrite ? <Rule kind="take" model={model} island={island} item={item} /> : null}
              </span>
            ))}
          </dd>
          <dd class="was">{before === undefined ? '' : countText(before.chest.length, 'thing')}</dd>
          {mayWrite ? (
            <dd class="ruling">
              <Rule kind="stow" model={model} island={island} />
            </dd>
          ) : null}
        </div>
        <div>
          <dt>Tally</dt>
          <dd>
            <span class="big num">{island.tally}</span>
            {mayWrite ? <Rule kind="tally" model={model} island={island} /> : null}
          </dd>
          <dd class="was num">{before === undefined ? '' : before.tally}</dd>
        </div>
      </dl>
    </section>
  )
}

function flagBy(island: IslandFrame, frame: Frame): string {
  if (island.flagBy === undefined) return ''
  return frame.islands.length > 0 ? `by ${seatName(island.flagBy.seat)}, ${clockText(island.flagBy.at)}` : ''
}
