import { TesseraError } from '@tessera/shared/errors'
import { describe, expect, test } from 'vitest'
import { describeOutcome, summarise } from '../../../cli/verify/report.ts'

const difference = { name: 'query', shape: [2, 3], absolute: 3e-7, relative: 2e-7, limit: 1e-4, passes: true }
const loss = { name: 'loss.ce', shape: [], absolute: 1, relative: 0.5, limit: 1e-5, passes: false }
const compared = { path: 'a.safetensors', kind: 'moma-step', differences: [difference, loss] }
const failed = {
  path: 'b.safetensors',
  failure: new TesseraError('ERR_CASE_FILE', 'case must be a file, got none'),
}

describe('describeOutcome()', () => {
  test('lays out a table', () => {
    expect(describeOutcome(compared)).toBe(
      [
        'a.safetensors (moma-step)',
        '  tensor   shape   absolute  relative  limit',
        '  query    2×3     3.00e-7   2.00e-7   1e-4   ok',
        '  loss.ce  scalar  1.00e+0   5.00e-1   1e-5   DIFFERS',
        '',
      ].join('\n'),
    )
  })

  test('says why a file was not compared', () => {
    expect(describeOutcome(failed)).toBe(
      'b.safetensors\n  not compared: case must be a file, got none (ERR_CASE_FILE)\n',
    )
  })
})

describe('summarise()', () => {
  test('counts files and tensors, and gives losses apart', () => {
    expect(summarise([compared, failed])).toBe(
      '2 tensors of 1 file compared, largest relative difference 2.00e-7, of a loss 5.00e-1, 1 tensor beyond the limit, 1 file not compared\n',
    )
  })

  test('does not call nothing a success', () => {
    expect(summarise([failed])).toBe('nothing compared: 1 file could not be read or computed\n')
  })
})
