import { useEffect, useRef } from 'preact/hooks'
import type { InkFrame, SealFrame } from '../frame.ts'
import { stillSea } from '../motion.ts'
import { inkClass } from './island.tsx'
import type { Layout } from './layout.ts'

/**
 * The last ring of a heal: when the sea agrees again after it had parted, one wide ring of the new ink runs over all
 * of the water. A single element whose transform and opacity move, so that the compositor does it alone.
 */
export function Sweep({ seal, inks, layout }: { seal: SealFrame; inks: readonly InkFrame[]; layout: Layout }) {
  const ink = inks[0]
  // Only worlds that had two inks can become one again; an island that is merely behind is no split.
  const parted = new Set(inks.map((island) => island.ink)).size > 1
  const ring = useRef<HTMLDivElement>(null)
  const was = useRef({ parted: false })
  useEffect(() => {
    if (!seal.converged) {
      if (parted) was.current.parted = true
      return
    }
    if (!was.current.parted) return
    was.current.parted = false
    if (stillSea()) return
    ring.current?.animate(
      [
        { transform: 'translate(-50%,-50%) scale(.12)', opacity: 0 },
        { opacity: 0.9, offset: 0.18 },
        { transform: 'translate(-50%,-50%) scale(1)', opacity: 0 },
      ],
      { duration: 2600, easing: 'cubic-bezier(.22,1,.36,1)' },
    )
  }, [seal.converged, parted])
  const [x, y] = layout.rose
  return (
    <div
      ref={ring}
      class={`sweep ${ink === undefined ? '' : inkClass(ink)}`}
      style={{ left: `${x}px`, top: `${y}px` }}
      aria-hidden="true"
    />
  )
}
