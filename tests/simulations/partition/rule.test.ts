import { parsePartition } from '@tessera/simulations'
import { expect, test } from 'vitest'

test('parsePartition() reads iid and dirichlet:ALPHA', () => {
  expect(parsePartition('iid')).toEqual({ kind: 'iid' })
  expect(parsePartition('dirichlet:0.5')).toEqual({ kind: 'dirichlet', alpha: 0.5 })
})

test.each(['dirichlet', 'dirichlet:0', 'dirichlet:-1', 'dirichlet:x', 'shards', ''])(
  'parsePartition() refuses %j with ERR_USAGE',
  (text) => {
    expect(() => parsePartition(text)).toThrowError(
      expect.objectContaining({
        code: 'ERR_USAGE',
        message: `--partition must be iid or dirichlet:ALPHA with ALPHA > 0, got ${text}`,
      }),
    )
  },
)
