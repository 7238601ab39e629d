import { describe, expect, test } from 'vitest'
import { parseLabels, readLabels } from '../../../simulations/runner/labels-csv.ts'

describe('parseLabels()', () => {
  test('reads every column of a path wherever the columns stand, quoted or not', () => {
    const text = 'path,site,group\r\na/x/1.png,a,p1\r\n"a/x/2,b.png",a,"p ""2"""\r\na/x/3.png,a,\r\n'
    expect([...parseLabels(text, 'group')]).toEqual([
      ['a/x/1.png', { path: 'a/x/1.png', site: 'a', group: 'p1' }],
      ['a/x/2,b.png', { path: 'a/x/2,b.png', site: 'a', group: 'p "2"' }],
      ['a/x/3.png', { path: 'a/x/3.png', site: 'a', group: '' }],
    ])
  })
  test('refuses a table without the columns it needs', () => {
    expect(() => parseLabels('file,patient\na,b', 'group')).toThrowError(
      expect.objectContaining({
        code: 'ERR_DATA_FOLDER',
        message: 'labels.csv must have columns path and group, got file, patient',
      }),
    )
    expect(() => parseLabels('path,group\na,b', 'slide')).toThrowError(
      expect.objectContaining({
        message: 'labels.csv must have columns path and slide, got path, group',
      }),
    )
  })
})

test('parseLabels() says where a table is broken', () => {
  expect(() => parseLabels('path,group\na,"b', 'group')).toThrowError(
    expect.objectContaining({
      code: 'ERR_DATA_FOLDER',
      message: 'labels.csv must be a table, got CSV_QUOTE_NOT_CLOSED in line 2',
    }),
  )
})

test('readLabels() gives none when there is no table', async () => {
  expect(await readLabels('/nowhere/labels.csv', 'group')).toEqual(new Map())
})
