/** @file The time, for what is shown as so long ago; told again every so often. */
import { useEffect, useState } from 'preact/hooks'

/** Nothing that is shown is finer than this. */
const TICK_MS = 5000

/** @param offsetMs How far the clock that the shown times are by is ahead of this machine's. */
export function useNow(offsetMs: number): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), TICK_MS)
    return () => window.clearInterval(timer)
  }, [])
  return now + offsetMs
}
