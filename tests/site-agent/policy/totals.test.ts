import { describe, expect, test } from 'vitest'
import { createTotals } from '../../../site-agent/policy/index.ts'

const upload = (time: string, round: number, bytes: number, kind = 'upload:chunk', study = 'tiny') => ({
  time,
  kind,
  bytes,
  study,
  round,
})
const at = (iso: string): number => Date.parse(iso)

describe('createTotals()', () => {
  test('sums uploads by the local day, and nothing else', () => {
    const totals = createTotals('America/New_York')
    totals.add(upload('2026-11-25T04:59:59Z', 1, 10, 'upload:open'))
    totals.add(upload('2026-11-25T05:00:00Z', 1, 100))
    totals.add({ time: '2026-11-25T06:00:00Z', kind: 'round:progress', bytes: 999, study: 'tiny', round: 1 })
    totals.add({ time: '2026-11-25T06:00:00Z', kind: 'connect', bytes: 13 })
    expect(totals.day(at('2026-11-25T04:00:00Z'))).toEqual({ bytes: 10, rounds: 1 })
    expect(totals.day(at('2026-11-25T12:00:00Z'))).toEqual({ bytes: 100, rounds: 0 })
    expect(totals.day(at('2026-11-26T12:00:00Z'))).toEqual({ bytes: 0, rounds: 0 })
  })

  test('counts a round once a day, however often its upload is opened', () => {
    const totals = createTotals('UTC')
    const now = at('2026-11-25T12:00:00Z')
    for (const round of [1, 1, 2, 1]) totals.add(upload('2026-11-25T11:00:00Z', round, 1, 'upload:open'))
    totals.add(upload('2026-11-25T11:00:00Z', 1, 1, 'upload:open', 'other'))
    expect(totals.day(now).rounds).toBe(3)
    expect(totals.hasRound(now, 'tiny', 1)).toBe(true)
    expect(totals.hasRound(now, 'tiny', 3)).toBe(false)
    expect(totals.hasRound(now + 24 * 3600_000, 'tiny', 1)).toBe(false)
  })

  test('sums a round over midnight, each study for itself', () => {
    const totals = createTotals('UTC')
    totals.add(upload('2026-11-25T23:59:59Z', 7, 10))
    totals.add(upload('2026-11-26T00:00:00Z', 7, 5))
    totals.add(upload('2026-11-26T00:00:00Z', 7, 1000, 'upload:chunk', 'other'))
    expect(totals.roundBytes('tiny', 7)).toBe(15)
    expect(totals.roundBytes('tiny', 8)).toBe(0)
    totals.add(upload('2026-11-26T00:00:01Z', 8, 1))
    expect([totals.roundBytes('tiny', 7), totals.roundBytes('tiny', 8)]).toEqual([0, 1])
  })

  test('keeps a month of days in memory', () => {
    const totals = createTotals('UTC')
    const start = at('2026-01-01T00:00:00Z')
    const day = (i: number): number => start + i * 24 * 3600_000
    for (let i = 0; i < 400; i++) totals.add(upload(new Date(day(i)).toISOString(), i + 1, 1))
    expect(totals.day(day(399)).bytes).toBe(1)
    expect(totals.day(day(380)).bytes).toBe(1)
    expect(totals.day(day(0)).bytes).toBe(0)
  })
})
