import { expect, test } from 'vitest'
import { slideLines } from '../../../site-agent/screen/slide-lines.ts'

test('slideLines() tells slides, tiles and annotations by what became of them', () => {
  const skipped = {
    ERR_SLIDE_UNREADABLE: 1,
    ERR_SLIDE_SCALE: 2,
    ERR_SLIDE_TOO_LARGE: 0,
    ERR_SLIDE_ANNOTATION: 3,
  }
  const report = { slides: 9, skipped, withTissue: 400, bare: 30, unclear: 20, leftOut: 10, ignored: 5 }
  expect(slideLines(report)).toEqual([
    'slides       9, and skipped 6: 1 unreadable, 2 without a usable scale, 0 too large, 3 with broken annotations',
    'with tissue  400 tiles; not used: 30 not annotated, 20 between classes, 10 left out',
    'annotations  5 without an area or a class, not used',
  ])
})
