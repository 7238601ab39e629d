/** @file A data report for people. */
import type { DataReport } from '../data/index.ts'
import { slideLines } from './slide-lines.ts'
import { table } from './table.ts'

/** Lines of the report: counts only. */
export function dataLines(report: DataReport): string[] {
  const { skipped } = report
  const reasons = [
    `${skipped.ERR_DATA_TILE_UNREADABLE} unreadable`,
    `${skipped.ERR_DATA_TILE_NOT_RGB} not 8-bit RGB`,
    `${skipped.ERR_DATA_TILE_TOO_LARGE} too large`,
  ]
  const bad = Object.values(skipped).reduce((sum, count) => sum + count, 0)
  return [
    ...table([
      ['class', 'tiles'],
      ...report.classCounts.map(({ name, tiles }) => [name, tiles]),
      ['total', report.tiles],
    ]),
    '',
    `skipped      ${bad}: ${reasons.join(', ')}`,
    `duplicates   ${report.duplicates}, of which ${report.contradictions} under another class`,
    `resized      ${report.resized}`,
    `other files  ${report.otherFiles}`,
    ...(report.slides === undefined ? [] : ['', ...slideLines(report.slides)]),
  ]
}
