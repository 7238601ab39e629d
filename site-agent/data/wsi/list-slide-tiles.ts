/** @file Cuts all slides of a site into labelled tiles. */
import { availableParallelism } from 'node:os'
import { TesseraError } from '@tessera/shared/errors'
import { type ClassMap, mapClasses } from './class-map.ts'
import {
  type Cut,
  cutSlide,
  type LabelledSlideTile,
  SLIDE_SKIP_REASONS,
  type SlideSkipReason,
} from './cut-slide.ts'
import { readAnnotations } from './read-annotations.ts'
import { listSlides, type SlideFile } from './slide-folder.ts'
import { readSlideSettings } from './slide-settings.ts'

/** What was found, as counts: no name, no path. */
export interface SlideReport extends Omit<Cut, 'files'> {
  /** Slides that could be used. */
  readonly slides: number
  readonly skipped: Readonly<Record<SlideSkipReason, number>>
}

export interface SlideTiles {
  readonly files: readonly LabelledSlideTile[]
  readonly otherFiles: number
  readonly slides: SlideReport
}

export interface SlideTilesOptions {
  readonly dir: string
  /** The study's classes, in its order. */
  readonly classes: readonly string[]
  readonly sizePx: number
  /** Share of slides, 0 to 1, that may be unusable. */
  readonly maxBadShare: number
  /** Called once a skipped slide, for the operator's own screen. */
  readonly onSkipped?: ((path: string, reason: SlideSkipReason) => void) | undefined
}

/** Slides looked at side by side: the library reads on libuv's threads, four by default. */
const LANES = Math.min(4, availableParallelism())

/**
 * Looks at every slide once, at low magnification. Tiles come by slide, then by row: the same order on every machine.
 *
 * @throws {TesseraError} ERR_SLIDE_LIBRARY, ERR_DATA_FOLDER, ERR_CONFIG_INVALID, ERR_SLIDE_CLASS (which classes are unknown) or ERR_DATA_TOO_MANY_BAD.
 */
export async function listSlideTiles(options: SlideTilesOptions): Promise<SlideTiles> {
  const { dir, classes, sizePx, maxBadShare } = options
  const folder = await listSlides(dir)
  const settings = await readSlideSettings(dir)
  const map = mapClasses(
    settings,
    classes,
    folder.slides.map(({ name }) => name),
  )
  await assertClassesKnown(folder.slides, map)
  const cutting = { settings, map, sizePx, classes: classes.length }
  const cuts = await inLanes(folder.slides, (file) => cutSlide(file, cutting))

  const skipped = {
    ERR_SLIDE_UNREADABLE: 0,
    ERR_SLIDE_SCALE: 0,
    ERR_SLIDE_TOO_LARGE: 0,
    ERR_SLIDE_ANNOTATION: 0,
  }
  const whole: Cut[] = []
  for (const [i, cut] of cuts.entries()) {
    if (typeof cut === 'string') {
      skipped[cut]++
      options.onSkipped?.((folder.slides[i] as SlideFile).path, cut)
    } else whole.push(cut)
  }
  assertFewBad(skipped, cuts.length, maxBadShare)
  const sum = (count: (cut: Cut) => number): number => whole.reduce((total, cut) => total + count(cut), 0)
  return {
    files: whole.flatMap(({ files }) => files),
    otherFiles: folder.otherFiles,
    slides: {
      slides: whole.length,
      skipped,
      withTissue: sum(({ withTissue }) => withTissue),
      bare: sum(({ bare }) => bare),
      unclear: sum(({ unclear }) => unclear),
      leftOut: sum(({ leftOut }) => leftOut),
      ignored: sum(({ ignored }) => ignored),
    },
  }
}

/** Before the slides are opened, which takes longer. Broken files are counted later, with their slides. @throws {TesseraError} ERR_SLIDE_CLASS */
async function assertClassesKnown(slides: readonly SlideFile[], map: ClassMap): Promise<void> {
  const unknown = new Set<string>()
  for (const { annotations } of slides) {
    const drawn = annotations === null ? null : await readAnnotations(annotations).catch(() => null)
    for (const { name } of drawn?.polygons ?? []) if (map.labelOf(name) === undefined) unknown.add(name)
  }
  if (unknown.size === 0) return
  throw new TesseraError(
    'ERR_SLIDE_CLASS',
    `classes of annotations must be the study's or be named in slides.yaml, got ${[...unknown].toSorted().join(', ')}`,
  )
}

/** @throws {TesseraError} ERR_DATA_TOO_MANY_BAD */
function assertFewBad(skipped: SlideReport['skipped'], slides: number, maxBadShare: number): void {
  const bad = SLIDE_SKIP_REASONS.filter((reason) => skipped[reason] > 0)
  const count = bad.reduce((sum, reason) => sum + skipped[reason], 0)
  if (count <= maxBadShare * slides) return
  throw new TesseraError(
    'ERR_DATA_TOO_MANY_BAD',
    `at most ${maxBadShare * 100} % of ${slides} slides must be bad, got ${count} (${bad.map((reason) => `${reason} ${skipped[reason]}`).join(', ')})`,
  )
}

/** Results in the order of the items, {@link LANES} at work at the same time. */
async function inLanes<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T)
  }
  try {
    await Promise.all(Array.from({ length: LANES }, lane))
  } finally {
    // After a failure nothing more is begun.
    next = items.length
  }
  return results
}
