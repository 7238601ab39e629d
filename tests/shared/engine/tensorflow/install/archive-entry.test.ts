import { describe, expect, test } from 'vitest'
import {
  checkEntryName,
  checkEntrySize,
} from '../../../../../shared/engine/tensorflow/install/archive-entry.ts'

describe('checkEntryName()', () => {
  test.each(['a', 'a/b.h', 'a/..b', 'a/b..', '.hidden', 'tensorflow/include/Eigen/Core'])(
    'lets %j pass',
    (name) => {
      expect(() => checkEntryName('wheel', name)).not.toThrow()
    },
  )
  test.each([
    '',
    '..',
    '../a',
    'a/../../b',
    'a/..',
    '/etc/passwd',
    'C:/a',
    'c:a',
    'a\\..\\b',
    'a\0b',
    'x'.repeat(1001),
  ])('refuses %j', (name) => {
    expect(() => checkEntryName('wheel', name)).toThrowError(
      expect.objectContaining({
        code: 'ERR_ENGINE_ARCHIVE',
        message: expect.stringMatching('^wheel must hold only names inside its folder, got "') as string,
      }),
    )
  })
})

describe('checkEntrySize()', () => {
  test('lets the limit itself pass, and refuses one byte more', () => {
    expect(() => checkEntrySize('wheel', 10, 10)).not.toThrow()
    expect(() => checkEntrySize('wheel', 11, 10)).toThrowError(
      'wheel must hold at most 10 bytes, got 11 or more',
    )
  })
})
