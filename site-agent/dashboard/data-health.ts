/** @file The check's report as counts for the page: no name of a file, no picture. */
import type { ClassTiles, DataHealth, Remark } from '@tessera/shared/dashboard/site-view'
import type { DataReport } from '../data/report.ts'
import type { CheckedTiles } from '../data-check/check-tiles.ts'

/** Before anything is read. */
export const UNREAD: DataHealth = {
  state: 'unread',
  done: 0,
  total: 0,
  atMs: null,
  fault: null,
  tiles: 0,
  divided: false,
  classes: [],
  remarks: [],
}

/** As training has opened the tiles. */
export function opened(report: DataReport, atMs: number): DataHealth {
  return { ...UNREAD, state: 'opened', atMs, ...ofReport(report), remarks: remarksOf(report, 0, 0) }
}

/** While they are checked; what was known before stays to be seen. */
export function checking(before: DataHealth, done: number, total: number): DataHealth {
  return { ...before, state: 'checking', done, total }
}

/** After the check. */
export function checked({ report, empty, blurred, fault }: CheckedTiles, atMs: number): DataHealth {
  const counts = report === null ? {} : { ...ofReport(report), remarks: remarksOf(report, empty, blurred) }
  return { ...UNREAD, state: 'checked', atMs, fault, ...counts }
}

function ofReport({
  tiles,
  parts,
  classCounts,
}: DataReport): Pick<DataHealth, 'tiles' | 'divided' | 'classes'> {
  const divided = parts !== null
  const classes = classCounts.map(
    ({ name, tiles, parts }): ClassTiles =>
      divided ? { name, ...parts } : { name, train: tiles, val: 0, test: 0 },
  )
  return { tiles: divided ? parts.train + parts.val + parts.test : tiles, divided, classes }
}

function remarksOf(report: DataReport, empty: number, blurred: number): DataHealth['remarks'] {
  const { skipped, leaks } = report
  const counts: Record<Remark, number> = {
    unreadable: skipped.ERR_DATA_TILE_UNREADABLE,
    'not-rgb': skipped.ERR_DATA_TILE_NOT_RGB,
    'too-large': skipped.ERR_DATA_TILE_TOO_LARGE,
    'missing-class': report.missingClasses.length,
    'leak-patient': leaks.patient,
    'leak-slide': leaks.slide,
    'leak-group': leaks.group,
    'leak-duplicate': leaks.duplicate,
    'leak-near-duplicate': leaks['near-duplicate'],
    duplicate: report.duplicates,
    contradiction: report.contradictions,
    'near-duplicate': report.nearDuplicates ?? 0,
    empty,
    blurred,
    resized: report.resized,
    'other-file': report.otherFiles,
  }
  return Object.entries(counts).flatMap(([remark, count]) =>
    count > 0 ? [{ remark: remark as Remark, count }] : [],
  )
}
