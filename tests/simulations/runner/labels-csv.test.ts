import { describe, expect, test } from 'vitest'
import { parseGroups, readGroups } from '../../../simulations/runner/labels-csv.ts'

describe('parseGroups()', () => {
  test('reads path and group wherever the columns stand, quoted or not', () => {
    const text = 'path,site,group\r\na/x/1.png,a,p1\r\n"a/x/2,b.png",a,"p ""2"""\r\na/x/3.png,a,\r\n'
    expect([...parseGroups(text)]).toEqual([
      ['a/x/1.png', 'p1'],
      ['a/x/2,b.png', 'p "2"'],
      ['a/x/3.png', ''],
    ])
  })
  test('refuses a table without its columns', () => {
    expect(() => parseGroups('file,patient\na,b')).toThrowError(
      expect.objectContaining({
        code: 'ERR_DATA_FOLDER',
        message: 'labels.csv must have columns path and group, got file, patient',
      }),
    )
  })
})

test('readGroups() gives none when there is no table', async () => {
  expect(await readGroups('/nowhere/labels.csv')).toEqual(new Map())
})
