/**
 * @file The slides that this thread has open. Opening one takes as long as reading up to five tiles, so they stay open as long as there is room for what the
 * library keeps of each: decoded blocks, up to 32 MiB.
 */
import { systemClock } from '@tessera/shared/clock'
import { openSlide, type Slide } from './slide.ts'

/** Slides open at the same time in one thread. A process may often have 1024 files open: 8 threads with 64 leave half of them. */
const MAX_OPEN = 64
/** Decoded blocks of a thread's slides. Tiles come in random order: the blocks are rarely of use, but only closing a slide frees them. */
const MAX_CACHED_BYTES = 256 * 1024 * 1024
/** Without a reader for this long, all are closed: a round's training may be over, or all tiles in memory. Longer than a pause between two batches. */
const REST_MS = 60_000

interface Entry {
  readonly slide: Promise<Slide>
  users: number
  /** Of decoded blocks, after its last reading. */
  cachedBytes: number
  /** Not to be used again: closed when the last user has done. */
  dropped: boolean
}

/** Opens each slide once, and closes those that were not asked for lately. */
export function createSlidePool({
  maxOpen = MAX_OPEN,
  maxCachedBytes = MAX_CACHED_BYTES,
  open = openSlide,
  clock = systemClock,
} = {}) {
  /** By path; the one that was asked for last is last. */
  const entries = new Map<string, Entry>()

  function drop(path: string, entry: Entry): void {
    entry.dropped = true
    if (entries.get(path) === entry) entries.delete(path)
    if (entry.users === 0) void entry.slide.then((slide) => slide.close()).catch(() => undefined)
  }

  /** Closes those that were asked for longest ago, until the others are within the limits. The last one stays. */
  function makeRoom(): void {
    let cached = 0
    for (const { cachedBytes } of entries.values()) cached += cachedBytes
    for (const [path, entry] of entries) {
      if (entries.size === 1 || (entries.size <= maxOpen && cached <= maxCachedBytes)) return
      cached -= entry.cachedBytes
      drop(path, entry)
    }
  }

  /** A slide in use is closed when its user has done. */
  const closeAll = (): void => {
    for (const [path, entry] of entries) drop(path, entry)
  }
  let cancelRest = (): void => undefined

  return {
    /** Lends the slide. A slide that fails is closed: the library reads nothing more from it. */
    async use<T>(path: string, work: (slide: Slide) => Promise<T>): Promise<T> {
      const entry = entries.get(path) ?? { slide: open(path), users: 0, cachedBytes: 0, dropped: false }
      entries.delete(path)
      entries.set(path, entry)
      entry.users++
      makeRoom()
      let failed = true
      try {
        const slide = await entry.slide
        const result = await work(slide)
        entry.cachedBytes = slide.cachedBytes()
        failed = false
        return result
      } finally {
        entry.users--
        if (failed || entry.dropped) drop(path, entry)
        cancelRest()
        cancelRest = clock.schedule(closeAll, REST_MS)
      }
    },
  }
}

export type SlidePool = ReturnType<typeof createSlidePool>

/** The slides of the thread that asks. */
export const threadSlides: SlidePool = createSlidePool()
