/** @file Says which view is shown: in the tab's title, and by the focus, which a new view gets at its heading. */
import { useEffect, useRef } from 'preact/hooks'

/** @param view What tells one view from another. */
export function useAnnouncedView(title: string, view: string, isDrawn: boolean): void {
  const first = useRef(true)
  useEffect(() => {
    document.title = title
    if (!isDrawn) return
    // The first view is not moved to: its reader begins at the top of the page.
    if (first.current) first.current = false
    else {
      document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true })
      window.scrollTo(0, 0)
    }
  }, [title, view, isDrawn])
}
