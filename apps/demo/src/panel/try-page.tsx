import { clockText, countText } from '../frame.ts'
import { openIsland } from '../ui.ts'
import type { Sailing } from '../world/sailing.ts'

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
            <li>
              <button
                type="button"
                onClick={() => {
                  sailing.storm('isolate-one', 1)
                  openIsland(1)
                }}
              >
                Isolate Needle, then write on both sides
              </button>
            </li>
            <li>
              <button type="button" onClick={() => sailing.storm('one-way', 1)}>
                Cut one way only, and see who still hears whom
              </button>
            </li>
            <li>
              <button
                type="button"
                onClick={() => {
                  sailing.storm('halves', 1)
                  openIsland(2)
                }}
              >
                Split the sea, then start a regatta at Cinder and at Halo
              </button>
            </li>
            <li>
              <button
                type="button"
                onClick={() => {
                  sailing.storm('majorities-ring', 1)
                  openIsland(0)
                }}
              >
                Give every island another majority
              </button>
            </li>
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
