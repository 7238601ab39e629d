import { describe, expect, test } from 'vitest'
import {
  completeConfig,
  configDigest,
  parseDataFolder,
  parseTeacherFrom,
} from '../../../simulations/runner/config.ts'

const withCode = (code: string, message: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('completeConfig()', () => {
  test('deals procedural tiles out by Dirichlet, and leaves real ones at their sites', () => {
    expect(completeConfig({}, false)).toMatchObject({ partition: 'dirichlet:1', sites: 3, tilePx: 64 })
    const data = [{ dir: 'tiles', micronsPerPx: null }]
    expect(completeConfig({ data }, false)).toMatchObject({ partition: null, testShare: 0.3 })
  })
  test('lets a flag win over --quick, and --quick over the defaults', () => {
    expect(completeConfig({}, true)).toMatchObject({ rounds: 2, tilePx: 32 })
    expect(completeConfig({ rounds: 5 }, true)).toMatchObject({ rounds: 5, tilePx: 32 })
  })
  test('refuses a number outside its range, with the range', () => {
    expect(() => completeConfig({ rounds: 0 }, false)).toThrowError(
      withCode('ERR_CONFIG_INVALID', /^rounds must be a whole number from 1 to 1000, got 0$/),
    )
    expect(() => completeConfig({ tilePx: 33.5 }, false)).toThrowError(
      withCode('ERR_CONFIG_INVALID', /tilePx/),
    )
    expect(() => completeConfig({ lr: Number.NaN }, false)).toThrowError(withCode('ERR_CONFIG_INVALID', /lr/))
  })
  test('refuses to say who starts from a file when there is none', () => {
    expect(() => completeConfig({ startFor: 'teacher' }, false)).toThrowError(
      withCode('ERR_CONFIG_INVALID', /^--start-for must come with --start FILE, got no file$/),
    )
  })
  test('refuses two sources for the teacher, and one without data', () => {
    const data = [{ dir: 'tiles', micronsPerPx: null }]
    const teacherFrom = { site: 'a', share: 0.5 }
    expect(() => completeConfig({ data, teacherData: data, teacherFrom }, false)).toThrowError(
      withCode('ERR_CONFIG_INVALID', /one source/),
    )
    expect(() => completeConfig({ teacherFrom }, false)).toThrowError(
      withCode('ERR_CONFIG_INVALID', /--data/),
    )
  })
})

test('configDigest() differs when a setting does', () => {
  const digest = configDigest(completeConfig({}, false))
  expect(digest).toMatch(/^[0-9a-f]{8}$/)
  expect(configDigest(completeConfig({}, false))).toBe(digest)
  expect(configDigest(completeConfig({ seed: 'other' }, false))).not.toBe(digest)
})

test('parseDataFolder() reads a folder and, after the last @, the size of its pixels', () => {
  expect(parseDataFolder('tiles')).toEqual({ dir: 'tiles', micronsPerPx: null })
  expect(parseDataFolder('a@home/tiles@0.243')).toEqual({ dir: 'a@home/tiles', micronsPerPx: 0.243 })
  expect(() => parseDataFolder('tiles@0')).toThrowError(withCode('ERR_USAGE', /got tiles@0/))
})

test('parseTeacherFrom() reads SITE:SHARE', () => {
  expect(parseTeacherFrom('a:0.4')).toEqual({ site: 'a', share: 0.4 })
  for (const text of ['a', 'a:0', 'a:1', 'a:x', ':']) {
    expect(() => parseTeacherFrom(text)).toThrowError(withCode('ERR_USAGE', /SITE:SHARE/))
  }
})
