import { study as studySchema } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import {
  diskNeed,
  judgeClock,
  judgeDisk,
  judgeMemory,
  judgeRound,
} from '../../../site-agent/preflight/judge.ts'
import { defaultStudy } from '../../../site-agent/preflight/preflight.ts'
import { TINY_STUDY } from '../../support/mini-coordinator.ts'

describe('judgeDisk()', () => {
  test.each([
    [99, 'fail'],
    [100, 'warn'],
    [200, 'ok'],
  ])('%d bytes free of 100 needed: %s', (free, status) => {
    expect(judgeDisk(free, 100).status).toBe(status)
  })
  test('a study needs room for three states of its modules, with their velocities', () => {
    expect(diskNeed(TINY_STUDY, 9, 1000) - diskNeed(TINY_STUDY, 9, 0)).toBe(3 * 2 * 4 * 1000)
  })
  test('a study needs room for its states, and MoMA for its queues', () => {
    const moma = defaultStudy(['a', 'b'], 96)
    const ce = studySchema.parse({ ...moma, teacher: undefined, method: { name: 'ce' } })
    expect(diskNeed(moma, 9, 0) - diskNeed(ce, 9, 0)).toBeGreaterThan(3 * 4 * 16_384 * 512)
    expect(diskNeed(TINY_STUDY, 9, 0)).toBeGreaterThan(200e6)
    const crd = studySchema.parse({ ...moma, method: { name: 'crd', featureDim: 100 } })
    expect(diskNeed(crd, 1000, 0) - diskNeed(crd, 0, 0)).toBe(3 * 4 * 2 * 1000 * 100)
  })
})

describe('judgeMemory()', () => {
  test.each([
    [0.2e9, 'fail'],
    [0.5e9, 'warn'],
    [2e9, 'ok'],
  ])('%d bytes free: %s', (free, status) => {
    expect(judgeMemory(free, 1e9).status).toBe(status)
  })
})

describe('judgeClock()', () => {
  test.each([
    [2000, 10, 'ok', '2.0 s ahead of'],
    [-2000, 10, 'ok', '2.0 s behind'],
    [40_000, 10, 'warn', '40.0 s ahead of'],
    [-3_600_000, 10, 'fail', '3600.0 s behind'],
    [40_000, 20_000, 'ok', '40.0 s ahead of'],
  ])('off by %d ms, known to %d ms: %s', (off, doubt, status, text) => {
    expect(judgeClock(off, doubt)).toMatchObject({ status, text: `${text} the coordinator's` })
  })
})

describe('judgeRound()', () => {
  test.each([
    [40, 'ok'],
    [60, 'warn'],
    [101, 'fail'],
  ])('%d s a round with a deadline of 100 s: %s', (seconds, status) => {
    expect(judgeRound(seconds, 100_000, '').status).toBe(status)
  })
})
