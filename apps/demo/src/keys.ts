/** The keyboard map, in one place. Keys never fire while a control that uses them has the focus. */
import type { Seat } from './frame.ts'
import { raiseSide, toggleSide } from './parts/storm-tool.tsx'
import { speeds } from './time/transport.tsx'
import type { Tour } from './tour/tour.ts'
import { brush, brushSide, drawerOpen, keysOpen, openIsland, openTab, toggleTheme, whyOpen } from './ui.ts'
import type { Sailing } from './world/sailing.ts'

export interface Controls {
  readonly sailing: () => Sailing | undefined
  readonly tour: () => Tour | undefined
  share(): void
}

/** Listens until the returned function is called. */
export function listenToKeys(controls: Controls): () => void {
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
    if (isTyping(event.target)) return
    if (handle(event, controls)) event.preventDefault()
  }
  addEventListener('keydown', onKey)
  return () => removeEventListener('keydown', onKey)
}

function handle(event: KeyboardEvent, controls: Controls): boolean {
  const { key } = event
  if (key === 'Escape') return closeOne()
  if (keysOpen.peek()) return false
  const onControl = usesActivation(event.target)
  if (key === '?') {
    keysOpen.value = true
    return true
  }
  if (key >= '1' && key <= '5' && key.length === 1) {
    const seat = (Number(key) - 1) as Seat
    if (brush.peek() === 'keys') toggleSide(seat)
    else openIsland(seat)
    return true
  }
  switch (key.toLowerCase()) {
    case 't':
      toggleTheme()
      return true
    case 'r':
      openTab('report')
      return true
    case 'w':
      openTab('report')
      whyOpen.value = undefined
      return true
    case 'c':
      controls.share()
      return true
  }
  const sailing = controls.sailing()
  if (sailing === undefined) return false
  if (key === 'Enter') {
    if (brush.peek() === 'keys') {
      raiseSide(sailing)
      return true
    }
    const tour = controls.tour()
    if (onControl || tour?.beat.peek() === undefined) return false
    tour.next()
    return true
  }
  if (key === ' ') {
    if (onControl) return false
    sailing.toggle()
    return true
  }
  return sail(event, sailing)
}

function sail(event: KeyboardEvent, sailing: Sailing): boolean {
  switch (event.key) {
    case 'ArrowLeft':
    case 'ArrowRight': {
      const way = event.key === 'ArrowLeft' ? -1 : 1
      if (event.shiftKey) sailing.stepTime(way * 1000)
      else sailing.stepEvent(way)
      return true
    }
    case '[':
    case ']': {
      const at = speeds.indexOf(sailing.speed.peek() as (typeof speeds)[number])
      const next = speeds[Math.min(speeds.length - 1, Math.max(0, at + (event.key === ']' ? 1 : -1)))]
      if (next !== undefined) sailing.setSpeed(next)
      return true
    }
  }
  switch (event.key.toLowerCase()) {
    case 's':
      if (sailing.frame.peek().storm !== undefined) return true
      brush.value = brush.peek() === 'keys' ? 'off' : 'keys'
      brushSide.value = new Set()
      return true
    case 'l':
      sailing.lift()
      return true
    case 'f':
      sailing.forkHere()
      return true
  }
  return false
}

function closeOne(): boolean {
  if (keysOpen.peek()) keysOpen.value = false
  else if (brush.peek() !== 'off') brush.value = 'off'
  else if (drawerOpen.peek()) drawerOpen.value = false
  else return false
  return true
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
  )
}

/** Whether Enter and Space belong to what has the focus. */
function usesActivation(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('button,a,[role=button],[role=switch],[role=tab]') !== null
}
