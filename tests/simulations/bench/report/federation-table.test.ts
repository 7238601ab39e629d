import { expect, test } from 'vitest'
import { federationTable } from '../../../../simulations/bench/report/federation-table.ts'
import { contestResult } from '../../../../simulations/bench/report/results.ts'

test('federationTable() shows seconds a round, the upload path, the memory of the server and the ratios', () => {
  const common = { versions: {}, startSeconds: 1, warmUpLosses: [], stepPeakBytes: null }
  const result = contestResult(
    '21mb:3',
    60e6,
    [
      {
        ...common,
        name: 'tessera',
        slots: [[0.4, 0.6], [0.5]],
        parts: { upload: 0.3, publish: 0.1, handOut: 0.1 },
        processor: { server: 0.2, sites: 0.6 },
        peakBytes: 150e6,
      },
      { ...common, name: 'flower', slots: [[10], [10]], peakBytes: 600e6 },
    ],
    ['flower'],
  )
  expect(federationTable(result, { tessera: 'Ours' })).toBe(
    [
      '21mb:3                      s/round     best  server MB',
      '  Ours                        0.500    0.500        150',
      '    upload 0.300 s, publish 0.100 s, handOut 0.100 s; upload path 150 MB/s',
      '    processor: server 0.200 s, sites 0.600 s',
      '  flower                       10.0     10.0        600',
      '  Ours to flower: 20.0 × the speed (20.0 to 20.0), 0.25 × the memory',
      '',
    ].join('\n'),
  )
})
