import { clockText, countText, type Seat, type StormMode } from '../frame.ts'
import { openIsland } from '../ui.ts'
import type { Sailing } from '../world/sailing.ts'

interface StormToTry {
  readonly mode: Exclude<StormMode, 'brush'>
  /** The island that is shown with it. */
  readonly opens?: Seat
  readonly words: string
}

const storms: readonly StormToTry[] = [
  { mode: 'isolate-one', opens: 1, words: 'Isolate Needle, then write on both sides' },
  { mode: 'one-way', words: 'Cut one way only, and see who still hears whom' },
  { mode: 'halves', opens: 2, words: 'Split the sea, then start a regatta at Cinder and at Halo' },
  { mode: 'majorities-ring', opens: 0, words: 'Give every island another majority' },
]

/** Things to try, and the dare. Each does what it says, to the sea as it is. */
export function ThingsToTry({ sailing }: { sailing: Sailing }) {
  const forkAt = 10_000
  const calm = sailing.frame.value.storm === undefined
  return (
    <>
      {calm ? (
        <section>
          <h3>Things to try</h3>
          <ul class="try">
            {storms.map(({ mode, opens, words }) => (
              <li key={mode}>
                <button
                  type="button"
                  onClick={() => {
                    sailing.storm(mode, 1)
                    if (opens !== undefined) openIsland(opens)
                  }}
                >
                  {words}
                </button>
              </li>
            ))}
            {sailing.edge.value > forkAt + 2_000 ? (
              <li>
                <button
                  type="button"
                  onClick={() => {
                    sailing.seek(forkAt)
                    sailing.forkHere()
                  }}
                >
                  Fork at {clockText(forkAt)} and take another road
                </button>
              </li>
            ) : null}
          </ul>
        </section>
      ) : null}
      <section class="dare">
        <h3>The dare</h3>
        <p>Make two islands disagree after a calm sea.</p>
        <small class="num">
          Every calm stretch is checked live: {countText(sailing.checks.value, 'check')}, no disagreement yet.
        </small>
      </section>
    </>
  )
}
