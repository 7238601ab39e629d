/** @file What became of a site's slides, for people. */
import type { SlideReport } from '../data/index.ts'

/** Lines of the report: counts only. */
export function slideLines(report: SlideReport): string[] {
  const { skipped, withTissue, bare, unclear, leftOut } = report
  const bad = Object.values(skipped).reduce((sum, count) => sum + count, 0)
  const reasons = [
    `${skipped.ERR_SLIDE_UNREADABLE} unreadable`,
    `${skipped.ERR_SLIDE_SCALE} without a usable scale`,
    `${skipped.ERR_SLIDE_TOO_LARGE} too large`,
    `${skipped.ERR_SLIDE_ANNOTATION} with broken annotations`,
  ]
  return [
    `slides       ${report.slides}, and skipped ${bad}: ${reasons.join(', ')}`,
    `with tissue  ${withTissue} tiles; not used: ${bare} not annotated, ${unclear} between classes, ${leftOut} left out`,
    `annotations  ${report.ignored} without an area or a class, not used`,
  ]
}
