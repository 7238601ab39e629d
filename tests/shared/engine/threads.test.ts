import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { threadCount } from '../../../shared/engine/threads.ts'

describe('threadCount()', () => {
  test('is the processors there are, 8 at most', () => {
    expect(threadCount(undefined, {})).toBe(Math.min(8, availableParallelism()))
    expect(threadCount(undefined, { TESSERA_THREADS: '' })).toBe(Math.min(8, availableParallelism()))
  })

  test('is what the environment says, and before it what the program says', () => {
    expect(threadCount(undefined, { TESSERA_THREADS: '3' })).toBe(3)
    expect(threadCount(undefined, { TESSERA_THREADS: '64' })).toBe(64)
    expect(threadCount(5, { TESSERA_THREADS: '3' })).toBe(5)
  })

  test.each(['0', '65', '-1', '1.5', '2 ', 'two', '1e1', '0x2', '99999999999'])(
    'says ERR_CONFIG_INVALID for %j in the environment',
    (text) => {
      expect(() => threadCount(undefined, { TESSERA_THREADS: text })).toThrow(
        expect.objectContaining({
          code: 'ERR_CONFIG_INVALID',
          message: `threads must be a whole number from 1 to 64, got ${JSON.stringify(text)}`,
        }),
      )
    },
  )

  test.each([0, 65, 1.5, Number.NaN])('says ERR_CONFIG_INVALID for %d from the program', (count) => {
    expect(() => threadCount(count, {})).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
  })
})
