/** @file How far an element is scrolled, told at most once a frame. */
import { useEffect, useState } from 'preact/hooks'

export interface Scrolled {
  readonly scrollTop: number
  readonly height: number
}

/** Before it was measured: as much as the largest screen shows. */
const UNKNOWN: Scrolled = { scrollTop: 0, height: 1200 }

/** Gives also what to put as `ref`: state and not a box, because the element comes and goes with its rows. */
export function useScrolled(): [Scrolled, (element: HTMLElement | null) => void] {
  const [element, setElement] = useState<HTMLElement | null>(null)
  const [scrolled, setScrolled] = useState(UNKNOWN)
  useEffect(() => {
    if (element === null) return undefined
    let frame = 0
    const measure = (): void => {
      frame = 0
      setScrolled({ scrollTop: element.scrollTop, height: element.clientHeight })
    }
    const ask = (): void => {
      frame ||= requestAnimationFrame(measure)
    }
    const observer = new ResizeObserver(ask)
    observer.observe(element)
    element.addEventListener('scroll', ask, { passive: true })
    return () => {
      cancelAnimationFrame(frame)
      observer.disconnect()
      element.removeEventListener('scroll', ask)
    }
  }, [element])
  return [scrolled, setElement]
}
