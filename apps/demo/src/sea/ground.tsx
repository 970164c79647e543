import chartArt from '../art/chart.svg?raw'
import { definitions } from '../art/index.ts'
import { type Layout, type Point, pointOf } from './layout.ts'
import { decorativeRandom } from './prng.ts'

const chartMarkup = chartArt.slice(chartArt.indexOf('>') + 1, chartArt.lastIndexOf('</svg>'))

/** Shared gradients, emblems and icons; once per page. */
export function Definitions() {
  return (
    <svg class="defs" width="0" height="0" aria-hidden="true" focusable="false">
      <defs dangerouslySetInnerHTML={{ __html: definitions }} />
    </svg>
  )
}

/** Depth lines, compass rose and waves: drawn once per layout, and still between redraws. */
export function Ground({ layout }: { layout: Layout }) {
  const fit = layout.tall ? layout.scale / 0.5 : layout.scale
  const [x, y] = layout.rose
  const scale = layout.tall ? fit * 0.42 : fit
  const marks = waves(layout)
  return (
    <>
      <svg class="sea ground" aria-hidden="true" focusable="false" width={layout.width} height={layout.height}>
        <g
          transform={`translate(${x - 512 * scale} ${y - 352 * scale}) scale(${scale})`}
          dangerouslySetInnerHTML={{ __html: chartMarkup }}
        />
      </svg>
      {/* Three sheets of waves: each drifts as a whole, which costs no redraw. */}
      {[0, 1, 2].map((phase) => (
        <svg
          key={phase}
          class={`sea ground waves wv${phase}`}
          aria-hidden="true"
          focusable="false"
          width={layout.width}
          height={layout.height}
        >
          <path
            d={marks
              .filter((mark) => mark.phase === phase)
              .map((mark) => mark.d)
              .join('')}
          />
        </svg>
      ))}
    </>
  )
}

function waves(layout: Layout): { d: string; phase: number }[] {
  const random = decorativeRandom(layout.tall ? 77 : 417)
  const step = layout.tall ? 74 : 104
  const marks: { d: string; phase: number }[] = []
  for (let top = -20; top < layout.height + 20; top += step * 0.72) {
    for (let left = -40; left < layout.width + 60; left += step) {
      const point: Point = [left + random() * step * 0.7, top + random() * step * 0.5]
      const long = random() < 0.5
      if (!isClear(point, layout)) continue
      const crest = 'q4.5 -5 9 0'
      marks.push({
        d: `M${point[0].toFixed(1)} ${point[1].toFixed(1)}${crest}${crest}${long ? crest : ''}`,
        phase: marks.length % 3,
      })
    }
  }
  return marks
}

/** Waves keep clear of land, of names, and of the caption. */
function isClear([x, y]: Point, layout: Layout): boolean {
  if (layout.tall && y < 10) return false
  if (!layout.tall && x < 340 && y < 220) return false
  if (!layout.tall && x < 260 && y > layout.height - 70) return false
  for (let seat = 0; seat < 5; seat += 1) {
    const [ix, iy] = pointOf(layout.islands, seat)
    const [rx, ry] = pointOf(layout.shores, seat)
    if (((x + 12 - ix) / (rx * 1.5)) ** 2 + ((y - iy) / (ry * 1.7)) ** 2 < 1) return false
    const [lx, ly] = pointOf(layout.labels, seat)
    if (x > lx - 40 && x < lx + 180 && y > ly - 14 && y < ly + 54) return false
  }
  return true
}
