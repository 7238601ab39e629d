import { parse } from 'csv-parse/sync'
import { array, assert, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { csvLine, framesCsv } from '../../../site-agent/dashboard/frames-csv.ts'

describe('csvLine()', () => {
  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =1', '\r\n=1'])('makes a text of %j', (cell) => {
    expect(parse(csvLine([cell]))).toEqual([[`'${cell}`]])
  })

  test('quotes what is in quotes, and leaves numbers alone', () => {
    expect(csvLine([7, 'a "b", c\nd'])).toBe('7,"a ""b"", c\nd"\r\n')
  })

  test('is read back as it was, whatever stands in it', () => {
    assert(
      property(array(string(), { minLength: 1 }), (cells) => {
        const [read] = parse(csvLine(cells))
        expect(read?.map((cell, i) => (cell === cells[i] ? cell : cell.slice(1)))).toEqual(cells)
      }),
    )
  })
})

describe('framesCsv()', () => {
  test('names the columns, then has a line a frame; what a frame does not have is empty', async () => {
    const entry = { seq: 1, time: 't', kind: 'connect', bytes: 2, sha256: 'h', why: 'opens', previous: '' }
    let text = ''
    for await (const line of framesCsv(one(entry))) text += line
    expect(text).toBe(
      '"seq","time","kind","bytes","study","round","why","sha256","previous"\r\n1,"t","connect",2,"","","opens","h",""\r\n',
    )
  })
})

async function* one<T>(value: T): AsyncGenerator<T> {
  yield value
}
