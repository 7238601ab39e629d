import { describe, expect, test } from 'vitest'
import { checked, checking, opened, UNREAD } from '../../../site-agent/dashboard/data-health.ts'
import type { DataReport } from '../../../site-agent/data/report.ts'

const report = (more: Partial<DataReport> = {}): DataReport => ({
  tiles: 12,
  classCounts: [
    { name: 'normal', tiles: 8, parts: { train: 8, val: 2, test: 1 } },
    { name: 'tumor', tiles: 4, parts: { train: 4, val: 0, test: 0 } },
  ],
  parts: null,
  labels: [],
  skipped: { ERR_DATA_TILE_UNREADABLE: 0, ERR_DATA_TILE_NOT_RGB: 0, ERR_DATA_TILE_TOO_LARGE: 0 },
  duplicates: 0,
  contradictions: 0,
  nearDuplicates: null,
  leaks: { patient: 0, slide: 0, group: 0, duplicate: 0, 'near-duplicate': 0 },
  resized: 0,
  otherFiles: 0,
  missingClasses: [],
  inMemory: true,
  ...more,
})

describe('a report for the page', () => {
  test('counts tiles by class; of data that are not divided all are trained on', () => {
    expect(opened(report(), 7)).toMatchObject({
      state: 'opened',
      atMs: 7,
      tiles: 12,
      divided: false,
      classes: [
        { name: 'normal', train: 8, val: 0, test: 0 },
        { name: 'tumor', train: 4, val: 0, test: 0 },
      ],
      remarks: [],
      fault: null,
    })
    const parts = { train: 12, val: 2, test: 1 }
    expect(opened(report({ parts }), 7)).toMatchObject({
      tiles: 15,
      divided: true,
      classes: [{ train: 8, val: 2, test: 1 }, { train: 4 }],
    })
  })

  test('remarks what is not zero', () => {
    const found = checked(
      {
        report: report({
          skipped: { ERR_DATA_TILE_UNREADABLE: 3, ERR_DATA_TILE_NOT_RGB: 0, ERR_DATA_TILE_TOO_LARGE: 0 },
          leaks: { patient: 2, slide: 0, group: 0, duplicate: 0, 'near-duplicate': 0 },
          missingClasses: ['tumor'],
        }),
        empty: 0,
        blurred: 5,
        fault: { code: 'ERR_DATA_LEAKAGE', message: 'no' },
      },
      9,
    )
    expect(found.remarks).toEqual([
      { remark: 'unreadable', count: 3 },
      { remark: 'missing-class', count: 1 },
      { remark: 'leak-patient', count: 2 },
      { remark: 'blurred', count: 5 },
    ])
    expect(found).toMatchObject({ state: 'checked', fault: { code: 'ERR_DATA_LEAKAGE' } })
  })

  test('keeps the last report while the tiles are looked at again', () => {
    expect(checking(opened(report(), 7), 3, 10)).toMatchObject({
      state: 'checking',
      done: 3,
      total: 10,
      tiles: 12,
    })
  })

  test('without a list of the tiles says why, and nothing of before', () => {
    const fault = { code: 'ERR_DATA_FOLDER', message: 'no folder' }
    expect(checked({ report: null, empty: 0, blurred: 0, fault }, 9)).toEqual({
      ...UNREAD,
      state: 'checked',
      atMs: 9,
      fault,
    })
  })
})
