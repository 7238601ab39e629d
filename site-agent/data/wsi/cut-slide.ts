/** @file Cuts one slide into labelled tiles: only their places, the pixels are read when they are needed. */
import { TesseraError } from '@tessera/shared/errors'
import type { ClassMap } from './class-map.ts'
import { readAnnotations } from './read-annotations.ts'
import type { SlideTile } from './read-slide-tile.ts'
import { openSlide, type Scale, type Slide } from './slide.ts'
import type { SlideFile } from './slide-folder.ts'
import type { SlideSettings } from './slide-settings.ts'
import { layGrid, regionAt, type TileGrid } from './tile-grid.ts'
import { BARE, type LabelledPolygon, LEFT_OUT, labelTiles, UNCLEAR } from './tile-labels.ts'
import { findTissue, type TissueMask, tissueShare } from './tissue.ts'

/** Why a slide is skipped. */
export const SLIDE_SKIP_REASONS = [
  'ERR_SLIDE_UNREADABLE',
  'ERR_SLIDE_SCALE',
  'ERR_SLIDE_TOO_LARGE',
  'ERR_SLIDE_ANNOTATION',
] as const
export type SlideSkipReason = (typeof SLIDE_SKIP_REASONS)[number]

/** A tile and the index of its class in the study. */
export interface LabelledSlideTile {
  readonly path: SlideTile
  readonly label: number
}

/** Tiles of a slide, and what became of its other tiles, as counts. */
export interface Cut {
  readonly files: readonly LabelledSlideTile[]
  /** Tiles with enough tissue. */
  readonly withTissue: number
  /** Of these, tiles that nothing was drawn on and that no setting gives a class. */
  readonly bare: number
  /** Tiles that no class covers enough of. */
  readonly unclear: number
  /** Tiles of areas that are left out. */
  readonly leftOut: number
  /** Annotations without an area or a class. */
  readonly ignored: number
}

export interface CutOptions {
  readonly settings: SlideSettings
  readonly map: ClassMap
  readonly sizePx: number
  /** Number of the study's classes. */
  readonly classes: number
}

/** Cuts a slide, or says why it cannot be used. @throws {TesseraError} ERR_SLIDE_LIBRARY */
export async function cutSlide(
  file: SlideFile,
  { settings, map, sizePx, classes }: CutOptions,
): Promise<Cut | SlideSkipReason> {
  try {
    const drawn = file.annotations === null ? null : await readAnnotations(file.annotations)
    const polygons = (drawn?.polygons ?? []).flatMap((polygon): LabelledPolygon[] => {
      const label = map.labelOf(polygon.name)
      return label === null || label === undefined ? [] : [{ polygon, label }]
    })
    const slide = await openSlide(file.path)
    try {
      const scale = scaleOf(slide, settings.slides[file.name]?.scannedMicronsPerPixel)
      const { levels, scanned } = slide
      const { micronsPerPixel, stridePx = sizePx, labelShare, tissueShare } = settings
      const grid = layGrid({ levels, scale, scanned, micronsPerPixel, sizePx, stridePx })
      const mask = await findTissue(slide, scale)
      const labels = labelTiles({
        grid,
        polygons,
        classes,
        leastShare: labelShare,
        origin: scanned,
      })
      const cut = chooseTiles({ file, grid, mask, labels, tissueShare, bareLabel: map.bareLabel(file.name) })
      return { ...cut, ignored: drawn?.ignored ?? 0 }
    } finally {
      slide.close()
    }
  } catch (thrown) {
    if (thrown instanceof TesseraError && isSlideSkipReason(thrown.code)) return thrown.code
    throw thrown
  }
}

/** @throws {TesseraError} ERR_SLIDE_SCALE */
function scaleOf(slide: Slide, told: number | undefined): Scale {
  const scale = told === undefined ? slide.scale : { x: told, y: told }
  if (scale !== null) return scale
  throw new TesseraError(
    'ERR_SLIDE_SCALE',
    'slide must say its µm per pixel, got none: give scannedMicronsPerPixel in slides.yaml',
  )
}

interface ChoiceOptions {
  readonly file: SlideFile
  readonly grid: TileGrid
  readonly mask: TissueMask
  readonly labels: Int16Array
  readonly tissueShare: number
  readonly bareLabel: number
}

function chooseTiles({
  file,
  grid,
  mask,
  labels,
  tissueShare: least,
  bareLabel,
}: ChoiceOptions): Omit<Cut, 'ignored'> {
  const files: LabelledSlideTile[] = []
  const counts = { withTissue: 0, bare: 0, unclear: 0, leftOut: 0 }
  for (const [row, y] of grid.tops.entries()) {
    for (const [column, x] of grid.lefts.entries()) {
      const covered = { x, y, width: grid.coveredWidth, height: grid.coveredHeight }
      if (tissueShare(mask, covered) < least) continue
      counts.withTissue++
      const drawn = labels[row * grid.lefts.length + column] as number
      const label = drawn === BARE ? bareLabel : drawn
      if (label === BARE) counts.bare++
      else if (label === UNCLEAR) counts.unclear++
      else if (label === LEFT_OUT) counts.leftOut++
      else files.push({ path: { slide: file.path, region: regionAt(grid, column, row) }, label })
    }
  }
  return { files, ...counts }
}

function isSlideSkipReason(code: string): code is SlideSkipReason {
  return (SLIDE_SKIP_REASONS as readonly string[]).includes(code)
}
